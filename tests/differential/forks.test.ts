/** Forked processes: each is a trace of its own, whole and proven, and knows its relatives. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { MARK_KINDS, openTrace, type Trace } from '@backtrail/recorder/trace';
import { describe, expect, test } from 'vitest';
import { checkTrace } from '../../packages/analyzer/src/check.ts';
import { createSymbolizer } from '../../packages/analyzer/src/symbols/symbolizer.ts';
import { buildGuest, ISAS, needsIsa, temporaryFolder } from '../guests/build.ts';
import { recordGuest } from '../guests/record.ts';

const folder = temporaryFolder('forks');
const HOST_ISA = { x64: 'x86_64', arm64: 'aarch64' }[process.arch as string];

/** Targets of the transfers that leave `work` or `step`, in order, on vCPU 0. */
function workOf(trace: Trace): bigint[] {
  const symbolizer = createSymbolizer(trace, { demangle: (name) => name });
  const { edges } = trace;
  const isWork = Array.from({ length: edges.count }, (_none, edge) => {
    const name = symbolizer.at(edges.source[edge] ?? 0n)?.name ?? '';
    return name === 'work' || name === 'step';
  });
  const list: bigint[] = [];
  for (const segment of trace.segmentsOf(0)) {
    for (const edge of trace.readSegment(segment)) {
      if (isWork[edge] === true) list.push(edges.target[edge] ?? 0n);
    }
  }
  return list;
}

/** The traces of all processes of a run, proven, by process number; the first one's under 0. */
function allOf(directory: string): Map<number, Trace> {
  const children = path.join(directory, 'children');
  const found = new Map([[0, openTrace(directory)]]);
  for (const name of readdirSync(children)) {
    const trace = openTrace(path.join(children, name));
    found.set(trace.manifest.pid ?? -1, trace);
  }
  for (const [pid, trace] of found) {
    expect(trace.state, `${pid}`).toBe('complete');
    expect(checkTrace(trace).findings, `${pid}`).toEqual([]);
    expect(trace.problems, `${pid}`).toEqual([]);
  }
  return found;
}

const ordered = (pids: readonly (number | undefined)[]): number[] =>
  pids.map((pid) => pid ?? -1).sort((a, b) => a - b);

const forksOf = ({ marks }: Trace): bigint[] =>
  [...marks.kind.keys()]
    .filter((mark) => marks.kind[mark] === MARK_KINDS.indexOf('fork'))
    .map((mark) => marks.number[mark] ?? 0n);

for (const isa of ISAS) {
  const need = needsIsa(isa);
  describe.skipIf(need.missing)(`forked processes, ${isa}${need.note}`, () => {
    const program = need.missing ? '' : buildGuest(isa, 'forks', folder);
    let runs = 0;
    const run = (args: readonly string[], follow = true) => {
      const output = path.join(folder, `${args[0]}.${isa}.${runs++}.trace`);
      const { trace, stdout } = recordGuest({ program, args, qemu: need.path, output, follow });
      const pids = stdout.split('\n').slice(0, -1).map(Number);
      return { output, trace, pids, all: follow ? allOf(output) : new Map<number, Trace>() };
    };

    test('a child and its child: what each did, how it ended, who is whose', () => {
      const alone = workOf(run(['work'], false).trace);
      const { all, pids, output } = run(['tree']);
      const [root, ...others] = all.values();
      expect(ordered(others.map(({ manifest }) => manifest.pid))).toEqual(ordered(pids));
      // The grandchild was told of first: its parent waits for it.
      const [child, grandchild] = others.toSorted(
        (a, b) => (b.manifest.children?.length ?? 0) - (a.manifest.children?.length ?? 0),
      );
      if (root === undefined || child === undefined || grandchild === undefined) throw new Error();
      expect(root.manifest.end).toEqual({ how: 'exit', status: 3 });
      expect(child.manifest.end).toEqual({ how: 'exit', status: 3 });
      expect(grandchild.manifest.end).toEqual({ how: 'exit', status: 7 });
      // One does the first half of what `work` does alone, the other the second.
      const parts = [...workOf(child), ...workOf(grandchild)];
      expect(parts.length).toBeGreaterThan(1000);
      expect(parts.slice(0, -1)).toHaveLength(alone.length - 1);
      expect(workOf(root)).toEqual([]);
      const sorted = (list: readonly bigint[]): bigint[] => list.toSorted((a, b) => Number(a - b));
      const isReturn = (pc: bigint): boolean => !alone.includes(pc);
      // `work` itself returns to another place in `main` than in `tree`.
      expect(sorted(parts.filter((pc) => !isReturn(pc)))).toEqual(
        sorted(alone.filter((pc) => parts.includes(pc))),
      );

      const [childPid, grandPid] = [child.manifest.pid ?? 0, grandchild.manifest.pid ?? 0];
      expect(root.manifest.children).toEqual([
        { pid: childPid, directory: `children/${childPid}.trace` },
      ]);
      expect(child.manifest.parent).toEqual({ pid: root.manifest.pid, directory: '../..' });
      expect(child.manifest.children).toEqual([
        { pid: grandPid, directory: `../${grandPid}.trace` },
      ]);
      expect(grandchild.manifest.parent).toEqual({
        pid: childPid,
        directory: `../${childPid}.trace`,
      });
      expect(grandchild.directory).toBe(path.join(output, 'children', `${grandPid}.trace`));
      expect([forksOf(root), forksOf(child)]).toEqual([[BigInt(childPid)], [BigInt(grandPid)]]);
      for (const { manifest } of all.values()) expect(manifest.losses.forksUnrecorded).toBe(0);
    });

    test('vfork: the child is another process here, and ends by itself', () => {
      const { all, pids } = run(['vfork']);
      expect(all.get(pids[0] ?? 0)?.manifest.end).toEqual({ how: 'exit', status: 5 });
    });

    // Of another ISA nothing can be executed, unless the kernel was told of an emulator.
    const testExec = isa === HOST_ISA ? test : () => {};
    testExec('posix_spawn: to where another program takes the place', () => {
      const spawned = run(['spawn']);
      const child = spawned.all.get(spawned.pids[0] ?? 0);
      expect(child?.manifest).toMatchObject({ end: { how: 'unknown' } });
      expect(child?.manifest.note).toMatch(/forks.* took its place \(exec\) and ran unrecorded/);
      expect(child?.manifest.losses.execsUnrecorded).toBe(1);
    });

    test('while other threads work, and while signals come', () => {
      const threads = run(['threads']);
      expect(threads.trace.manifest.end).toEqual({ how: 'exit', status: 4 });
      expect(threads.all.size).toBe(5);
      for (const pid of threads.pids) {
        // The thread that forked; the others of its parent are not there.
        expect(threads.all.get(pid)?.vcpus).toEqual([0]);
        expect(threads.all.get(pid)?.manifest.end).toEqual({ how: 'exit', status: 1 });
      }
      const signals = run(['signals']);
      expect(signals.trace.manifest.end).toEqual({ how: 'exit', status: 8 });
      expect(signals.pids).toHaveLength(8);
      expect(ordered([...signals.all.keys()].slice(1))).toEqual(ordered(signals.pids));
    });

    test('many at one time', () => {
      const { all, trace, pids } = run(['bomb', '40']);
      expect(trace.manifest.end).toEqual({ how: 'exit', status: 40 });
      expect(all.size).toBe(1 + 80);
      expect(ordered(trace.manifest.children?.map(({ pid }) => pid) ?? [])).toEqual(ordered(pids));
      const ends = [...all.values()].map(({ manifest }) => manifest.end);
      expect(ends.every((end) => end?.how === 'exit')).toBe(true);
    });

    testExec('a program that runs itself over and over in its own place', () => {
      const output = path.join(folder, `chain.${isa}.trace`);
      const { trace } = recordGuest({
        program,
        args: ['chain', '5'],
        qemu: need.path,
        output,
        follow: true,
      });
      expect(trace.manifest.end).toEqual({ how: 'exit', status: 0 });
      expect(trace.manifest.losses.execsUnrecorded).toBe(1);
      expect(checkTrace(trace).findings).toEqual([]);
    });
  });
}
