/**
 * Programs that people use, built for RISC-V from sources that packages of npm bring: Lua, bzip2,
 * SQLite. Each has runs whose inputs are made here, and whose output is the same everywhere.
 *
 *   const program = buildRealProgram('lua');  // path of a static ELF file
 *   for (const run of REAL_RUNS) … run.program, run.args(folder), run.stdin …
 */
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/guests/', import.meta.url));
const REAL = fileURLToPath(new URL('../guests/real/', import.meta.url));

const LUA = path.join(path.dirname(require.resolve('lua.vm.js/package.json')), 'lua/src');
const BZIP2 = path.join(path.dirname(require.resolve('bzip2-wasm/package.json')), 'bzip2-1.0.8');
const SQLITE = path.dirname(require.resolve('cordova-sqlite-storage-dependencies/package.json'));

/** Sources, with `*`, and flags of a program. */
interface RealProgram {
  readonly sources: readonly string[];
  readonly leftOut: readonly string[];
  readonly flags: readonly string[];
}

/** The headers are of the same versions as the sources, so only the sources make the key. */
const PROGRAMS = {
  lua: {
    sources: [`${LUA}/*.c`],
    leftOut: [`${LUA}/luac.c`],
    flags: ['-O2', '-DLUA_COMPAT_ALL'],
  },
  bzip2: {
    sources: [`${REAL}bzip2.c`, `${BZIP2}/*.c`],
    leftOut: [],
    flags: ['-O2', `-I${BZIP2}`],
  },
  sqlite: {
    sources: [`${REAL}sqlite.c`, `${SQLITE}/sqlite3.c`],
    leftOut: [],
    // -O2 takes three times as long to build and is not faster to test.
    flags: ['-Og', `-I${SQLITE}`, '-DSQLITE_THREADSAFE=0', '-DSQLITE_OMIT_LOAD_EXTENSION'],
  },
} as const satisfies Readonly<Record<string, RealProgram>>;

export type RealProgramName = keyof typeof PROGRAMS;

export const REAL_PROGRAMS: readonly RealProgramName[] = ['lua', 'bzip2', 'sqlite'];

/** The warnings of others' programs are not ours. */
const COMMON_FLAGS = ['-static', '-w', '-Wl,--build-id=none', '-Wl,--strip-debug'] as const;

/**
 * Builds a program with a compiler for RISC-V (or any other), unless the same was built before.
 * @returns its path, in a folder that is kept between runs of the tests: one file a program.
 */
export function buildRealProgram(
  name: RealProgramName,
  compiler = 'riscv64-linux-gnu-gcc',
): string {
  const { sources, leftOut, flags }: RealProgram = PROGRAMS[name];
  const files = sources
    .flatMap((pattern) => globSync(pattern))
    .filter((file) => !leftOut.includes(file))
    .sort();
  const args = [...COMMON_FLAGS, ...flags];
  const hash = createHash('sha256')
    .update(runTool(compiler, ['--version']))
    .update(args.join());
  for (const file of files) hash.update(readFileSync(file));
  const stem = `${name}.${path.basename(compiler)}.`;
  const built = path.join(CACHE, `${stem}${hash.digest('hex').slice(0, 16)}.elf`);
  if (existsSync(built)) return built;
  mkdirSync(CACHE, { recursive: true });
  // Another test may build the same at this moment: each writes its own file, the last one stays.
  const partial = path.join(CACHE, `partial-${randomBytes(6).toString('hex')}`);
  runTool(compiler, [...args, '-o', partial, ...files, '-lm']);
  for (const old of globSync(path.join(CACHE, `${stem}*`))) rmSync(old, { force: true });
  renameSync(partial, built);
  return built;
}

function runTool(tool: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(tool, args, { encoding: 'utf8' });
  if (status === 0) return stdout;
  throw new Error(`${tool} ${args.join(' ')}: ${error?.message ?? stderr}`);
}

export interface RealRun {
  readonly name: string;
  readonly program: RealProgramName;
  /** @param folder where it may write files; only sqlite-file does. */
  readonly args: (folder: string) => string[];
  readonly stdin: Buffer;
  /**
   * What standard output must hold, known without the program. The rest of it, and the status,
   * are the same on every engine.
   */
  readonly holds: readonly (string | Buffer)[];
}

const read = (name: string): Buffer => readFileSync(path.join(REAL, name));

/** Text that repeats itself a little, and bytes that do not: what compressors live on. */
function compressible(bytes: number): Buffer {
  const all = Buffer.alloc(bytes);
  const words = ['segment ', 'transfer ', 'edge ', 'block ', 'ring ', 'hart ', '\n', '0x4000'];
  let state = 12_345;
  for (let at = 0; at < bytes; ) {
    // Park and Miller's generator: small, and the same everywhere.
    state = (state * 48_271) % 2_147_483_647;
    const word = words[state % 11];
    if (word === undefined) all[at++] = state >>> 8;
    else at += all.write(word, at);
  }
  return all;
}

const TEXT = compressible(60_000);

/** A line, and what another build of bzip2 1.0.8 makes of it. */
const HELLO = Buffer.from('hello, hello, hello, world\n');
const HELLO_BZ2 = Buffer.from(
  '425a6839314159265359f6c1db04000005d1800010400406449080200031003023d46a7a9e90910907dadd1d1e8f' +
    'e2ee48a70a121ed83b6080',
  'hex',
);

/** `primes`, the last of so many and their sum, as tour.lua says it. */
function primesLine(count: number): string {
  const found: number[] = [];
  for (let n = 2; found.length < count; n++) {
    if (found.every((prime) => n % prime !== 0)) found.push(n);
  }
  return `primes\t${found.at(-1)}\t${found.reduce((sum, prime) => sum + prime, 0)}\n`;
}

/** The first answer of tour.sql: of 4000 visits the days and seconds. */
function visitsLine(): string {
  const visits = Array.from({ length: 4000 }, (_, index) => index + 1);
  const days = visits.reduce((sum, visit) => sum + (visit % 365), 0);
  const seconds = visits.map((visit) => ((visit * 37) % 1000) / 8);
  const mean = seconds.reduce((sum, one) => sum + one, 0) / seconds.length;
  return `4000|${days}|${mean}|${Math.max(...seconds)}\n`;
}

const SQL_ANSWERS = [visitsLine(), 'UNIQUE constraint failed', '\n3.5|[400,399,398,397]\nok\n'];

const LUA_ANSWERS = ['240\t2147483648\t4294967292\t188\n', 'weak\tnil\t42\n'];

export const REAL_RUNS: readonly RealRun[] = [
  {
    name: 'lua',
    program: 'lua',
    args: () => ['-'],
    stdin: read('tour.lua'),
    holds: ['queens\t4\t-\n', primesLine(200), ...LUA_ANSWERS],
  },
  {
    name: 'lua-more',
    program: 'lua',
    args: () => ['-', '4'],
    stdin: read('tour.lua'),
    holds: ['queens\t4\t92\n', primesLine(800), ...LUA_ANSWERS],
  },
  { name: 'bzip2', program: 'bzip2', args: () => ['-c'], stdin: HELLO, holds: [HELLO_BZ2] },
  { name: 'bunzip2', program: 'bzip2', args: () => ['-d'], stdin: HELLO_BZ2, holds: [HELLO] },
  {
    name: 'bzip2-both',
    program: 'bzip2',
    args: () => ['-t'],
    stdin: TEXT,
    holds: [`${TEXT.length} bytes, `, ' compressed, same\n'],
  },
  {
    name: 'sqlite',
    program: 'sqlite',
    args: () => [],
    stdin: read('tour.sql'),
    holds: SQL_ANSWERS,
  },
  {
    name: 'sqlite-file',
    program: 'sqlite',
    args: (folder) => [path.join(folder, 'tour.db')],
    stdin: read('tour.sql'),
    holds: SQL_ANSWERS,
  },
];
