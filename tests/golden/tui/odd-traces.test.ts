/**
 * Traces as they come when things went wrong: no names, many vCPUs, lost and damaged segments, one
 * transfer. Keys in any order must never be answered by a fault, nor by half a screen.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { BacktrailError, openTrace, type Trace } from '@backtrail/recorder/trace';
import { afterAll, expect, test } from 'vitest';
import { withHoles } from '../../../packages/analyzer/src/cursor.model.ts';
import { randomFrom, randomRun } from '../../../packages/analyzer/src/path/random-run.fixture.ts';
import type { FixtureTrace } from '../../../packages/analyzer/src/trace.fixture.ts';
import { draw } from '../../../packages/tui/src/draw.ts';
import { KEYS } from '../../../packages/tui/src/keys.ts';
import { textOf, widthOf } from '../../../packages/tui/src/line.ts';
import { press } from '../../../packages/tui/src/reduce.ts';
import { firstState } from '../../../packages/tui/src/walk-state.ts';
import { World } from '../../../packages/tui/src/world.ts';
import { SEED } from '../../seed.ts';

const at = (name: string): string => fileURLToPath(new URL(`../../../${name}`, import.meta.url));
const MAIN = at('packages/cli/dist/main.js');
const FIB = at('tests/guests/riscv64/bin/fib.elf');

const folder = mkdtempSync(path.join(tmpdir(), 'backtrail-odd-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Random = (below: number) => number;

/** Segments whose bytes turn out to be damaged when they are read. */
function withDamage(trace: FixtureTrace, isDamaged: (segment: number) => boolean): FixtureTrace {
  return {
    ...trace,
    readSegment: (segment) => {
      if (isDamaged(segment)) throw new BacktrailError('E_TRACE_DAMAGED', `segment ${segment}`);
      return trace.readSegment(segment);
    },
  };
}

async function pressAll(trace: Trace, random: Random, says: string): Promise<string> {
  const options = { ended: 'It ended.', command: 'backtrail walk', hasColor: false };
  let world: World;
  try {
    world = await World.open(trace, options);
  } catch (error) {
    // Nothing that can be read: one line says so.
    expect(error, says).toBeInstanceOf(BacktrailError);
    return 'nothing';
  }
  using open = world;
  const keys = [...KEYS.flatMap((spec) => spec.keys), '3', 'enter', 'escape', '0', ' ', 'a'];
  let state = firstState(open.cursor.position, 'It ended.');
  let typed = '';
  for (let i = 0; i < 30; i++) {
    const key = keys[random(keys.length)] ?? 'k';
    typed += ` ${key}`;
    state = press(open, { ...state, isDone: false }, key);
    const lines = draw(open, state, 60 + random(120), 16 + random(40));
    const widths = new Set(lines.map((line) => widthOf(textOf(line))));
    expect(widths.size, `${says}, keys${typed}`).toBe(1);
  }
  return 'walked';
}

test.each([
  ['one vCPU', { vcpus: 1, transfers: 200, segmentTransfers: 16 }],
  ['64 vCPUs', { vcpus: 64, transfers: 20, segmentTransfers: 7 }],
  ['one transfer', { vcpus: 1, transfers: 1, segmentTransfers: 1 }],
  ['code that changes', { vcpus: 2, transfers: 300, segmentTransfers: 50, changesCode: true }],
])('%s, whole, with holes, and damaged', async (name, given) => {
  const seed = SEED;
  const random = randomFrom(seed);
  const { trace } = randomRun(seed, { changesCode: false, ...given });
  const says = `seed ${seed}, ${name}`;
  // Bookmarks are kept beside it.
  const named = { ...trace, directory: path.join(folder, 'odd.trace') };
  expect(await pressAll(named, random, says)).toBe('walked');
  const lost = new Set(Array.from(trace.segments.vcpu.keys()).filter(() => random(3) === 0));
  await pressAll(
    withHoles(named, (segment) => lost.has(segment)),
    random,
    `${says}, holes`,
  );
  await pressAll(
    withDamage(named, (segment) => lost.has(segment)),
    random,
    `${says}, damage`,
  );
});

test('a trace that was cut off anywhere opens, or says in one line why not', async () => {
  const seed = SEED;
  const random = randomFrom(seed);
  const directory = path.join(folder, 'cut.trace');
  const words = ['record', '--ring', '256K', '-o', directory, '--', FIB];
  const recorded = spawnSync(process.execPath, [MAIN, ...words], { encoding: 'utf8' });
  expect(recorded.status, recorded.stderr).toBe(0);
  const file = path.join(directory, 'transfers/000000.arrow');
  const whole = readFileSync(file);
  const seen = new Set<string>();
  // Eight segments, one of which is whole at least.
  for (let i = 0; i < 12; i++) {
    const bytes = i === 0 ? whole.length - 100 : random(whole.length);
    writeFileSync(file, whole.subarray(0, bytes));
    const trace = openTrace(directory);
    seen.add(await pressAll(trace, random, `seed ${seed}, ${bytes} bytes`));
  }
  expect(seen.has('walked')).toBe(true);
});
