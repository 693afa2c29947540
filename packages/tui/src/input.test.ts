import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeKeys, lateKeys } from './input.ts';

test.each([
  ['k', ['k']],
  ['kkj', ['k', 'k', 'j']],
  ['\u001b[A', ['up']],
  ['\u001bOB', ['down']],
  ['\u001b[5~\u001b[6~', ['pageup', 'pagedown']],
  ['\u001bOP\u001b[11~\u001b[[A', ['f1', 'f1', 'f1']],
  ['\u001b[1~\u001b[F', ['home', 'end']],
  ['\r\t\u007f', ['enter', 'tab', 'backspace']],
  ['\u0003\u0012', ['ctrl+c', 'ctrl+r']],
  ['é漢😀', ['é', '漢', '😀']],
  // Escape, and then a letter: two keys.
  ['\u001bq', ['escape', 'q']],
  // What a terminal reports unasked, and keys that nothing knows.
  ['\u001b[<64;10;10Mk', ['k']],
  ['\u001b[1;5Ak', ['k']],
  ['\u001b[?1;2ck', ['k']],
])('%j', (bytes, keys) => {
  expect(decodeKeys(bytes)).toEqual({ keys, pending: '' });
});

test('a lone Escape waits for what may follow', () => {
  expect(decodeKeys('k\u001b')).toEqual({ keys: ['k'], pending: '\u001b' });
  expect(lateKeys('\u001b')).toEqual(['escape']);
  expect(lateKeys('\u001b[')).toEqual([]);
});

test('wherever the bytes are cut, the keys are the same', () => {
  const pieces = [
    'k',
    '\u001b[A',
    '\u001bOB',
    '\u001b[5~',
    '\u001b[<64;1;1M',
    '漢',
    '\r',
    '\u001b[[A',
  ];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces)), fc.nat(), (list, at) => {
      const bytes = list.join('');
      const cut = bytes.length === 0 ? 0 : at % bytes.length;
      // Surrogate pairs come whole: the stream decodes UTF-8.
      const first = decodeKeys(bytes.slice(0, cut));
      const second = decodeKeys(first.pending + bytes.slice(cut));
      expect([...first.keys, ...second.keys]).toEqual(decodeKeys(bytes).keys);
      expect(second.pending).toBe('');
    }),
  );
});
