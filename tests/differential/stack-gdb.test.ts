/**
 * Call stacks against gdb's, at hundreds of random moments of a program with a sane stack. gdb runs
 * it by itself and unwinds by what the compiler says of each frame; we have calls and returns.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { KINDS, type Trace } from '@backtrail/recorder/trace';
import { describe, expect, test } from 'vitest';
import { randomFrom } from '../../packages/analyzer/src/path/random-run.fixture.ts';
import { CallStacks } from '../../packages/analyzer/src/stack.ts';
import { createSymbolizer } from '../../packages/analyzer/src/symbols/symbolizer.ts';
import { buildGuest, needsIsa, temporaryFolder } from '../guests/build.ts';
import { recordGuest } from '../guests/record.ts';
import { needs } from '../require.ts';
import { SEED } from '../seed.ts';

const MOMENTS = 300;
/** Functions of the program: the C library may take other ways on the machine than in QEMU. */
const OWN = 'next compare sorted fibonacci factor product sum parse dive attempt choose'.split(' ');

const folder = temporaryFolder('stack-gdb');
const isa = needsIsa('x86_64');
const gdb = needs('gdb');

interface Moment {
  readonly seq: number;
  readonly pc: bigint;
  /** How often control arrives at `pc` from the moment before this one, this one included. */
  readonly arrivals: number;
}

/** Random ones of the calls of and returns to functions of the program, in order. */
function momentsOf(trace: Trace, seed: number): Moment[] {
  const symbolizer = createSymbolizer(trace);
  const { edges } = trace;
  const kinds = (['call', 'indirect-call', 'return'] as const).map((kind) => KINDS.indexOf(kind));
  const isWanted = Array.from(edges.kind, (kind, edge) => {
    const name = symbolizer.at(edges.target[edge] ?? 0n)?.name ?? '';
    return kinds.includes(kind) && OWN.includes(name);
  });
  const list = Array.from(trace.segmentsOf(0), (segment) => [...trace.readSegment(segment)]).flat();
  const wanted = list.flatMap((edge, seq) => (isWanted[edge] === true ? [seq] : []));
  const random = randomFrom(seed);
  const picked = new Set(Array.from({ length: MOMENTS }, () => wanted[random(wanted.length)] ?? 0));
  let before = -1;
  return Array.from(picked)
    .sort((a, b) => a - b)
    .map((seq) => {
      const pc = edges.target[list[seq] ?? 0] ?? 0n;
      const between = list.slice(before + 1, seq + 1);
      before = seq;
      return { seq, pc, arrivals: between.filter((edge) => edges.target[edge] === pc).length };
    });
}

/** What gdb says at each moment: names of functions, innermost first, up to main. */
function gdbStacks(program: string, moments: readonly Moment[]): string[][] {
  const settings = ['pagination off', 'confirm off', 'width 0', 'startup-with-shell off'];
  const lines = settings.map((setting) => `set ${setting}`);
  moments.forEach(({ pc, arrivals }, i) => {
    lines.push(`tbreak *0x${pc.toString(16)}`, `ignore $bpnum ${arrivals - 1}`);
    lines.push(i === 0 ? 'run' : 'continue', `echo \\n@moment\\n`, 'bt');
  });
  lines.push('kill');
  const script = path.join(folder, 'commands.gdb');
  writeFileSync(script, `${lines.join('\n')}\n`);
  const run = spawnSync(gdb.path, ['-nx', '-batch', '-x', script, program], { encoding: 'utf8' });
  expect(run.stderr).not.toMatch(/error|cannot/i);
  return run.stdout
    .split('@moment\n')
    .slice(1)
    .map((text) => Array.from(text.matchAll(/^#\d+ .*? in (\S+) \(/gm), (match) => match[1] ?? ''));
}

/** Containers may forbid to trace a process. */
function traces(): boolean {
  const args = ['-nx', '-batch', '-ex', 'set startup-with-shell off', '-ex', 'run', '/bin/true'];
  return spawnSync(gdb.path, args, { encoding: 'utf8' }).stdout.includes('exited normally');
}

const isForbidden = !isa.missing && !gdb.missing && !traces();
const note = isForbidden ? ' [skipped: gdb may not trace a process here]' : '';
const missing = isa.missing || gdb.missing || isForbidden;
describe.skipIf(missing)(`stacks against gdb${isa.note}${gdb.note}${note}`, () => {
  const seed = SEED;
  test(`seed ${seed}: functions and their order are gdb's`, () => {
    const program = buildGuest('x86_64', 'calls', folder);
    const output = path.join(folder, 'calls.trace');
    const { trace } = recordGuest({ program, qemu: isa.path, output });
    const moments = momentsOf(trace, seed);
    expect(moments.length).toBeGreaterThan(MOMENTS / 2);
    const symbolizer = createSymbolizer(trace);
    const stacks = new CallStacks(trace);
    const ours = moments.map(({ seq }) => {
      const { frames } = stacks.at(0, seq, { framesMax: 1000 });
      // gdb leaves the number of a clone away.
      const names = frames.map(({ pc }) => symbolizer.at(pc)?.name?.replace(/\.\d+$/, '') ?? '?');
      return names.slice(0, names.indexOf('main') + 1);
    });
    expect(ours).toEqual(gdbStacks(program, moments));
  });
});
