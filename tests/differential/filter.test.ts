/**
 * Filtered recordings against whole ones of the same program: what the whole one has that begins or
 * ends in the code that was asked for, in order, and a `filtered` wherever something lies between.
 */
import { copyFileSync } from 'node:fs';
import path from 'node:path';
import {
  CAUSES,
  KINDS,
  MARK_KINDS,
  NO_ROW,
  privilegeLevels,
  type Trace,
} from '@backtrail/recorder/trace';
import { describe, expect, test } from 'vitest';
import { checkTrace } from '../../packages/analyzer/src/check.ts';
import { readSymbols } from '../../packages/recorder/src/elf/elf.ts';
import { bareGuest } from '../guests/bare/build.ts';
import { buildGuest, ISAS, needsIsa, temporaryFolder } from '../guests/build.ts';
import { bootArguments, buildInitrd, linuxKernel, MACHINES } from '../guests/linux.ts';
import { type Recording, recordGuest } from '../guests/record.ts';
import { recordMachine, virtBoard } from '../guests/system.ts';
import { needs, needsAll, wants } from '../require.ts';
import { recordOn } from './record-on.ts';

const folder = temporaryFolder('filter');
const FILTERED = 'filtered';

interface Range {
  readonly low: bigint;
  readonly high: bigint;
}

/** Where functions of those names lie. */
function rangesOf(program: string, isWanted: (name: string) => boolean): Range[] {
  const symbols = readSymbols(program);
  return Array.from({ length: symbols.count }, (_none, i) => i)
    .filter((i) => isWanted(symbols.name(i)) && (symbols.size[i] ?? 0n) > 0n)
    .map((i) => {
      const low = symbols.address[i] ?? 0n;
      return { low, high: low + (symbols.size[i] ?? 0n) };
    });
}

type Inside = (trace: Trace, block: number, pc: bigint) => boolean;

/** As QEMU decides: by whole blocks. */
const byBlock =
  (ranges: readonly Range[]): Inside =>
  ({ blocks }, block, pc) => {
    const start = block === NO_ROW ? pc : (blocks.pc[block] ?? 0n);
    const end = start + BigInt(block === NO_ROW ? 1 : (blocks.size[block] ?? 1));
    return ranges.some(({ low, high }) => start < high && end > low);
  };

/** As the embedded engine does: by single addresses. */
const byAddress =
  (ranges: readonly Range[]): Inside =>
  (_trace, _block, pc) =>
    ranges.some(({ low, high }) => pc >= low && pc < high);

const edgesOf = (trace: Trace, vcpu: number): number[] =>
  Array.from(trace.segmentsOf(vcpu)).flatMap((segment) => Array.from(trace.readSegment(segment)));

function textOf({ edges }: Trace, edge: number): string {
  const cause = CAUSES[edges.cause[edge] ?? 0] ?? 'null';
  if (cause === FILTERED) return FILTERED;
  const source = edges.hasSource[edge] === 1 ? (edges.source[edge] ?? 0n).toString(16) : 'nowhere';
  const kind = KINDS[edges.kind[edge] ?? 0] ?? 'null';
  return `${cause}/${kind} ${source} → ${(edges.target[edge] ?? 0n).toString(16)}`;
}

const recorded = (trace: Trace, vcpu = 0): string[] =>
  edgesOf(trace, vcpu).map((edge) => textOf(trace, edge));

/** What of a whole recording a filtered one must have. */
function expected(whole: Trace, isInside: Inside, vcpu = 0): string[] {
  const { edges } = whole;
  const passes = Array.from({ length: edges.count }, (_none, edge) => {
    const source = edges.source[edge] ?? 0n;
    const target = edges.target[edge] ?? 0n;
    return (
      edges.hasSource[edge] !== 1 ||
      isInside(whole, edges.sourceBlock[edge] ?? NO_ROW, source) ||
      isInside(whole, edges.targetBlock[edge] ?? NO_ROW, target)
    );
  });
  const list: string[] = [];
  let isOutside = false;
  for (const edge of edgesOf(whole, vcpu)) {
    if (passes[edge] === true) list.push(...(isOutside ? [FILTERED] : []), textOf(whole, edge));
    isOutside = passes[edge] !== true;
  }
  return isOutside ? [...list, FILTERED] : list;
}

const withoutFiltered = (list: readonly string[]): string[] =>
  list.filter((text) => text !== FILTERED);

/** Places, among those that pass, before which something was left out. */
function holes(list: readonly string[]): Set<number> {
  const found = new Set<number>();
  let passed = 0;
  for (const text of list) {
    if (text === FILTERED) found.add(passed);
    else passed++;
  }
  return found;
}

/**
 * QEMU's plugin does not look at whether blocks outside follow each other by a transfer: it may say
 * `filtered` where none was, but never leaves one out. And at a system call it says where it is.
 */
function expectLeftOut(filtered: Trace, whole: readonly string[]): void {
  const found = recorded(filtered);
  expect(withoutFiltered(found)).toEqual(withoutFiltered(whole));
  const told = holes(found);
  expect([...holes(whole)].filter((place) => !told.has(place))).toEqual([]);
}

for (const isa of ISAS) {
  const need = needsIsa(isa);
  describe.skipIf(need.missing)(`--filter under QEMU, ${isa}${need.note}`, () => {
    const record = (name: string, more: Partial<Recording>): Trace => {
      const program = buildGuest(isa, 'flow', folder);
      const output = path.join(folder, `${isa}.${name}.trace`);
      return recordGuest({ program, qemu: need.path, output, ...more }).trace;
    };

    test('functions: what begins or ends in them, and nothing else', () => {
      const program = buildGuest(isa, 'flow', folder);
      const whole = record('whole', {});
      const names = ['main', 'fibonacci', 'choose', 'qsort'];
      const filtered = record('functions', { filter: names });
      const ranges = rangesOf(program, (name) => names.includes(name));
      const wanted = expected(whole, byBlock(ranges));
      expectLeftOut(filtered, wanted);
      expect(withoutFiltered(wanted).length).toBeGreaterThan(1000);
      expect(wanted.length).toBeLessThan(recorded(whole).length);
      expect(checkTrace(filtered).findings).toEqual([]);
      expect(filtered.manifest.filter).toEqual(names);
    });

    test('all but some functions', () => {
      const program = buildGuest(isa, 'flow', folder);
      const filtered = record('but', { filter: ['!fib*'] });
      const ranges = rangesOf(program, (name) => name.startsWith('fib'));
      const outside = byBlock(ranges);
      const { edges } = filtered;
      const both = edgesOf(filtered, 0).filter(
        (edge) =>
          CAUSES[edges.cause[edge] ?? 0] === 'jump' &&
          outside(filtered, edges.sourceBlock[edge] ?? NO_ROW, edges.source[edge] ?? 0n) &&
          outside(filtered, edges.targetBlock[edge] ?? NO_ROW, edges.target[edge] ?? 0n),
      );
      expect(both).toEqual([]);
      expect(recorded(filtered)).toContain(FILTERED);
      expect(checkTrace(filtered).findings).toEqual([]);
    });

    test('handlers of signals: where they interrupted code outside is exact', () => {
      const { trace, stdout } = recordGuest({
        program: buildGuest(isa, 'signals', folder),
        qemu: need.path,
        output: path.join(folder, `${isa}.signals.trace`),
        filter: ['on_*', 'function:note'],
      });
      const { edges } = trace;
      const signals = edgesOf(trace, 0).filter(
        (edge) =>
          CAUSES[edges.cause[edge] ?? 0] === 'signal' && KINDS[edges.kind[edge] ?? 0] === undefined,
      );
      const sources = signals.map((edge) => (edges.source[edge] ?? 0n).toString(16));
      const seen = stdout.trim().split('\n');
      expect(sources).toEqual(seen.map((line) => line.split(' ')[1]));
      expect(checkTrace(trace).findings).toEqual([]);
    });

    test('forked children and threads', () => {
      const forks = recordGuest({
        program: buildGuest(isa, 'forks', folder),
        args: ['tree'],
        qemu: need.path,
        output: path.join(folder, `${isa}.forks.trace`),
        filter: ['main', 'step'],
        follow: true,
      });
      expect(checkTrace(forks.trace).findings).toEqual([]);
      expect(forks.trace.manifest.children?.length).toBeGreaterThan(0);
      const threads = recordGuest({
        program: buildGuest(isa, 'threads', folder),
        qemu: need.path,
        output: path.join(folder, `${isa}.threads.trace`),
        filter: ['!main', '!__*'],
      });
      expect(checkTrace(threads.trace).findings).toEqual([]);
      expect(threads.trace.vcpus.length).toBeGreaterThan(1);
    });

    test('a trigger is seen wherever it is', () => {
      const trace = record('trigger', { filter: ['main'], trigger: 'ackermann' });
      const triggers = Array.from(trace.marks.kind).filter(
        (kind) => MARK_KINDS[kind] === 'trigger',
      );
      expect(triggers).toHaveLength(1);
    });
  });
}

const native = needsIsa('x86_64');
describe.skipIf(native.missing)(`--filter by module, x86_64${native.note}`, () => {
  test('the C library alone, and all but it', () => {
    const program = '/bin/true';
    const record = (name: string, filter: readonly string[]): Trace =>
      recordGuest({ program, qemu: native.path, output: path.join(folder, name), filter }).trace;
    const library = record('library.trace', ['module:libc.so.6']);
    const others = record('others.trace', ['!module:libc.so.6']);
    const inLibrary = (trace: Trace): ((pc: bigint) => boolean) => {
      const { modules } = trace;
      const { count, start, size } = modules;
      const rows = Array.from({ length: count }, (_none, module) => module);
      const row = rows.find((module) => modules.path(module).endsWith('/libc.so.6')) ?? -1;
      expect(row).toBeGreaterThanOrEqual(0);
      const low = start[row] ?? 0n;
      return (pc) => pc >= low && pc < low + (size[row] ?? 0n);
    };
    const ends = (trace: Trace): [boolean, boolean][] => {
      const isIn = inLibrary(trace);
      const { edges } = trace;
      return edgesOf(trace, 0)
        .filter((edge) => CAUSES[edges.cause[edge] ?? 0] === 'jump')
        .map((edge) => [isIn(edges.source[edge] ?? 0n), isIn(edges.target[edge] ?? 0n)]);
    };
    expect(ends(library).filter(([source, target]) => !source && !target)).toEqual([]);
    expect(ends(others).filter(([source, target]) => source && target)).toEqual([]);
    expect(ends(library).length).toBeGreaterThan(100);
    expect(ends(others).length).toBeGreaterThan(100);
    for (const trace of [library, others]) expect(checkTrace(trace).findings).toEqual([]);
  });
});

describe.skipIf(native.missing)(`--filter by a name of any characters${native.note}`, () => {
  test.each([['module:a[b]\\c*'], [`module:a[b]*${'*'.repeat(300)}`]])('%s', (filter) => {
    const program = path.join(folder, 'a[b]\\c.elf');
    copyFileSync('/bin/true', program);
    const output = path.join(folder, `name-${filter.length}.trace`);
    const { trace } = recordGuest({ program, qemu: native.path, output, filter: [filter] });
    const jumps = edgesOf(trace, 0).filter(
      (edge) => CAUSES[trace.edges.cause[edge] ?? 0] === 'jump',
    );
    expect(jumps.length).toBeGreaterThan(10);
    expect(checkTrace(trace).findings).toEqual([]);
  });
});

const board = needsAll('qemu-system-riscv64', 'cc');
describe.skipIf(board.missing)(`--filter of machines${board.note}`, () => {
  test.each(['user', 'supervisor'])('%s code alone', (level) => {
    const elf = bareGuest('levels');
    const { path: qemu } = needs('qemu-system-riscv64');
    const output = path.join(folder, `${level}.trace`);
    const args = virtBoard(elf, path.join(folder, `${level}.txt`));
    const trace = recordMachine({ qemu, args, output, filter: [level] });
    const { edges, blocks } = trace;
    // Where a trap came before anything ran there is no block, and no level.
    const isIn = (block: number): boolean =>
      block === NO_ROW || blocks.privilege[block] === (level === 'user' ? 0 : 1);
    const jumps = edgesOf(trace, 0).filter((edge) => CAUSES[edges.cause[edge] ?? 0] === 'jump');
    const neither = jumps.filter(
      (edge) =>
        !isIn(edges.sourceBlock[edge] ?? NO_ROW) && !isIn(edges.targetBlock[edge] ?? NO_ROW),
    );
    expect(neither).toEqual([]);
    expect(jumps.length).toBeGreaterThan(5);
    expect(recorded(trace)).toContain(FILTERED);
    expect(checkTrace(trace).findings).toEqual([]);
  });
});

for (const isa of ISAS) {
  const qemu = wants(`qemu-system-${isa}`);
  const compiler = wants(MACHINES[isa].compiler);
  const kernel = linuxKernel(isa);
  const note = `${qemu.note}${compiler.note}${kernel.note}`;
  describe.skipIf(note !== '')(`--filter user of Linux, ${isa}${note}`, () => {
    test('of the kernel only where it was entered and left', () => {
      const name = (what: string): string => path.join(folder, `linux-${isa}.${what}`);
      const files = { initrd: buildInitrd(isa, folder), serial: name('serial') };
      const trace = recordMachine({
        qemu: qemu.path,
        args: bootArguments(isa, files, 'off'),
        output: name('trace'),
        filter: ['user'],
      });
      expect(checkTrace(trace).findings).toEqual([]);
      const { edges, blocks } = trace;
      const user = privilegeLevels(isa).findIndex((names) => names.includes('user'));
      const isUser = (block: number): boolean =>
        block !== NO_ROW && blocks.hasPrivilege[block] === 1 && blocks.privilege[block] === user;
      const count = (isWanted: (edge: number) => boolean): number =>
        edges.taken.reduce((sum, taken, edge) => sum + (isWanted(edge) ? taken : 0), 0);
      const entered = count((edge) => {
        const isCall = KINDS[edges.kind[edge] ?? 0] === 'syscall';
        return isCall && isUser(edges.sourceBlock[edge] ?? NO_ROW);
      });
      const left = count((edge) => isUser(edges.targetBlock[edge] ?? NO_ROW));
      expect(entered).toBeGreaterThan(20);
      expect(left).toBeGreaterThan(entered);
      const inKernel = count(
        (edge) =>
          CAUSES[edges.cause[edge] ?? 0] === 'jump' &&
          !isUser(edges.sourceBlock[edge] ?? NO_ROW) &&
          !isUser(edges.targetBlock[edge] ?? NO_ROW),
      );
      expect(inKernel).toBe(0);
    });
  });
}

describe('--filter on the embedded engine', () => {
  const program = path.join(import.meta.dirname, '../guests/riscv64/bin/quick.elf');

  test('what begins or ends in the functions, and one `filtered` for each stretch between', () => {
    const run = { program, args: [], stdin: '' };
    const whole = recordOn('embedded', { ...run, output: path.join(folder, 'e.whole.trace') });
    const names = ['main', 'by_key', 'memcpy'];
    const filtered = recordOn('embedded', {
      ...run,
      output: path.join(folder, 'e.filtered.trace'),
      filter: names,
    });
    const ranges = rangesOf(program, (name) => names.includes(name));
    const wanted = expected(whole.trace, byAddress(ranges));
    expect(recorded(filtered.trace)).toEqual(wanted);
    expect(wanted.length).toBeLessThan(recorded(whole.trace).length);
    expect(wanted).toContain(FILTERED);
    expect(checkTrace(filtered.trace).findings).toEqual([]);
    expect(filtered.stdout).toEqual(whole.stdout);
  });
});
