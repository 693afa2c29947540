import { expect, test } from 'vitest';
import { OWN, PREDEFINED } from './codes.ts';
import { decodingTable, readDescription } from './fse.model.ts';
import { type Distribution, description, encodingTable, firstState, spread } from './fse.ts';
import { CODED_BYTES_MAX } from './layout.ts';

const ALL: readonly (readonly [string, Distribution])[] = [
  ...Object.entries(PREDEFINED).map(([name, table]) => [`predefined ${name}`, table] as const),
  ...Object.entries(OWN).map(([name, table]) => [`own ${name}`, table] as const),
];

test.each(ALL)('%s: the counts fill the table, and every code has one', (_name, table) => {
  const sum = table.counts.reduce((total, count) => total + Math.abs(count), 0);
  expect(sum).toBe(2 ** table.log);
  expect(table.counts.every((count) => count === -1 || count > 0)).toBe(true);
});

test('logs and codes are within what the RFC allows, codes reach what segments need', () => {
  expect(OWN.literals.log).toBeLessThanOrEqual(9);
  expect(OWN.match.log).toBeLessThanOrEqual(9);
  expect(OWN.offset.log).toBeLessThanOrEqual(8);
  for (const { literals, match, offset } of [OWN, PREDEFINED]) {
    expect(literals.counts.length).toBe(36);
    expect(match.counts.length).toBe(53);
    expect(offset.counts.length).toBeGreaterThan(Math.log2(CODED_BYTES_MAX));
  }
});

test.each(ALL)('%s: the model reads its description', (_name, table) => {
  const bytes = description(table);
  expect(readDescription(Buffer.concat([bytes, Buffer.alloc(4, 0xff)]))).toEqual({
    table,
    bytesRead: bytes.length,
  });
});

test.each(ALL)('%s: what each state writes leads a decoder back to it', (_name, table) => {
  const { log, next, bits, find } = encodingTable(table);
  const decoding = decodingTable(table);
  expect([...spread(table)]).toEqual(decoding.map(({ symbol }) => symbol));
  const size = 1 << log;
  for (const symbol of table.counts.keys()) {
    for (let state = size; state < 2 * size; state++) {
      const count = (state + (bits[symbol] ?? 0)) >>> 16;
      const after = (next[(state >>> count) + (find[symbol] ?? 0)] ?? 0) - size;
      const low = state & ((1 << count) - 1);
      const entry = decoding[after];
      expect(entry).toMatchObject({ symbol, bits: count });
      expect((entry?.baseline ?? 0) + low).toBe(state - size);
    }
    expect(decoding[firstState({ log, next, bits, find }, symbol) - size]?.symbol).toBe(symbol);
  }
});

test('counts that do not fill a table are refused', () => {
  expect(() => encodingTable({ log: 5, counts: [30, 1] })).toThrow('found counts of 31 states');
  expect(() => description({ log: 5, counts: [0, 32] })).toThrow('count of 0 for symbol 0');
});
