import { expect, test } from 'vitest';
import { CAUSES, HOST_HOWS, KINDS, MARK_KINDS } from '../trace/vocabulary.ts';
import { CAUSE, HOST_HOW, KIND, MARK } from './words.ts';

test('codes of the ring are those of the trace', () => {
  expect(Object.keys(CAUSE)).toEqual([...CAUSES]);
  expect(Object.keys(KIND)).toEqual([...KINDS]);
  expect(Object.keys(HOST_HOW)).toEqual([...HOST_HOWS]);
  expect(Object.keys(MARK)).toEqual([...MARK_KINDS]);
  for (const codes of [CAUSE, KIND, HOST_HOW, MARK]) {
    expect(Object.values(codes)).toEqual(Object.keys(codes).map((_, code) => code));
  }
});
