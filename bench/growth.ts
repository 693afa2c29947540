/** How what is asked of a trace grows with it: traces of one program, cut off at some lengths. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Cursor, openIndex } from '@backtrail/analyzer';
import { openTrace } from '@backtrail/recorder/trace';
import { machine, today } from './machine.ts';
import { median, run } from './measure.ts';
import type { GrowthRow, Part } from './results.ts';
import { CLI } from './tools.ts';

const LENGTHS = [1e6, 3e6, 1e7, 3e7, 1e8, 3e8, 1e9];
const SMOKE_LENGTHS = [1e5];
/** Transfers of a round of bench/guests/micro.c, less than there are. */
const ROUND_TRANSFERS = 3.2e6;
const REPEATS = 3;
const STEPS = 1000;

const COUNTED = 'SELECT target_symbol, count(*) FROM transfers GROUP BY ALL';
const READ = 'SELECT target_symbol, count(*) FROM transfers WHERE seq > 9 GROUP BY ALL';

async function seconds(repeats: number, ...args: readonly string[]): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < repeats; i++) {
    const done = await run(process.execPath, [CLI, ...args]);
    if (done.status !== 0) {
      throw new Error(`backtrail ${args.join(' ')}: status ${done.status}: ${done.stderr}`);
    }
    times.push(done.seconds);
  }
  return median(times);
}

function timed(action: () => unknown): number {
  const started = performance.now();
  action();
  return (performance.now() - started) / 1000;
}

/** In this process, with the index: a step back from the middle, and the way to the beginning. */
async function moves(directory: string): Promise<Pick<GrowthRow, 'step' | 'search'>> {
  const trace = openTrace(directory);
  const { index } = await openIndex(trace);
  const cursor = new Cursor(trace, { index });
  const { vcpu, seq } = cursor.position;
  const [first = 0] = trace.readSegment(trace.segmentsOf(vcpu)[0] ?? 0);
  const pc = trace.edges.target[first] ?? 0n;
  const search = timed(() => cursor.address('backward', pc));
  if (cursor.position.seq !== 0) throw new Error(`found seq ${cursor.position.seq}, expected 0`);
  cursor.to(Math.floor(seq / 2));
  const steps = Array.from({ length: STEPS }, () => timed(() => cursor.instruction('backward')));
  return { step: median(steps), search };
}

async function one(folder: string, length: number, repeats: number): Promise<GrowthRow> {
  const trace = join(folder, 'growth.trace');
  rmSync(trace, { recursive: true, force: true });
  const rounds = `${Math.ceil(length / ROUND_TRANSFERS)}`;
  const limit = ['--max-transfers', `${length}`];
  const program = ['--', join(folder, 'micro'), rounds];
  const record = await seconds(1, 'record', '-q', ...limit, '-o', trace, ...program);
  const { manifest, transfers } = openTrace(trace);
  if (transfers !== length) throw new Error(`found ${transfers} transfers, expected ${length}`);
  const middle = `${Math.floor(transfers / 2)}`;
  const index = await seconds(1, 'index', trace);
  const ask = (...args: readonly string[]): Promise<number> => seconds(repeats, ...args);
  const row = {
    transfers,
    bytes: manifest.totals.bytes,
    record,
    index,
    info: await ask('info', trace),
    back: await ask('back', trace, '--from', middle, '-n', '50'),
    stack: await ask('stack', trace, '--at', middle),
    last: await ask('last', trace, '_start'),
    sqlCounted: await ask('query', trace, COUNTED, '--format', 'csv'),
    sqlRead: await ask('query', trace, READ, '--format', 'csv'),
    ...(await moves(trace)),
  };
  rmSync(trace, { recursive: true });
  return row;
}

/** `folder` holds the microbenchmark, built by makeWorkloads(). */
export async function measureGrowth(folder: string, isSmoke: boolean): Promise<Part<GrowthRow>> {
  const rows: GrowthRow[] = [];
  for (const length of isSmoke ? SMOKE_LENGTHS : LENGTHS) {
    const row = await one(folder, length, isSmoke ? 1 : REPEATS);
    rows.push(row);
    const { info, stack, sqlRead } = row;
    const told = [info, stack, sqlRead].map((one) => `${one.toFixed(2)} s`).join(', ');
    console.log(`${length.toLocaleString('en')} transfers: info, stack, SQL ${told}`);
  }
  return { date: today(), machine: machine(), rows };
}
