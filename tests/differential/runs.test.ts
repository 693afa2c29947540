/** Runs as a whole: threads, runs that end in every way, and two runs of one program. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { MARK_KINDS, type MarkKind, type Trace } from '@backtrail/recorder/trace';
import { describe, expect, test } from 'vitest';
import { checkTrace } from '../../packages/analyzer/src/check.ts';
import { buildGuest, ISAS, needsIsa, temporaryFolder } from '../guests/build.ts';
import { guestEnvironment, recordGuest } from '../guests/record.ts';
import { readExecLog, tracedRuns, withoutRepetitions } from './exec-log.ts';
import { recordOn } from './record-on.ts';

const folder = temporaryFolder('runs');

function marksOf(trace: Trace, kind: MarkKind): number[] {
  const { marks } = trace;
  const code = MARK_KINDS.indexOf(kind);
  return [...marks.kind.keys()].filter((mark) => marks.kind[mark] === code);
}

for (const isa of ISAS) {
  const need = needsIsa(isa);
  describe.skipIf(need.missing)(`threads, ${isa}${need.note}`, () => {
    test('each has its own stream, as the log of the same run has it', () => {
      const log = path.join(folder, `threads.${isa}.log`);
      const { trace } = recordGuest({
        program: buildGuest(isa, 'threads', folder),
        qemu: need.path,
        output: path.join(folder, `threads.${isa}.trace`),
        env: { QEMU_LOG: 'exec,nochain', QEMU_LOG_FILENAME: log },
      });
      expect(trace.vcpus).toEqual([0, 1, 2, 3, 4, 5]);
      expect(marksOf(trace, 'thread-start')).toHaveLength(6);
      expect(checkTrace(trace).findings).toEqual([]);
      // QEMU uses its numbers again, backtrail does not: one stream of the log may hold several.
      const logged = new Map<number, bigint[]>();
      for (const { vcpu, pc } of readExecLog(log)) {
        const stream = logged.get(vcpu) ?? [];
        stream.push(pc);
        logged.set(vcpu, stream);
      }
      for (const [number, pcs] of logged) logged.set(number, withoutRepetitions(pcs, trace).pcs);
      for (const vcpu of trace.vcpus) {
        const all = tracedRuns(trace, vcpu).map(({ pc }) => pc);
        const runs = withoutRepetitions(all, trace).pcs;
        const starts = (stream: bigint[]): boolean => runs.every((pc, i) => stream[i] === pc);
        const [number, stream] = [...logged].find(([, pcs]) => starts(pcs)) ?? [-1, []];
        expect(number, `vCPU ${vcpu}, ${runs.length} blocks`).toBeGreaterThanOrEqual(0);
        logged.set(number, stream.slice(runs.length));
      }
      expect([...logged.values()].flat()).toEqual([]);
    });
  });

  describe.skipIf(need.missing)(`two recordings of one program, ${isa}${need.note}`, () => {
    test('hold the same transfers by source, target, cause and kind', () => {
      const program = buildGuest(isa, 'flow', folder);
      const [first, second] = ['first', 'other'].map((name) => {
        const output = path.join(folder, `${name}.${isa}.trace`);
        const { trace } = recordGuest({ program, qemu: need.path, output, ringBytes: 8192 });
        return transfers(trace);
      });
      expect(first?.length).toBeGreaterThan(10_000);
      expect(second).toEqual(first);
    });
  });

  describe.skipIf(need.missing)(`how a run ends, ${isa}${need.note}`, () => {
    const program = need.missing ? '' : buildGuest(isa, 'ends', folder);
    const record = (name: string, args: readonly string[]): Trace => {
      const output = path.join(folder, `${name}.${isa}.trace`);
      const { trace } = recordGuest({ program, args, qemu: need.path, output });
      expect(trace.state).toBe('complete');
      expect(checkTrace(trace).findings).toEqual([]);
      return trace;
    };

    test('with a status', () => {
      expect(record('exit', ['exit', '7']).manifest.end).toEqual({ how: 'exit', status: 7 });
    });

    test.for([
      ['segv', 'SIGSEGV', 11],
      ['abort', 'SIGABRT', 6],
      ['term', 'SIGTERM', 15],
    ] as const)('by a signal: %s', ([how, signal, number]) => {
      const { manifest } = record(how, [how]);
      expect(manifest.end).toEqual({ how: 'signal', signal, number });
      expect(manifest.totals.instructions).toBeGreaterThan(1000);
    });

    test('after forks: the children are counted, and are not in the trace', () => {
      const bare = spawnSync(need.path, [program, 'fork'], { env: guestEnvironment() });
      const trace = record('fork', ['fork']);
      expect(trace.manifest.end).toEqual({ how: 'exit', status: bare.status });
      expect(trace.manifest.losses.forksUnrecorded).toBe(3);
      expect(marksOf(trace, 'fork')).toHaveLength(3);
      expect(trace.vcpus).toEqual([0]);
    });

    test('as another program: what it does is not in the trace, and that is told', () => {
      const trace = record('exec', ['exec', '/bin/sh', '-c', 'exit 9']);
      expect(trace.manifest.end).toEqual({ how: 'exit', status: 9 });
      expect(trace.manifest.losses.execsUnrecorded).toBe(1);
      expect(marksOf(trace, 'exec').map((mark) => trace.marks.detail(mark))).toEqual(['/bin/sh']);
    });

    test('after a program that could not be run', () => {
      const trace = record('exec-fail', ['exec-fail']);
      expect(trace.manifest.end).toEqual({ how: 'exit', status: 0 });
      expect(trace.manifest.losses.execsUnrecorded).toBe(0);
    });
  });
}

/** `source target cause kind` of every transfer of vCPU 0. */
function transfers(trace: Trace): string[] {
  const { edges } = trace;
  const names = Array.from(
    { length: edges.count },
    (_, i) => `${edges.source[i]} ${edges.target[i]} ${edges.cause[i]} ${edges.kind[i]}`,
  );
  const list: string[] = [];
  for (const segment of trace.segmentsOf(0)) {
    for (const edge of trace.readSegment(segment)) list.push(names[edge] ?? 'none');
  }
  return list;
}

const cross = needsIsa('riscv64');
describe.skipIf(cross.missing)(`a deadlock on the embedded engine${cross.note}`, () => {
  test('ends where the thread waited that the signal came to, not where the last did', () => {
    const program = buildGuest('riscv64', 'deadlock', folder);
    const output = path.join(folder, 'deadlock.trace');
    const { trace } = recordOn('embedded', { program, args: [], stdin: '', output });
    const [signal = -1] = marksOf(trace, 'signal');
    const ends = marksOf(trace, 'end');
    const end = ends.find((mark) => trace.marks.vcpu[mark] === 0) ?? -1;
    expect(ends).toHaveLength(2);
    expect(trace.marks.vcpu[signal]).toBe(0);
    expect(trace.marks.pc[signal]).toBeGreaterThan(0n);
    expect(trace.marks.pc[end]).toBe(trace.marks.pc[signal]);
  });
});
