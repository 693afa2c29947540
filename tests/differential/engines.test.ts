/**
 * Two engines on one program give the same transfers: the embedded one and QEMU with our plugin.
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { EMBEDDED_DEFAULTS, RING_BYTES_DEFAULT } from '@backtrail/recorder';
import { openTrace, type Trace } from '@backtrail/recorder/trace';
import { describe, expect, test } from 'vitest';
import { checkTrace } from '../../packages/analyzer/src/check.ts';
import { readSymbols } from '../../packages/recorder/src/elf/elf.ts';
import { temporaryFolder } from '../guests/build.ts';
import { RECORD_PROCESS } from '../guests/record.ts';
import { type GuestRun, guestFile, QEMU_ARGS, RUNS, runName } from '../guests/riscv64/guests.ts';
import { needsAll } from '../require.ts';
import { type Divergence, divergences } from './same-transfers.ts';

const folder = temporaryFolder('engines');
const qemu = needsAll('qemu-riscv64', 'cc');

/**
 * One variable only: QEMU 7.2 hands the environment on in the opposite order, and a C library goes
 * through it letter by letter.
 */
const ENVIRONMENT = { PATH: process.env['PATH'] ?? '' };

/** Where a guest tries instructions that this engine does not have, and no C library looks. */
const environmentOf = (run: GuestRun): NodeJS.ProcessEnv =>
  run.guest === 'random-instructions' ? { ...ENVIRONMENT, QEMU_CPU: QEMU_ARGS[1] } : ENVIRONMENT;

function record(engine: 'embedded' | 'qemu', run: GuestRun): Trace {
  const output = path.join(folder, `${runName(run)}.${engine}.trace`);
  const options = {
    program: guestFile(run.guest),
    args: run.args,
    output,
    keep: 'all',
    ringBytes: RING_BYTES_DEFAULT,
    maxTransfers: 0,
    sysroot: null,
    qemu: null,
    engine,
    embedded: EMBEDDED_DEFAULTS,
  };
  const child = spawnSync(
    process.execPath,
    ['--conditions=source', '--disable-warning=ExperimentalWarning', RECORD_PROCESS].concat(
      JSON.stringify(options),
    ),
    { encoding: 'utf8', env: environmentOf(run), input: run.stdin, maxBuffer: 1 << 28 },
  );
  if (child.status !== 0) throw new Error(`recorder: ${child.signal ?? ''} ${child.stderr}`);
  return openTrace(output);
}

/** Name of the function that holds an address of a guest. */
function functionAt(program: string, address: bigint): string {
  const symbols = readSymbols(program);
  let best = '?';
  let start = -1n;
  for (let i = 0; i < symbols.count; i++) {
    const at = symbols.address[i] ?? 0n;
    if (at > address || at <= start) continue;
    start = at;
    best = symbols.name(i);
  }
  return best;
}

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
      const [embedded, other] = [record('embedded', run), record('qemu', run)];
      expect(checkTrace(embedded).findings).toEqual([]);
      const program = guestFile(run.guest);
      for (const found of divergences(embedded, other)) {
        const place = functionAt(program, found.after ?? 0n);
        const cause = CAUSES.find(({ is }) => is(found, place, run));
        expect(cause?.why, `after ${place}: ${JSON.stringify(found, textOfBigint)}`).toBeDefined();
      }
      expect(embedded.manifest.totals.transfers).toBeGreaterThan(40);
    },
  );
});

const textOfBigint = (_key: string, value: unknown): unknown =>
  typeof value === 'bigint' ? `0x${value.toString(16)}` : value;
