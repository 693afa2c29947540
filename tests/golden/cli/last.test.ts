/** `backtrail last` on traces made by hand, `backtrail index` on a copy of a sample. */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeIndex } from '@backtrail/analyzer';
import { afterAll, describe, expect, test } from 'vitest';
import { withHoles } from '../../../packages/analyzer/src/cursor.model.ts';
import { type FixtureTrace, makeTrace } from '../../../packages/analyzer/src/trace.fixture.ts';
import { runHere } from '../../../packages/cli/src/io.fixture.ts';
import { findLast, type LastOptions } from '../../../packages/cli/src/last.ts';
import { lastText } from '../../../packages/cli/src/last-text.ts';

const SAMPLE = fileURLToPath(new URL('../../../traces/v1/smash/smash.trace', import.meta.url));
const NOP = '13000000';
const LOOP = '6ff05fff'; // j -12

/** Two vCPUs go round the same loop, the second one while the first is at half of it. */
function loops(): FixtureTrace {
  const trace = makeTrace({
    blocks: [{ pc: 0x1000n, code: NOP + NOP + NOP + LOOP }],
    edges: [
      { source: null, target: 0x1000n },
      { source: 0x100cn, target: 0x1000n, kind: 'jump' },
    ],
    vcpus: [
      [0, 1, 1, 1, 1, 1, 1, 1],
      [0, 1],
    ],
    segmentTransfers: 2,
    marks: [
      { kind: 'end', vcpu: 1, seq: 2, pc: 0x1000n, timeNs: 4n },
      { kind: 'end', vcpu: 0, seq: 8, pc: 0x1004n, timeNs: 9n },
    ],
    modules: [{ path: '/bin/a.out', base: 0n, size: 0x4000n }],
    symbols: [{ module: 0, address: 0x1000n, size: 0x10n, name: 'spin\u001b[31m' }],
    sources: ['/src/lib/spin.c'],
    lines: [{ address: 0x1008n, size: 4n, source: 0, line: 3 }],
  });
  const { timeFirstNs, timeLastNs } = trace.segments;
  [0n, 100n, 200n, 300n, 150n].forEach((first, segment) => {
    timeFirstNs[segment] = first;
    timeLastNs[segment] = first + 40n;
  });
  return trace;
}

const OPTIONS: LastOptions = { place: '', vcpu: null, from: null, count: 3, isAnywhere: false };
const OUT = { isTerminal: false, columns: 80, write: () => {}, paint: (_: string, s: string) => s };

async function shown(trace: FixtureTrace, options: Partial<LastOptions>): Promise<string[]> {
  const given = { ...OPTIONS, ...options };
  const answer = await findLast(trace, makeIndex(trace), given);
  return lastText(answer, given.place, OUT).trimEnd().split('\n');
}

/** Lines whatever their columns are aligned to. */
const squeezed = (lines: readonly string[]): string[] =>
  lines.map((line) => line.trim().replaceAll(/\s+/g, ' '));

describe('last', () => {
  test('all vCPUs, the newest first by the clock; the last instruction counts', async () => {
    const lines = await shown(loops(), { place: '0x1004', count: 5 });
    expect(lines[0]).toBe('0x1004 is at 0x1004.');
    // vCPU 1 was there between 150 and 190 ns, vCPU 0 after seq 4 from 200 ns on.
    expect(lines.slice(2, 7).map((line) => line.trim().split(/\s+/).slice(0, 3))).toEqual([
      ['0', '7', '0'],
      ['0', '6', '1'],
      ['0', '5', '2'],
      ['0', '4', '3'],
      ['1', '0', '1'],
    ]);
    expect(lines.slice(7)).toEqual(['vCPU 1: not before that, in 2 transfers back from seq 1']);
    // Of vCPU 1 one more was found, but others are newer: nothing is said of its beginning.
    expect((await shown(loops(), { place: '0x1004', count: 4 })).length).toBe(6);
  });

  test('one vCPU, from a moment on; a line where it begins', async () => {
    expect(squeezed(await shown(loops(), { place: 'spin.c:3', vcpu: 0, from: 2 }))).toEqual([
      'spin.c:3 is at 0x1008.',
      'vCPU seq transfers ago place line instruction',
      '0 2 0 spin\\x1b[31m+0x8 lib/spin.c:3 nop',
      '0 1 1 spin\\x1b[31m+0x8 lib/spin.c:3 nop',
      '0 0 2 spin\\x1b[31m+0x8 lib/spin.c:3 nop',
    ]);
  });

  test('lost transfers are told where they matter', async () => {
    const trace = withHoles(loops(), (segment) => segment === 0 || segment === 2);
    expect(squeezed(await shown(trace, { place: '0x1000', vcpu: 0, count: 9 }))).toEqual([
      '0x1000 is at 0x1000.',
      'vCPU seq transfers ago place instruction',
      '0 7 0 spin\\x1b[31m nop',
      '0 6 1 spin\\x1b[31m nop',
      '── 2 transfers of vCPU 0 lost here: it may have run in between',
      '0 3 4 spin\\x1b[31m nop',
      '0 2 5 spin\\x1b[31m nop',
      'vCPU 0: not before that, in 8 transfers back from seq 7, of which 2 are lost',
    ]);
    // A lost moment: what is recorded before it.
    expect((await shown(trace, { place: '0x1000', vcpu: 0, from: 5 }))[2]).toMatch(/ 3 +0 /);
  });

  test('never: said of each vCPU', async () => {
    expect(await shown(loops(), { place: '0x1001' })).toEqual([
      '0x1001 is at 0x1001.',
      'vCPU 0: never, in 8 transfers back from seq 7',
      'vCPU 1: never, in 2 transfers back from seq 1',
    ]);
  });

  test('anywhere in a symbol: once between two transfers', async () => {
    const lines = await shown(loops(), { place: 'spin\u001b[31m', vcpu: 1, isAnywhere: true });
    expect(lines.slice(2, 4).map((line) => line.trim().split(/\s+/).slice(1, 4))).toEqual([
      ['1', '0', 'spin\\x1b[31m'],
      ['0', '1', 'spin\\x1b[31m+0xc'],
    ]);
  });
});

describe('index', () => {
  const folder = fs.mkdtempSync(join(tmpdir(), 'backtrail-cli-index-'));
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

  test('is built where it is told, and `info` and `check` do not mind', async () => {
    const trace = join(folder, 'smash.trace');
    fs.cpSync(SAMPLE, trace, { recursive: true });
    const before = (await runHere(['info', trace])).stdout;
    const { status, stdout } = await runHere(['index', trace]);
    expect(status).toBe(0);
    expect(stdout).toMatch(
      /^trace .*\nindex .*index\.cache\nsize .* of it\nbuilt .*\ntransfers +1,348, .*\nhops /,
    );
    expect(fs.existsSync(join(trace, 'index.cache'))).toBe(true);
    expect((await runHere(['info', trace])).stdout).toBe(before);
    expect((await runHere(['check', trace])).status).toBe(0);
    const json: unknown = JSON.parse((await runHere(['index', trace, '--json'])).stdout);
    expect(json).toMatchObject({ transfers: 1348, unreadableSegments: 0, groupSegments: 1 });
  });
});
