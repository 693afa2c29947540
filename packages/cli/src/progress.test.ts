import type { Progress } from '@backtrail/recorder';
import { expect, test } from 'vitest';
import { indexText, ProgressLine, progressText } from './progress.ts';

const at = (elapsedMs: number, transfers: number, waitNs = 0): Progress => ({
  elapsedMs,
  transfers,
  bytes: transfers / 8,
  waitNs,
});

function line(columns: number): { written: string[]; line: ProgressLine } {
  const written: string[] = [];
  const write = (data: string | Uint8Array): void => void written.push(String(data));
  const out = { isTerminal: true, columns, write, paint: (_: string, text: string) => text };
  return { written, line: new ProgressLine(out) };
}

test('says transfers, rate, bytes, bits and waiting', () => {
  expect(progressText(at(2000, 150e6, 12e6), at(1000, 50e6))).toBe(
    'recording 2 s: 150 M transfers, 100 M/s, 17.9 MiB, 1 bits each, program waited 12 ms',
  );
  expect(progressText(at(0, 0), null)).toBe(
    'recording 0 µs: 0 transfers, 0/s, 0 bytes, 0 bits each',
  );
});

test('silent for short runs, 10 times a second at most, within the width, then cleared', () => {
  const { written, line: progress } = line(40);
  progress.update(at(100, 1000));
  progress.clear();
  expect(written).toEqual([]);
  for (let ms = 500; ms < 1500; ms += 20) progress.update(at(ms, ms * 1e5));
  expect(written.length).toBe(10);
  for (const text of written) expect(text.replace('\r\u001b[2K', '').length).toBeLessThan(40);
  progress.clear();
  expect(written.at(-1)).toBe('\r\u001b[2K');
});

test('of an index: how much of how many, and how fast', () => {
  expect(indexText({ transfers: 250e6, totalTransfers: 1e9 }, 1250)).toBe(
    'indexing, once for this trace: 25 % of 1 G, 200 M/s',
  );
  expect(indexText({ transfers: 0, totalTransfers: 0 }, 0)).toBe(
    'indexing, once for this trace: 100 % of 0, 0/s',
  );
});
