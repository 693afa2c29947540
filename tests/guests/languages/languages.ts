/**
 * Programs of languages besides C with glibc: what their libraries ask of a system differs.
 * `bin/` holds those whose compilers are not everybody's, as `build.sh` made them; the one of Go is
 * too large for that and is built by tests.
 *
 *   for (const run of LANGUAGE_RUNS) … languageFile(run.program), run.args(folder), run.stdin …
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const LANGUAGES = fileURLToPath(new URL('./', import.meta.url));

/** Files in bin/, and what each is made from. */
export const COMMITTED: Readonly<Record<string, string>> = {
  'musl.elf': 'musl.c',
  'musl-pie.elf': 'musl.c',
  'streams.elf': 'streams.cc',
  'zig.elf': 'zig.zig',
  'rust.elf': 'rust.rs',
};

export interface LanguageRun {
  /** A file of bin/, or `go`: the program that buildGo makes. */
  readonly program: string;
  readonly args: readonly string[];
  readonly stdin: string;
  /** As a shell tells it. */
  readonly status: number;
  /**
   * Which transfers are the same on two engines: all; those within functions whose names begin so,
   * where a library runs by the clock; none. `twice`: none, for threads are interleaved by chance
   * there, but here two runs are to be the same.
   */
  readonly same: 'all' | 'none' | 'twice' | { readonly prefix: string };
}

function run(
  program: LanguageRun['program'],
  args: readonly string[],
  status: number,
  same: LanguageRun['same'],
): LanguageRun {
  return { program, args, stdin: 'banana\nand more\n', status, same };
}

/** As a shell tells it: 128 and the signal. */
const SIGABRT = 134;

export const LANGUAGE_RUNS: readonly LanguageRun[] = [
  run('musl.elf', ['a', 'b'], 3, 'all'),
  run('musl.elf', ['threads'], 0, 'twice'),
  run('musl-pie.elf', [], 3, 'all'),
  run('streams.elf', ['throw'], SIGABRT, 'twice'),
  // Its allocator keeps what it hands out in the order of addresses.
  run('zig.elf', [], 3, 'none'),
  run('zig.elf', ['threads'], 0, 'twice'),
  run('rust.elf', [], 3, 'all'),
  run('rust.elf', ['panic'], 101, 'all'),
  run('go', ['most', '.'], 7, 'twice'),
  run('go', ['timers'], 0, 'twice'),
  run('go', ['panics'], 2, 'none'),
  run('go', ['deadlock'], 2, 'none'),
  run('go', ['compute'], 0, { prefix: 'main.' }),
];

export const languageFile = (name: string): string => path.join(LANGUAGES, 'bin', name);

/** For titles and file names: `go-panics`. */
export const languageRunName = ({ program, args }: LanguageRun): string =>
  [program.replace('.elf', ''), ...args].join('-');

/** Builds tour.go into a folder: 2 MB, with symbols. @throws Error with what the compiler said. */
export function buildGo(compiler: string, folder: string): string {
  const into = path.join(folder, 'go');
  const args = ['build', '-trimpath', '-ldflags=-w', '-o', into, 'tour.go'];
  const env = { ...process.env, GOOS: 'linux', GOARCH: 'riscv64', CGO_ENABLED: '0', GOFLAGS: '' };
  const built = spawnSync(compiler, args, { cwd: LANGUAGES, env, encoding: 'utf8' });
  if (built.status === 0) return into;
  throw new Error(`${compiler} ${args.join(' ')}: ${built.error?.message ?? built.stderr}`);
}
