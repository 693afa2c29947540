/**
 * `npm run soak`: records at full speed for as long as it is told, in both keep modes on both
 * engines, and looks at memory and files meanwhile. It fails if memory grows.
 *
 *   --minutes N  of each recording; default 1
 *   --smoke      3 seconds each: what runs in the tests
 *   --only NAME  one of: qemu-all, qemu-last, embedded-all, embedded-last
 *
 * Flat means: the median of the last third of the samples is at most GROWTH_BYTES_MAX above that of
 * the middle third; the first third is for what fills once: the ring, caches, V8's heap.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openTrace } from '@backtrail/recorder/trace';
import { machine, today } from './machine.ts';
import { median } from './measure.ts';
import { CLI } from './tools.ts';

const MIB = 2 ** 20;
/**
 * Of each table the writer keeps at most 16 MiB of rows (KEPT_BYTES_MAX of live-table.ts), and
 * segments are what grows; as much again for their arrays, twice that for garbage not collected.
 */
const GROWTH_BYTES_MAX = 64 * MIB;
const SAMPLE_MS = 500;
/** Beyond any soak; as the program reads it. */
const ROUNDS = '2000000000';
const RING_FOLDER = '/dev/shm';
/** So few samples say nothing of growth. */
const SAMPLES_MIN = 30;

interface Sample {
  readonly recorderBytes: number;
  /** Of QEMU; 0 where the guest is in the recorder. */
  readonly guestBytes: number;
  readonly traceBytes: number;
  readonly files: number;
}

interface Mode {
  readonly engine: 'qemu' | 'embedded';
  readonly keep: 'all' | 'last';
}

const MODES: readonly Mode[] = [
  { engine: 'qemu', keep: 'all' },
  { engine: 'qemu', keep: 'last' },
  { engine: 'embedded', keep: 'all' },
  { engine: 'embedded', keep: 'last' },
];

const nameOf = ({ engine, keep }: Mode): string => `${engine}-${keep}`;

function option(name: string): string | null {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? null : (process.argv[at + 1] ?? null);
}

/** Memory of the process' own, the ring's file left out, bytes; 0 if it is gone. */
function ownBytes(pid: number): number {
  try {
    const kib = /RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
    return Number(kib ?? 0) * 1024;
  } catch {
    return 0;
  }
}

function childOf(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1');
    return Number(text.trim().split(' ')[0] ?? 0);
  } catch {
    return 0;
  }
}

function filesOf(folder: string): { traceBytes: number; files: number } {
  if (!existsSync(folder)) return { traceBytes: 0, files: 0 };
  let [traceBytes, files] = [0, 0];
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    files++;
    const { size } = statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false }) ?? {};
    traceBytes += size ?? 0;
  }
  return { traceBytes, files };
}

/** @param riscv built for the embedded engine rather than for this machine */
function build(folder: string, riscv: boolean): string {
  const into = join(folder, riscv ? 'micro.riscv64' : 'micro');
  const source = new URL('./guests/micro.c', import.meta.url).pathname;
  const compiler = riscv ? 'riscv64-linux-gnu-gcc' : 'cc';
  const built = spawnSync(compiler, ['-O2', '-static', '-o', into, source], { encoding: 'utf8' });
  if (built.status === 0) return into;
  throw new Error(`${compiler} did not build ${source}: ${built.error?.message ?? built.stderr}`);
}

interface Soaked {
  readonly samples: readonly Sample[];
  readonly seconds: number;
  readonly status: number;
  readonly stderr: string;
  readonly ringsLeft: readonly string[];
}

/** Records for so long, then asks the recorder to end as a service manager does: SIGTERM. */
async function soak(mode: Mode, program: string, trace: string, ms: number): Promise<Soaked> {
  const words = ['record', '-q', '--engine', mode.engine, '--keep', mode.keep, '-o', trace];
  const started = performance.now();
  const child = spawn(process.execPath, [CLI, ...words, '--', program, ROUNDS], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString('latin1').slice(0, 10_000);
  });
  const pid = child.pid ?? 0;
  const samples: Sample[] = [];
  const timer = setInterval(() => {
    const qemu = mode.engine === 'qemu' ? childOf(pid) : 0;
    const guestBytes = qemu === 0 ? 0 : ownBytes(qemu);
    samples.push({ recorderBytes: ownBytes(pid), guestBytes, ...filesOf(trace) });
    if (performance.now() - started < ms) return;
    clearInterval(timer);
    child.kill('SIGTERM');
  }, SAMPLE_MS);
  const status = await new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? (signal === null ? 255 : 254)));
  });
  clearInterval(timer);
  const ringsLeft = readdirSync(RING_FOLDER).filter((one) => one.startsWith(`backtrail-${pid}-`));
  return { samples, seconds: (performance.now() - started) / 1000, status, stderr, ringsLeft };
}

/** Median of a third, and how much the last one is above the middle one. */
function growthOf(values: readonly number[]): { middle: number; last: number; most: number } {
  const third = Math.floor(values.length / 3);
  const middle = median(values.slice(third, 2 * third));
  return { middle, last: median(values.slice(2 * third)), most: Math.max(...values) };
}

const SIGTERM_STATUS = 128 + 15;

/** What is wrong with one recording, in words. */
function faultsOf({ samples, status, stderr, ringsLeft }: Soaked, trace: string): string[] {
  const faults: string[] = [];
  const say = (isSo: boolean, text: string): void => {
    if (isSo) faults.push(text);
  };
  say(status !== SIGTERM_STATUS, `status ${status}, expected ${SIGTERM_STATUS}: ${stderr}`);
  say(ringsLeft.length > 0, `rings left: ${ringsLeft.join(' ')}`);
  const { state, manifest, problems } = openTrace(trace);
  say(state !== 'complete' || problems.length > 0, `trace ${state}: ${problems.join('; ')}`);
  const { keep, stopped, losses, totals } = manifest;
  say(stopped !== null || losses.unrecorded > 0, `stopped ${stopped}, ${losses.unrecorded} lost`);
  say(keep === 'all' && losses.overwritten > 0, `${losses.overwritten} transfers lost`);
  say(totals.transfers === 0, 'nothing was recorded');
  for (const who of ['recorderBytes', 'guestBytes'] as const) {
    const { middle, last } = growthOf(samples.map((sample) => sample[who]));
    const isJudged = samples.length >= SAMPLES_MIN;
    const grown = ((last - middle) / MIB).toFixed(1);
    say(isJudged && last - middle > GROWTH_BYTES_MAX, `${who} grew by ${grown} MiB`);
  }
  return faults;
}

function rowOf(mode: Mode, done: Soaked, trace: string): string {
  const { totals, losses } = openTrace(trace).manifest;
  const mib = (bytes: number): string => (bytes / MIB).toFixed(0);
  const memory = (who: 'recorderBytes' | 'guestBytes'): string => {
    const { middle, last, most } = growthOf(done.samples.map((sample) => sample[who]));
    return most === 0 ? 'in the recorder' : `${mib(middle)}, ${mib(last)}, ${mib(most)} MiB`;
  };
  const ran = totals.transfers + losses.overwritten;
  const last = done.samples.at(-1);
  return [
    nameOf(mode),
    `${done.seconds.toFixed(0)} s`,
    `${ran.toLocaleString('en')}`,
    memory('recorderBytes'),
    memory('guestBytes'),
    `${mib(totals.bytes)} MiB in ${last?.files ?? 0}`,
  ].join(' | ');
}

async function main(): Promise<void> {
  const smoke = process.argv.includes('--smoke');
  const ms = smoke ? 3000 : Number(option('minutes') ?? 1) * 60_000;
  if (!(ms > 0)) throw new Error(`--minutes: found ${option('minutes')}, expected above 0`);
  const only = option('only');
  const modes = MODES.filter((mode) => only === null || nameOf(mode) === only);
  if (modes.length === 0) throw new Error(`--only: found ${only}, expected qemu-all and the like`);
  const folder = mkdtempSync(join(tmpdir(), 'backtrail-soak-'));
  let faulty = false;
  try {
    console.log(`${today()}, ${machine()}\n`);
    console.log('| recording | time | transfers | recorder | guest | trace, files |');
    console.log('|---|---|---|---|---|---|');
    for (const mode of modes) {
      const trace = join(folder, `${nameOf(mode)}.trace`);
      const program = build(folder, mode.engine === 'embedded');
      const done = await soak(mode, program, trace, ms);
      const faults = faultsOf(done, trace);
      console.log(`| ${rowOf(mode, done, trace)} |`);
      for (const fault of faults) console.error(`${nameOf(mode)}: ${fault}`);
      faulty ||= faults.length > 0;
      rmSync(trace, { recursive: true });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  process.exitCode = faulty ? 1 : 0;
}

await main();
