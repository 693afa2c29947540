/**
 * Two engines on one program give the same transfers: the embedded one and QEMU with our plugin.
 */
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkTrace } from '../../packages/analyzer/src/check.ts';
import { temporaryFolder } from '../guests/build.ts';
import { type GuestRun, guestFile, QEMU_ARGS, RUNS, runName } from '../guests/riscv64/guests.ts';
import { needsAll } from '../require.ts';
import { functionAt, ONE_VARIABLE, recordOn } from './record-on.ts';
import { type Divergence, divergences } from './same-transfers.ts';

const folder = temporaryFolder('engines');
const qemu = needsAll('qemu-riscv64', 'cc');

/** Where a guest tries instructions that this engine does not have, and no C library looks. */
const environmentOf = (run: GuestRun): NodeJS.ProcessEnv =>
  run.guest === 'random-instructions' ? { ...ONE_VARIABLE, QEMU_CPU: QEMU_ARGS[1] } : ONE_VARIABLE;

/** What QEMU does otherwise than the kernel and this engine, as the streams show it. */
const CAUSES: readonly {
  readonly why: string;
  readonly is: (divergence: Divergence, place: string, run: GuestRun) => boolean;
}[] = [
  {
    why: 'QEMU has no set_robust_list; glibc branches on its answer',
    is: ({ first, second }, place) =>
      place.startsWith('__libc_setup_tls') && first.count === 0 && second.count === 1,
  },
  {
    why: 'a jump to where no code is ends the run before the plugin of QEMU sees it',
    is: ({ first, second, secondHas }) =>
      first.count === 1 && second.count === 0 && secondHas === null,
  },
  {
    why: 'QEMU gives a child process, this engine answers ENOSYS',
    is: (_divergence, place, run) => run.guest === 'hostile' && place === 'forks',
  },
];

/** Real time and real threads: their interleaving is no property of the program. */
const INTERLEAVED = new Set(['timer', 'threads']);

describe.skipIf(qemu.missing)(`the same transfers as under QEMU${qemu.note}`, () => {
  test.for(RUNS.filter(({ guest }) => !INTERLEAVED.has(guest)).map((run) => [runName(run), run]))(
    '%s',
    ([, given]) => {
      const run = given as GuestRun;
      const program = guestFile(run.guest);
      const [embedded, other] = (['embedded', 'qemu'] as const).map((engine) =>
        recordOn(engine, {
          program,
          args: run.args,
          stdin: run.stdin,
          output: path.join(folder, `${runName(run)}.${engine}.trace`),
          env: environmentOf(run),
        }),
      );
      if (embedded === undefined || other === undefined) throw new Error('two were recorded');
      expect(embedded.stdout).toEqual(other.stdout);
      expect(checkTrace(embedded.trace).findings).toEqual([]);
      for (const found of divergences(embedded.trace, other.trace)) {
        const place = functionAt(program, found.after ?? 0n);
        const cause = CAUSES.find(({ is }) => is(found, place, run));
        expect(cause?.why, `after ${place}: ${JSON.stringify(found, textOfBigint)}`).toBeDefined();
      }
      expect(embedded.trace.manifest.totals.transfers).toBeGreaterThan(40);
    },
  );
});

const textOfBigint = (_key: string, value: unknown): unknown =>
  typeof value === 'bigint' ? `0x${value.toString(16)}` : value;
