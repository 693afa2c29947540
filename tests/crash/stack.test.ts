/**
 * Call stacks and crash reports of programs that end badly, on every engine that runs them: which
 * functions of the program were open at the end, and what was out of the ordinary before. UPDATE=1
 * writes the files with what the reports say anew.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { crashReport } from '@backtrail/analyzer';
import { CAUSES, type Trace } from '@backtrail/recorder/trace';
import { describe, expect, test } from 'vitest';
import { CallStacks } from '../../packages/analyzer/src/stack.ts';
import { createSymbolizer } from '../../packages/analyzer/src/symbols/symbolizer.ts';
import { recordOn } from '../differential/record-on.ts';
import { endingText } from '../golden/crash/ending.ts';
import { Golden } from '../golden/crash/golden.ts';
import { needsIsa, temporaryFolder } from '../guests/build.ts';
import {
  buildCrash,
  CRASHES,
  type Crash,
  type CrashIsa,
  crashSource,
  needsCompiler,
} from '../guests/crashes/crashes.ts';

type Engine = Parameters<typeof recordOn>[0];

const folder = temporaryFolder('stacks');
const BARE = fileURLToPath(new URL('../guests/bare/', import.meta.url));
const reports = new Golden('built');

interface Expected {
  readonly crash: Crash;
  /** Functions of the program that are open at the end, innermost first. */
  readonly open: readonly string[];
  /** The innermost one, where control went on where no code is; QEMU notices before it goes. */
  readonly nowhere?: string;
  /** Whether the frame of the innermost function is the one that went astray. */
  readonly broken?: readonly [from: string, to: string];
  readonly unwound?: number;
  readonly switched?: number;
}

const times = (count: number, name: string): string[] => Array.from({ length: count }, () => name);

const EXPECTED: readonly Expected[] = [
  {
    crash: CRASHES.smashedReturn,
    open: ['fill', 'parse', 'main'],
    nowhere: '0x44440000',
    broken: ['fill', '0x44440000'],
  },
  { crash: CRASHES.ropChain, open: ['secret', 'parse', 'main'], broken: ['fill', 'secret'] },
  { crash: CRASHES.wildJump, open: ['run', 'main'], nowhere: '0x44440000' },
  { crash: CRASHES.jumpIntoData, open: ['call', 'main'], nowhere: 'table' },
  { crash: CRASHES.longjmpStorm, open: [...times(6, 'last'), 'main'], unwound: 2000 },
  // Ten frames and the one that catches, five times; at last the one that tells of it.
  {
    crash: CRASHES.throwTen,
    open: [...times(11, '_ZL7descendi'), 'main'],
    unwound: 5 * 12 + 1,
  },
  { crash: CRASHES.signalAltstack, open: ['on_second', 'on_first', 'main'], unwound: 1 },
  { crash: CRASHES.tailCalls, open: ['stop', 'begin', 'main'] },
  // Each of three is gone on with and left 50 times; then the first is, and the second.
  { crash: CRASHES.coroutines, open: ['fail', 'second'], switched: 50 * 3 * 2 + 3 },
  { crash: CRASHES.stalePointer, open: ['ask', 'main'], nowhere: '0x44440000' },
];

/** What is told of the end of a run, by names. */
class Ending {
  readonly stacks: CallStacks;
  readonly trace: Trace;
  readonly #nameOf: (pc: bigint) => string;
  /** Functions of the source, and a variable of one. */
  readonly ours: ReadonlySet<string>;

  constructor(trace: Trace, source: string) {
    const symbolizer = createSymbolizer(trace);
    this.trace = trace;
    this.stacks = new CallStacks(trace);
    this.#nameOf = (pc) => symbolizer.at(pc)?.name ?? `0x${pc.toString(16)}`;
    // A function begins at the margin.
    const heads = readFileSync(source, 'utf8').matchAll(/^[a-z][^;={]*?(\w+)\([^()]*\) \{/gm);
    this.ours = new Set(['table', ...Array.from(heads, (head) => head[1] ?? '')]);
  }

  /** Frames of functions that the source has, and those that are in no function at all. */
  open(framesMax: number): string[] {
    const { frames } = this.stacks.at(0, this.trace.seqEnd(0) - 1, { framesMax });
    return frames.map(({ pc }) => this.#nameOf(pc)).filter((name) => this.#isOurs(name));
  }

  #isOurs(name: string): boolean {
    const plain = name.replace(/^_ZL?\d+(\D+?)(?:[iv])?$/, '$1');
    return this.ours.has(plain) || name.startsWith('0x');
  }

  broken(): [from: string, to: string][] {
    const { count, first, last } = this.stacks.brokenReturns(0);
    expect(first.length + last.length).toBe(count);
    return first.map(({ source, target }) => [this.#nameOf(source), this.#nameOf(target)]);
  }
}

/** What both engines run differs by the engine alone: a few are enough on the second. */
const RUNS: readonly (readonly [Engine, CrashIsa, readonly Crash[] | 'all'])[] = [
  ['qemu', 'x86_64', 'all'],
  ['qemu', 'riscv64', [CRASHES.signalAltstack, CRASHES.coroutines, CRASHES.smashedReturn]],
  ['embedded', 'riscv64', 'all'],
];

function record(engine: Engine, isa: CrashIsa, crash: Crash): Ending {
  const program = buildCrash(crash, isa, folder);
  const output = path.join(folder, `${crash.name}.${engine}.${isa}.trace`);
  const { trace } = recordOn(engine, { program, args: [], stdin: '', output });
  expect(trace.manifest.end).toMatchObject({ how: 'signal', signal: crash.signal });
  return new Ending(trace, crashSource(crash));
}

/** `syscall in task` for each open trap, innermost first, after every trap of a run. */
function nestings(trace: Trace): Map<string, number> {
  const symbolizer = createSymbolizer(trace);
  const stacks = new CallStacks(trace, { saveTransfers: 256 });
  const { cause } = trace.edges;
  const traps = [CAUSES.indexOf('exception'), CAUSES.indexOf('interrupt')];
  const found = new Map<string, number>();
  for (const segment of trace.segmentsOf(0)) {
    const first = trace.segments.firstSeq[segment] ?? 0;
    for (const [i, edge] of [...trace.readSegment(segment)].entries()) {
      if (!traps.includes(cause[edge] ?? 0)) continue;
      const { frames } = stacks.at(0, first + i);
      const open = frames.filter((frame) =>
        ['exception', 'interrupt', 'syscall'].includes(frame.entered),
      );
      const text = open.map(({ entered, callSite }) => {
        return `${entered} in ${symbolizer.at(callSite ?? 0n)?.name}`;
      });
      found.set(text.join(' < '), (found.get(text.join(' < ')) ?? 0) + 1);
    }
  }
  expect(stacks.brokenReturns(0).count).toBe(0);
  return found;
}

test('traps from user through supervisor to machine mode and back', () => {
  const program = path.join(BARE, 'levels.elf');
  const output = path.join(folder, 'levels.trace');
  const { trace } = recordOn('embedded', { program, args: [], stdin: '', output });
  // The kernel's own traps, then those of its task; the monitor serves the kernel's timer.
  expect([...nestings(trace).keys()].sort()).toEqual([
    'exception in kernel',
    'exception in task',
    'interrupt in kernel',
    'interrupt in task',
    'syscall in kernel',
    'syscall in on_supervisor_trap < interrupt in kernel',
    'syscall in on_supervisor_trap < interrupt in task',
    'syscall in on_supervisor_trap < syscall in task',
    'syscall in task',
  ]);
});

for (const [engine, isa, crashes] of RUNS) {
  const emulator = engine === 'qemu' ? needsIsa(isa) : null;
  const note = emulator?.note ?? '';
  describe.skipIf(emulator?.missing === true)(`${engine}, ${isa}${note}`, () => {
    for (const { crash, open, nowhere, broken, unwound = 0, switched = 0 } of EXPECTED) {
      if (crashes !== 'all' && !crashes.includes(crash)) continue;
      const compiler = needsCompiler(isa, crash);
      test.skipIf(compiler.missing)(`${crash.name}${compiler.note}`, async () => {
        const ending = record(engine, isa, crash);
        const goesThere = engine === 'embedded' && nowhere !== undefined;
        // A return leaves its frame, a call opens one.
        const astray = broken === undefined ? open : open.slice(1);
        expect(ending.open(100)).toEqual(goesThere ? [nowhere, ...astray] : open);
        const isBroken = broken !== undefined && (goesThere || nowhere === undefined);
        expect(ending.broken()).toEqual(isBroken ? [broken] : []);
        expect(ending.stacks.odd(0, 'unwound').count).toBe(unwound);
        expect(ending.stacks.odd(0, 'switched').count).toBe(switched);
        expect(ending.stacks.odd(0, 'redirected').count).toBe(0);
        const report = endingText(await crashReport(ending.trace), ending.ours);
        reports.compare(`${crash.name}-${isa}-${engine}.txt`, report);
      });
    }

    if (crashes !== 'all') return;
    const compiler = needsCompiler(isa, CRASHES.stackOverflow);
    test.skipIf(compiler.missing)(`stack-overflow${compiler.note}`, () => {
      const ending = record(engine, isa, CRASHES.stackOverflow);
      const names = ending.open(1_000_000);
      expect(names.length).toBeGreaterThan(10_000);
      expect(names.at(-1)).toBe('main');
      const [innermost, other] = names[0] === 'left' ? ['left', 'right'] : ['right', 'left'];
      const wrong = names.slice(0, -1).findIndex((name, i) => {
        return name !== (i % 2 === 0 ? innermost : other);
      });
      expect(wrong).toBe(-1);
    });
  });
}

test('every golden file is of a run', () => {
  const wanted = RUNS.flatMap(([engine, isa, crashes]) => {
    const all = EXPECTED.map(({ crash }) => crash);
    const ran = crashes === 'all' ? all : crashes;
    return ran.map(({ name }) => `${name}-${isa}-${engine}.txt`);
  });
  expect(reports.files).toEqual(wanted.sort());
});
