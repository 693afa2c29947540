/**
 * `npm run bench`: the figures of bench/results.md, measured here and now.
 *
 *   --smoke      tiny inputs, one round, no billion: what runs in the tests
 *   --rounds N   default 5; each round runs bare and recorded in turn
 *   --part NAME  one of: recording, filter, billion, peers, growth
 *   --only NAME  one workload of `recording`
 *   --report     measures nothing: tables and charts anew from bench/results.json
 *
 * What `peers` and `growth` find is kept in bench/results.json, and shown from there.
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openTrace } from '@backtrail/recorder/trace';
import { billion } from './billion.ts';
import { measureGrowth } from './growth.ts';
import { geomean, median, run } from './measure.ts';
import { comparePeers } from './peers.ts';
import { report } from './report.ts';
import results from './results.json' with { type: 'json' };
import { CLI } from './tools.ts';
import { buildMicro, FULL, makeWorkloads, SMOKE, type Workload } from './workloads.ts';

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

/**
 * Wall time bare, then recorded to disk, in turn; the median of the ratios.
 * @param how more options of `record`
 */
async function compare(
  workload: Workload,
  rounds: number,
  folder: string,
  how: readonly string[] = [],
): Promise<Row> {
  const trace = join(folder, `${workload.name}.trace`);
  const command = [workload.program, ...workload.args];
  const bare: number[] = [];
  const ratios: number[] = [];
  for (let round = 0; round < rounds; round++) {
    rmSync(trace, { recursive: true, force: true });
    const without = await timed(QEMU, command);
    const words = [CLI, 'record', '-o', trace, ...how, '--', ...command];
    const recorded = await timed(process.execPath, words);
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
}

function printMean(rows: readonly Row[]): void {
  const ratio = geomean(rows.map((row) => row.ratio));
  const bits = geomean(rows.map((row) => row.bitsPerTransfer));
  console.log(`| geomean | | ${ratio.toFixed(2)} | ${bits.toFixed(2)} | | | |`);
}

async function recording(folder: string, isSmoke: boolean): Promise<void> {
  const rounds = Number(option('rounds') ?? (isSmoke ? 1 : 5));
  const only = option('only');
  const rows: Row[] = [];
  const workloads = makeWorkloads(folder, isSmoke ? SMOKE : FULL);
  for (const workload of workloads) {
    if (only === null || workload.name === only) rows.push(await compare(workload, rounds, folder));
  }
  print(rows);
  printMean(rows);
}

/** All but a start outside of a filter, all but one function, and none: what code outside costs. */
async function filtering(folder: string, isSmoke: boolean): Promise<void> {
  const rounds = Number(option('rounds') ?? (isSmoke ? 1 : 5));
  const { microRounds } = isSmoke ? SMOKE : FULL;
  const micro = { program: buildMicro(folder), args: [`${microRounds}`] };
  const rows: Row[] = [];
  for (const filter of ['_start', 'fib', '']) {
    const how = filter === '' ? [] : ['--filter', filter];
    rows.push(await compare({ name: `micro ${how.join(' ')}`, ...micro }, rounds, folder, how));
  }
  print(rows);
}

async function main(folder: string): Promise<void> {
  const isSmoke = process.argv.includes('--smoke');
  const isReport = process.argv.includes('--report');
  const part = option('only') === null ? option('part') : 'recording';
  const isWanted = (name: string): boolean => !isReport && (part === null || part === name);
  if (isWanted('recording')) await recording(folder, isSmoke);
  buildMicro(folder);
  if (isWanted('filter')) await filtering(folder, isSmoke);
  if (isWanted('billion')) await billion(folder, isSmoke ? 1 : 310, isSmoke ? 1 : 5);
  const peers = isWanted('peers') ? await comparePeers(folder, isSmoke) : results.peers;
  const growth = isWanted('growth') ? await measureGrowth(folder, isSmoke) : results.growth;
  if (!isSmoke) {
    const kept = new URL('results.json', import.meta.url);
    writeFileSync(kept, `${JSON.stringify({ peers, growth }, null, 2)}\n`);
    report({ peers, growth }, false);
    return;
  }
  const stale = report(results, true);
  if (stale.length === 0) return;
  throw new Error(
    `bench/: found ${stale.join(', ')} otherwise than results.json says, expected the same. ` +
      'Run: npm run bench -- --report',
  );
}

const folder = mkdtempSync(join(tmpdir(), 'backtrail-bench-'));
try {
  await main(folder);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
