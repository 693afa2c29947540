/**
 * Crash reports of committed RV64 guests that end badly, letter by letter, in text and in JSON, on
 * both engines. UPDATE=1 writes the files anew. What another run has otherwise is shown as `…`: the
 * engine's version, and when it was. A guest of a C library takes other ways under QEMU, by what
 * the machine is; those run on the embedded engine alone.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { crashReport } from '@backtrail/analyzer';
import { EMBEDDED_DEFAULTS, type RecordOptions, RING_BYTES_DEFAULT } from '@backtrail/recorder';
import { openTrace } from '@backtrail/recorder/trace';
import { beforeAll, describe, expect, test } from 'vitest';
import { crashText } from '../../../packages/cli/src/crash-text.ts';
import { needsIsa, temporaryFolder } from '../../guests/build.ts';
import { guestFile } from '../../guests/riscv64/guests.ts';
import { SOURCE_ARGUMENTS } from '../../source-process.ts';
import { Golden, reportJson } from './golden.ts';

const RECORD_ALL = fileURLToPath(new URL('./record-all.ts', import.meta.url));
const PANIC = fileURLToPath(new URL('../../guests/bare/panic.elf', import.meta.url));

interface Run {
  readonly guest: string;
  readonly args?: readonly string[];
  readonly file?: string;
  /** It uses a C library, or the board, or as much stack as this machine lets QEMU have. */
  readonly isEmbeddedOnly?: boolean;
}

const RUNS: readonly Run[] = [
  { guest: 'smash' },
  { guest: 'wild-jump', args: ['0'] },
  { guest: 'wild-jump', args: ['2'] },
  { guest: 'null-call' },
  { guest: 'illegal', args: ['0'] },
  { guest: 'overflow', isEmbeddedOnly: true },
  { guest: 'nested', args: ['1'] },
  { guest: 'longjmp', isEmbeddedOnly: true },
  { guest: 'exceptions', args: ['uncaught'], isEmbeddedOnly: true },
  { guest: 'panic', file: PANIC, isEmbeddedOnly: true },
];

const folder = temporaryFolder('crash-reports');
const golden = new Golden('guests');
const SCREEN = { isTerminal: false, columns: 80, paint: (_paint: string, text: string) => text };

const nameOf = ({ guest, args = [] }: Run): string => [guest, ...args].join('-');

function optionsOf(run: Run, engine: 'embedded' | 'qemu'): RecordOptions {
  return {
    program: `./${run.guest}.elf`,
    args: run.args ?? [],
    output: `${nameOf(run)}-${engine}.trace`,
    keep: 'all',
    ringBytes: RING_BYTES_DEFAULT,
    maxTransfers: 0,
    sysroot: null,
    qemu: null,
    engine,
    embedded: EMBEDDED_DEFAULTS,
  };
}

/** In the folder, where nothing is named after this machine. */
function recordAll(list: readonly RecordOptions[]): void {
  const { status, stderr } = spawnSync(
    process.execPath,
    [...SOURCE_ARGUMENTS, RECORD_ALL, JSON.stringify(list)],
    // One variable of one length: C libraries go through it letter by letter.
    { cwd: folder, env: { PATH: '/usr/local/bin:/usr/bin:/bin' }, encoding: 'utf8' },
  );
  // What the guests say is there too.
  if (status !== 0) throw new Error(`recorder: ${stderr}`);
}

/** Without what another run has otherwise. */
const sameEverywhere = (text: string): string =>
  text
    .replaceAll(`${folder}/`, '')
    .replace(/(; riscv64, \w+ mode, \w+) [\w.]+\.$/m, '$1 ….')
    .replace(/("engineVersion": )".*"/, '$1"…"')
    .replace(/("started": )".*"/, '$1"…"');

for (const engine of ['embedded', 'qemu'] as const) {
  const qemu = engine === 'qemu' ? needsIsa('riscv64') : null;
  const runs = RUNS.filter((run) => engine === 'embedded' || run.isEmbeddedOnly !== true);
  describe.skipIf(qemu?.missing === true)(`${engine}${qemu?.note ?? ''}`, () => {
    beforeAll(() => {
      for (const { guest, file } of runs) {
        copyFileSync(file ?? guestFile(guest), path.join(folder, `${guest}.elf`));
      }
      recordAll(runs.map((run) => optionsOf(run, engine)));
    });

    test.each(runs.map((run) => ({ name: nameOf(run) })))('$name', async ({ name }) => {
      const trace = openTrace(path.join(folder, `${name}-${engine}.trace`));
      const report = await crashReport(trace);
      golden.compare(`${name}-${engine}.txt`, sameEverywhere(crashText(report, SCREEN)));
      golden.compare(`${name}-${engine}.json.txt`, sameEverywhere(reportJson(report)));
    });
  });
}

test('every golden file is of a run', () => {
  const wanted = RUNS.flatMap((run) => {
    const engines = run.isEmbeddedOnly === true ? ['embedded'] : ['embedded', 'qemu'];
    return engines.flatMap((engine) =>
      ['txt', 'json.txt'].map((ending) => `${nameOf(run)}-${engine}.${ending}`),
    );
  });
  expect(golden.files).toEqual(wanted.sort());
});
