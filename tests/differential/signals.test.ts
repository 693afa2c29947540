/**
 * Signal transfers against what the guest's own handlers saw: each is given the interrupted pc in
 * its ucontext and prints it.
 */
import path from 'node:path';
import { CAUSES, KINDS, MARK_KINDS, type Trace } from '@backtrail/recorder/trace';
import { describe, expect, test } from 'vitest';
import { checkTrace } from '../../packages/analyzer/src/check.ts';
import { buildGuest, ISAS, NARROW_ISAS, needsIsa, temporaryFolder } from '../guests/build.ts';
import { recordGuest } from '../guests/record.ts';
import { firstDifference, readExecLog, tracedRuns, withoutRepetitions } from './exec-log.ts';

const folder = temporaryFolder('signals');
const SIGNAL = CAUSES.indexOf('signal');
const RETURN = KINDS.indexOf('signal-return');

/** `number pc` of each signal mark, as the guest prints it. */
function marked(trace: Trace): string[] {
  const { marks } = trace;
  const lines: string[] = [];
  for (let mark = 0; mark < marks.count; mark++) {
    if (MARK_KINDS[marks.kind[mark] ?? 0] !== 'signal') continue;
    lines.push(`${marks.number[mark]} ${(marks.pc[mark] ?? 0n).toString(16)}`);
  }
  return lines;
}

/** Sources of deliveries, in order; and how many returns there were. */
function delivered(trace: Trace): { readonly sources: string[]; readonly returns: number } {
  const { edges } = trace;
  const sources: string[] = [];
  let returns = 0;
  for (const segment of trace.segmentsOf(0)) {
    for (const edge of trace.readSegment(segment)) {
      if (edges.cause[edge] !== SIGNAL) continue;
      if (edges.kind[edge] === RETURN) returns++;
      else sources.push((edges.source[edge] ?? 0n).toString(16));
    }
  }
  return { sources, returns };
}

for (const isa of [...ISAS, ...NARROW_ISAS]) {
  const need = needsIsa(isa);
  describe.skipIf(need.missing)(`signals, ${isa}${need.note}`, () => {
    test('source and number of each are what the handler saw', () => {
      const program = buildGuest(isa, 'signals', folder);
      const output = path.join(folder, `${isa}.trace`);
      const { trace, stdout } = recordGuest({ program, qemu: need.path, output });
      const seen = stdout.trim().split('\n');
      expect(seen.length).toBeGreaterThanOrEqual(2 * 60 + 5 * 7 + 5 * 3);
      expect(marked(trace)).toEqual(seen);
      const { sources, returns } = delivered(trace);
      expect(sources).toEqual(seen.map((line) => line.split(' ')[1]));
      // Five faults are left by siglongjmp; all other handlers return.
      expect(returns).toBe(seen.length - 5);
      expect(checkTrace(trace).findings).toEqual([]);
    });

    test('blocks that ran are those that the recorded QEMU logged', () => {
      const log = path.join(folder, `${isa}.log`);
      const { trace } = recordGuest({
        program: buildGuest(isa, 'signals', folder),
        qemu: need.path,
        output: path.join(folder, `${isa}.same.trace`),
        env: { QEMU_LOG: 'exec,nochain', QEMU_LOG_FILENAME: log },
      });
      const logged = withoutRepetitions(
        readExecLog(log).map(({ pc }) => pc),
        trace,
      );
      const runs = withoutRepetitions(
        tracedRuns(trace, 0).map(({ pc }) => pc),
        trace,
      );
      expect(firstDifference(runs.pcs, logged.pcs)).toBeNull();
    });
  });
}
