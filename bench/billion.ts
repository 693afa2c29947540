/** One trace of a billion transfers: recorded, opened, looked into, scanned, as whole processes. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { openTrace } from '@backtrail/recorder/trace';
import { cursorFigures } from './cursor.ts';
import { type Measured, median, run } from './measure.ts';
import { walkFigures } from './walk.ts';

const CLI = new URL('../packages/cli/bin/backtrail.js', import.meta.url).pathname;
const MIB = 1024 * 1024;

/** Answered from counts of edges, from counts made of every segment, and row by row. */
const SCANS: readonly (readonly [what: string, sql: string])[] = [
  ['GROUP BY kind', 'SELECT kind, count(*) AS n FROM transfers GROUP BY kind'],
  ['GROUP BY target_symbol', 'SELECT target_symbol, count(*) FROM transfers GROUP BY ALL'],
  [
    'the same where seq > 9, which reads every transfer',
    'SELECT target_symbol, count(*) FROM transfers WHERE seq > 9 GROUP BY ALL',
  ],
  [
    'all columns WHERE, of a symbol that does not occur',
    "SELECT * FROM transfers WHERE target_symbol = 'no such symbol'",
  ],
  ['all columns WHERE cause is start, one row', "SELECT * FROM transfers WHERE cause = 'start'"],
  ['max(seq), row by row', 'SELECT max(seq), max(edge + seq) FROM transfers'],
];

async function cli(...args: readonly string[]): Promise<Measured> {
  const done = await run(process.execPath, [CLI, ...args]);
  if (done.status === 0) return done;
  throw new Error(`backtrail ${args.join(' ')}: status ${done.status}: ${done.stderr}`);
}

async function typicalSeconds(repeats: number, ...args: readonly string[]): Promise<number> {
  const seconds: number[] = [];
  for (let i = 0; i < repeats; i++) seconds.push((await cli(...args)).seconds);
  return median(seconds);
}

/** `microRounds` of bench/guests/micro.c; about 3.3 million transfers each. */
export async function billion(folder: string, microRounds: number, repeats: number): Promise<void> {
  const typical = (...args: readonly string[]): Promise<number> => typicalSeconds(repeats, ...args);
  const trace = join(folder, 'billion.trace');
  const micro = join(folder, 'micro');
  const recorded = await cli('record', '-o', trace, '--', micro, `${microRounds}`);
  const { manifest, transfers } = openTrace(trace);
  const losses: readonly number[] = Object.values({ ...manifest.losses });
  const lost = losses.reduce((sum, count) => sum + count, 0);
  const rate = (transfers / recorded.seconds / 1e6).toFixed(0);
  const resident = (recorded.residentBytesMax / MIB).toFixed(0);
  console.log(
    `\n${transfers.toLocaleString('en')} transfers in ${recorded.seconds.toFixed(2)} s, ` +
      `${rate} M/s, lost ${lost}, recorder resident ${resident} MiB`,
  );
  const info = await typical('info', trace);
  console.log(`info: ${info.toFixed(3)} s`);
  const middle = Math.floor(transfers / 2);
  const back = await typical('back', trace, '--from', `${middle}`, '-n', '50');
  console.log(`back -n 50 from the middle: ${back.toFixed(3)} s`);
  for (const [what, sql] of SCANS) {
    const seconds = await typical('query', trace, sql, '--format', 'csv');
    const perSecond = (transfers / seconds / 1e6).toFixed(0);
    console.log(`${what}: ${seconds.toFixed(2)} s as a whole process, ${perSecond} M transfers/s`);
  }
  const crash = await typical('crash', trace);
  console.log(`crash, calls of the last part: ${crash.toFixed(3)} s`);
  const indexed = await cli('index', trace, '--json');
  const fact = (name: string): number =>
    Number(new RegExp(`"${name}": ([\\d.]+)`).exec(indexed.stdout)?.[1]);
  const share = ((100 * fact('bytes')) / fact('traceBytes')).toFixed(2);
  console.log(
    `index: ${(fact('elapsedMs') / 1000).toFixed(2)} s, ` +
      `${(fact('transfersPerSecond') / 1e6).toFixed(0)} M transfers/s, ${share} % of the trace`,
  );
  const stack = await typical('stack', trace, '--at', `${middle}`);
  console.log(`stack --at the middle: ${stack.toFixed(3)} s`);
  const last = await typical('last', trace, '_start');
  console.log(`last _start, which ran once, at the beginning: ${last.toFixed(3)} s`);
  const whole = await typical('crash', trace);
  console.log(`crash, all calls by the index: ${whole.toFixed(3)} s`);
  await cursorFigures(trace);
  await walkFigures(trace, transfers);
  rmSync(trace, { recursive: true });
}
