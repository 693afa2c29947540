/**
 * The embedded engine against QEMU's user mode and against the same programs built for this
 * machine: whole processes, everything in turn, medians of ratios of one round.
 *
 *   --smoke     one round, tiny counts
 *   --rounds N  default 3
 *   --only NAME one program
 *   --times N   how much longer than 0.2 s of native time each runs; default 10
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openTrace } from '@backtrail/recorder/trace';
import { geomean, type Measured, median, run } from './measure.ts';

/** The guests of the tests, as they were built; their sources build for this machine, too. */
const GUESTS = new URL('../tests/guests/riscv64/', import.meta.url).pathname;

interface Kernel {
  readonly name: string;
  /** So many take about 0.2 s natively. */
  readonly count: number;
  readonly flags?: readonly string[];
}

/** mandel does not fuse multiply-adds, for not every machine can, and its loop tells. */
const KERNELS: readonly Kernel[] = [
  { name: 'core', count: 4000 },
  { name: 'crc', count: 11_000 },
  { name: 'fib', count: 10_000 },
  { name: 'gcd', count: 1_350_000 },
  { name: 'heap', count: 800 },
  { name: 'mandel', count: 425, flags: ['-ffp-contract=off'] },
  { name: 'matmul', count: 4500 },
  { name: 'nbody', count: 1_450_000 },
  { name: 'quick', count: 350 },
  { name: 'records', count: 1_750_000 },
  { name: 'sieve', count: 450 },
  { name: 'text', count: 340 },
  { name: 'vm', count: 2_000_000 },
];

const NATIVE_FLAGS = [
  '-O2',
  '-std=gnu17',
  '-nostdlib',
  '-nostartfiles',
  '-ffreestanding',
  '-static',
].concat('-fno-pic', '-no-pie', '-fno-stack-protector', '-fno-asynchronous-unwind-tables');

const guestFile = (name: string): string => join(GUESTS, 'bin', `${name}.elf`);

const CLI = new URL('../packages/cli/bin/backtrail.js', import.meta.url).pathname;
const QEMU = 'qemu-riscv64';

interface Row {
  readonly name: string;
  readonly native: number;
  readonly qemu: number;
  readonly bare: number;
  readonly recorded: number;
  /** Ratios, of one round each. */
  readonly bareByQemu: number;
  readonly recordedByBare: number;
  readonly recordedByQemu: number;
  readonly bareByNative: number;
  readonly transfers: number;
  readonly bits: number;
  readonly waitSeconds: number;
  readonly hash: string;
}

function option(name: string): string | null {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? null : (process.argv[at + 1] ?? null);
}

async function timed(command: string, args: readonly string[]): Promise<Measured> {
  const done = await run(command, args);
  if (done.status === 0) return done;
  throw new Error(`${command} ${args.join(' ')}: status ${done.status}: ${done.stderr}`);
}

function buildNative({ name, flags = [] }: Kernel, folder: string): string {
  const into = join(folder, `${name}.native`);
  const args = [...NATIVE_FLAGS, ...flags, '-o', into, `${name}.c`];
  const built = spawnSync('cc', args, { cwd: GUESTS, encoding: 'utf8' });
  if (built.status !== 0) throw new Error(`cc did not build ${name}: ${built.stderr}`);
  return into;
}

const record = (...args: readonly string[]): Promise<Measured> =>
  timed(process.execPath, [CLI, 'record', '--quiet', '--engine', 'embedded', ...args]);

async function compare(
  kernel: Kernel,
  count: string,
  rounds: number,
  folder: string,
): Promise<Row> {
  const native = buildNative(kernel, folder);
  const guest = guestFile(kernel.name);
  const trace = join(folder, `${kernel.name}.trace`);
  const times: { native: number; qemu: number; bare: number; recorded: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    rmSync(trace, { recursive: true, force: true });
    const all = [
      await timed(native, [count]),
      await timed(QEMU, [guest, count]),
      await record('--keep', 'none', '--', guest, count),
      await record('-o', trace, '--', guest, count),
    ];
    if (new Set(all.map(({ stdout }) => stdout)).size !== 1) {
      throw new Error(
        `${kernel.name} prints ${all.map(({ stdout }) => stdout.trim()).join(' | ')}`,
      );
    }
    const [a, b, c, d] = all.map(({ seconds }) => seconds);
    times.push({ native: a ?? 0, qemu: b ?? 0, bare: c ?? 0, recorded: d ?? 0 });
  }
  const { manifest, edges } = openTrace(trace);
  const hash = createHash('sha256').update(new Uint8Array(edges.taken.buffer)).digest('hex');
  const of = (pick: (time: (typeof times)[number]) => number): number => median(times.map(pick));
  rmSync(trace, { recursive: true });
  return {
    name: kernel.name,
    native: of((time) => time.native),
    qemu: of((time) => time.qemu),
    bare: of((time) => time.bare),
    recorded: of((time) => time.recorded),
    bareByQemu: of((time) => time.bare / time.qemu),
    recordedByBare: of((time) => time.recorded / time.bare),
    recordedByQemu: of((time) => time.recorded / time.qemu),
    bareByNative: of((time) => time.bare / time.native),
    transfers: manifest.totals.transfers,
    bits: (manifest.totals.bytes * 8) / manifest.totals.transfers,
    waitSeconds: manifest.totals.waitNs / 1e9,
    hash: hash.slice(0, 12),
  };
}

const HEADINGS = [
  'program',
  'native s',
  'QEMU s',
  'bare ÷ QEMU',
  'recorded ÷ bare',
  'recorded ÷ QEMU',
  'bare ÷ native',
  'transfers',
  'M/s',
  'bits',
  'waited s',
  'hash',
];

const two = (value: number): string => value.toFixed(2);

function printHead(): void {
  console.log(`| ${HEADINGS.join(' | ')} |`);
  console.log(`|${'---|'.repeat(HEADINGS.length)}`);
}

function printRow(row: Row): void {
  const cells = [
    row.name,
    two(row.native),
    two(row.qemu),
    two(row.bareByQemu),
    two(row.recordedByBare),
    two(row.recordedByQemu),
    two(row.bareByNative),
    row.transfers.toLocaleString('en'),
    (row.transfers / row.recorded / 1e6).toFixed(0),
    two(row.bits),
    two(row.waitSeconds),
    row.hash,
  ];
  console.log(`| ${cells.join(' | ')} |`);
}

function printMeans(rows: readonly Row[]): void {
  const mean = (pick: (row: Row) => number): string => two(geomean(rows.map(pick)));
  const means = [
    mean((row) => row.bareByQemu),
    mean((row) => row.recordedByBare),
    mean((row) => row.recordedByQemu),
    mean((row) => row.bareByNative),
  ];
  console.log(`| **geomean** | | | ${means.join(' | ')} | | | | | |`);
}

/** A hello world recorded, as a whole process. */
async function hello(folder: string, rounds: number): Promise<void> {
  const all: Measured[] = [];
  for (let round = 0; round < rounds; round++) {
    const trace = join(folder, `hello-${round}.trace`);
    all.push(await record('-o', trace, '--', guestFile('fib'), '1'));
  }
  const seconds = median(all.map((one) => one.seconds)).toFixed(2);
  const mib = Math.max(...all.map((one) => one.residentBytesMax)) / 2 ** 20;
  console.log(`\nfib 1, recorded, the whole process: ${seconds} s, ${mib.toFixed(0)} MiB resident`);
}

const isSmoke = process.argv.includes('--smoke');
const rounds = Number(option('rounds') ?? (isSmoke ? 1 : 3));
const times = Number(option('times') ?? 10);
const only = option('only');
const folder = mkdtempSync(join(tmpdir(), 'backtrail-bench-'));
try {
  const rows: Row[] = [];
  printHead();
  for (const kernel of KERNELS) {
    if (only !== null && kernel.name !== only) continue;
    const count = isSmoke ? 1 : Math.round(kernel.count * times);
    const row = await compare(kernel, `${count}`, rounds, folder);
    rows.push(row);
    printRow(row);
  }
  printMeans(rows);
  if (only === null) await hello(folder, isSmoke ? 1 : 5);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
