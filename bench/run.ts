/**
 * `npm run bench`: the figures of bench/results.md, measured here and now.
 *
 *   --smoke      tiny inputs, one round, no billion: what runs in the tests
 *   --rounds N   default 5; each round runs bare and recorded in turn
 *   --only NAME  one workload
 *   --no-billion leaves out the trace of a billion transfers
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openTrace } from '@backtrail/recorder/trace';
import { billion } from './billion.ts';
import { geomean, median, run } from './measure.ts';
import { FULL, makeWorkloads, SMOKE, type Workload } from './workloads.ts';

const CLI = new URL('../packages/cli/bin/backtrail.js', import.meta.url).pathname;
const QEMU = 'qemu-x86_64';

interface Row {
  readonly name: string;
  readonly bareSeconds: number;
  readonly ratio: number;
  readonly bitsPerTransfer: number;
  readonly transfers: number;
  readonly waitSeconds: number;
  /** Of the counts of every edge: the same program must give the same. */
  readonly hash: string;
}

function option(name: string): string | null {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? null : (process.argv[at + 1] ?? null);
}

async function timed(command: string, args: readonly string[]): Promise<number> {
  const done = await run(command, args);
  if (done.status === 0) return done.seconds;
  throw new Error(`${command} ${args.join(' ')}: status ${done.status}: ${done.stderr}`);
}

/** Wall time bare, then recorded to disk, in turn; the median of the ratios. */
async function compare(workload: Workload, rounds: number, folder: string): Promise<Row> {
  const trace = join(folder, `${workload.name}.trace`);
  const command = [workload.program, ...workload.args];
  const bare: number[] = [];
  const ratios: number[] = [];
  for (let round = 0; round < rounds; round++) {
    rmSync(trace, { recursive: true, force: true });
    const without = await timed(QEMU, command);
    const recorded = await timed(process.execPath, [CLI, 'record', '-o', trace, '--', ...command]);
    bare.push(without);
    ratios.push(recorded / without);
  }
  const { manifest, edges } = openTrace(trace);
  const { transfers, bytes, waitNs } = manifest.totals;
  const hash = createHash('sha256').update(new Uint8Array(edges.taken.buffer)).digest('hex');
  rmSync(trace, { recursive: true });
  return {
    name: workload.name,
    bareSeconds: median(bare),
    ratio: median(ratios),
    bitsPerTransfer: (bytes * 8) / transfers,
    transfers,
    waitSeconds: waitNs / 1e9,
    hash: hash.slice(0, 12),
  };
}

function print(rows: readonly Row[]): void {
  console.log(
    '| workload | bare s | recorded ÷ bare | bits/transfer | transfers | waited s | hash |',
  );
  console.log('|---|---|---|---|---|---|---|');
  for (const row of rows) {
    const cells = [
      row.name,
      row.bareSeconds.toFixed(2),
      row.ratio.toFixed(2),
      row.bitsPerTransfer.toFixed(2),
      row.transfers.toLocaleString('en'),
      row.waitSeconds.toFixed(2),
      row.hash,
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
  const ratio = geomean(rows.map((row) => row.ratio));
  const bits = geomean(rows.map((row) => row.bitsPerTransfer));
  console.log(`| geomean | | ${ratio.toFixed(2)} | ${bits.toFixed(2)} | | | |`);
}

/** The same program against QEMU's own log of executed blocks, `-d exec,nochain`, to a file. */
async function againstLog(folder: string, rounds: string): Promise<void> {
  const micro = join(folder, 'micro');
  const [trace, log] = [join(folder, 'log.trace'), join(folder, 'exec.log')];
  rmSync(trace, { recursive: true, force: true });
  const logged = await timed(QEMU, ['-d', 'exec,nochain', '-D', log, micro, rounds]);
  rmSync(log);
  const command = [CLI, 'record', '-o', trace, '--', micro, rounds];
  const recorded = await timed(process.execPath, command);
  rmSync(trace, { recursive: true });
  const ratio = (logged / recorded).toFixed(1);
  console.log(`\n-d exec,nochain to a file, micro ${rounds}: ${logged.toFixed(2)} s; `);
  console.log(`recorded: ${recorded.toFixed(2)} s; ${ratio} times faster`);
}

const isSmoke = process.argv.includes('--smoke');
const rounds = Number(option('rounds') ?? (isSmoke ? 1 : 5));
const folder = mkdtempSync(join(tmpdir(), 'backtrail-bench-'));
try {
  const only = option('only');
  const rows: Row[] = [];
  const workloads = makeWorkloads(folder, isSmoke ? SMOKE : FULL);
  for (const workload of workloads) {
    if (only === null || workload.name === only) rows.push(await compare(workload, rounds, folder));
  }
  print(rows);
  if (only === null) await againstLog(folder, isSmoke ? '1' : '10');
  const isBillion = !isSmoke && only === null && !process.argv.includes('--no-billion');
  if (only === null) await billion(folder, isBillion ? 310 : 1);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
