/**
 * The oracle: the blocks that a trace says were executed are those that the emulator itself says it
 * executed, one by one to the end, in a run that knew nothing of a plugin.
 */
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkTrace } from '../../packages/analyzer/src/check.ts';
import { buildGuest, ISAS, type Isa, needsIsa, temporaryFolder } from '../guests/build.ts';
import { recordGuest, runBare } from '../guests/record.ts';
import {
  firstDifference,
  followLog,
  readExecLog,
  tracedRuns,
  withoutRepetitions,
} from './exec-log.ts';

interface Guest {
  readonly source: string;
  readonly isas: readonly Isa[];
  /** QEMU cuts its blocks elsewhere when a plugin is there. */
  readonly isCutElsewhere?: boolean;
  /** Fewer blocks would mean that the guest did not do its work. */
  readonly blocksMin: number;
  readonly repetitionsMin?: number;
}

const GUESTS: readonly Guest[] = [
  { source: 'flow', isas: ISAS, blocksMin: 10_000 },
  { source: 'shapes', isas: ISAS, blocksMin: 1_500, isCutElsewhere: true },
  { source: 'smc', isas: ISAS, blocksMin: 2_000 },
  { source: 'strings_x86', isas: ['x86_64'], blocksMin: 2_000, repetitionsMin: 1_500 },
];

const folder = temporaryFolder('exec-log');

for (const isa of ISAS) {
  const need = needsIsa(isa);
  describe.skipIf(need.missing)(`executed blocks, ${isa}${need.note}`, () => {
    for (const guest of GUESTS.filter(({ isas }) => isas.includes(isa))) {
      test(`${guest.source}: as a bare QEMU logs them, and as the recorded one does`, () => {
        const program = buildGuest(isa, guest.source, folder);
        const name = path.join(folder, `${guest.source}.${isa}`);
        const run = { program, qemu: need.path, env: logTo(`${name}.bare`) };
        const printed = runBare(run, []);
        const same = { ...run, env: logTo(`${name}.same`) };
        const { trace, stdout } = recordGuest({ ...same, output: `${name}.trace` });
        expect(stdout).toBe(printed);
        expect(checkTrace(trace).findings).toEqual([]);

        const runs = withoutRepetitions(
          tracedRuns(trace, 0).map(({ pc }) => pc),
          trace,
        );
        const ownLog = withoutRepetitions(logged(`${name}.same`), trace);
        expect(firstDifference(runs.pcs, ownLog.pcs)).toBeNull();
        const bareLog = withoutRepetitions(logged(`${name}.bare`), trace);
        if (guest.isCutElsewhere) {
          expect(followLog(trace, bareLog.pcs)).toMatchObject({ wrong: null });
        } else {
          expect(firstDifference(runs.pcs, bareLog.pcs)).toBeNull();
        }
        expect(bareLog.pcs.length).toBeGreaterThan(guest.blocksMin);
        const { repetitionsMin = 0 } = guest;
        expect(bareLog.repetitions).toBeGreaterThanOrEqual(repetitionsMin);
      });
    }
  });
}

/**
 * QEMU takes its log options from the environment, which the guest sees: names of one length, and
 * both runs go through the same instructions.
 */
function logTo(file: string): Record<string, string> {
  return { QEMU_LOG: 'exec,nochain', QEMU_LOG_FILENAME: file };
}

function logged(file: string): bigint[] {
  return readExecLog(file).map(({ pc }) => pc);
}
