/**
 * Bytes of a terminal as names of keys: `up`, `pagedown`, `ctrl+r`, `f1`, `enter`, or the character
 * itself. Sequences that are not known give nothing; so does what a terminal reports unasked.
 */

const ESCAPE = '\u001b';
/** What follows Escape: a CSI sequence, the console's own `[[A`, an SS3 one; or their start. */
const SEQUENCE = /^(?:\[(\[[A-E]|[0-?]*[ -/]*[@-Z\\-~])|O(.))/s;
const UNFINISHED = /^(?:\[(?:\[|[0-?]*[ -/]*)|O)?$/;

/** After CSI or SS3: xterm, VT220, rxvt and the Linux console. */
const SEQUENCES: Readonly<Record<string, string>> = {
  A: 'up',
  B: 'down',
  C: 'right',
  D: 'left',
  H: 'home',
  F: 'end',
  P: 'f1',
  '1~': 'home',
  '3~': 'delete',
  '4~': 'end',
  '5~': 'pageup',
  '6~': 'pagedown',
  '7~': 'home',
  '8~': 'end',
  '11~': 'f1',
  '[A': 'f1',
};

const CONTROLS: Readonly<Record<string, string>> = {
  '\r': 'enter',
  '\n': 'enter',
  '\t': 'tab',
  '\u007f': 'backspace',
  '\b': 'backspace',
};

export interface Decoded {
  readonly keys: readonly string[];
  /** The start of a sequence whose end is still to come. */
  readonly pending: string;
}

/** @param input what came, after what was pending. */
export function decodeKeys(input: string): Decoded {
  const keys: string[] = [];
  let at = 0;
  while (at < input.length) {
    const rest = input.slice(at);
    if (rest.startsWith(ESCAPE)) {
      const sequence = SEQUENCE.exec(rest.slice(1));
      if (sequence !== null) {
        const key = SEQUENCES[sequence[1] ?? sequence[2] ?? ''];
        if (key !== undefined) keys.push(key);
        at += 1 + sequence[0].length;
        continue;
      }
      if (UNFINISHED.test(rest.slice(1))) return { keys, pending: rest };
      // Escape, then something else: a person who typed both.
      keys.push('escape');
      at++;
      continue;
    }
    const character = String.fromCodePoint(rest.codePointAt(0) ?? 0);
    at += character.length;
    const key = keyOf(character);
    if (key !== null) keys.push(key);
  }
  return { keys, pending: '' };
}

function keyOf(character: string): string | null {
  const control = CONTROLS[character];
  if (control !== undefined) return control;
  const code = character.codePointAt(0) ?? 0;
  if (code >= 1 && code <= 26) return `ctrl+${String.fromCharCode(code + 96)}`;
  return /[\p{Cc}\p{Cs}]/u.test(character) ? null : character;
}

/** What was pending when nothing came after it for a while: the Escape key, if it was only that. */
export const lateKeys = (pending: string): readonly string[] =>
  pending === ESCAPE ? ['escape'] : [];
