/** The plugin as a shared object: compiled once into the user's cache, found there ever after. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BacktrailError } from '../../errors.ts';
import { findInPath } from '../find-program.ts';

const COMPILER_REMEDY = 'On Debian: apt-get install gcc libc6-dev. Or name one in $CC.';
const FLAGS = ['-std=gnu11', '-O2', '-fPIC', '-shared', '-fvisibility=hidden', '-pthread'];

/** The C sources: beside this file in the source tree, of a build in src/ of the package. */
function sourceFolder(): string {
  const beside = fileURLToPath(new URL('./plugin/', import.meta.url));
  if (existsSync(beside)) return beside;
  return fileURLToPath(new URL('../src/engines/qemu/plugin/', import.meta.url));
}

/** `$XDG_CACHE_HOME/backtrail`, as the XDG base directory specification has it. */
export function cacheFolder(): string {
  const base = process.env.XDG_CACHE_HOME;
  return join(base !== undefined && base !== '' ? base : join(homedir(), '.cache'), 'backtrail');
}

export interface FoundCompiler {
  readonly path: string;
  /** First line of --version. */
  readonly version: string;
}

/** @throws BacktrailError E_COMPILER. */
export function findCompiler(): FoundCompiler {
  const named = process.env.CC;
  const names = named !== undefined && named !== '' ? [named] : ['cc', 'gcc', 'clang'];
  for (const name of names) {
    const path = name.includes('/') ? name : findInPath(name);
    if (path === null) continue;
    const run = spawnSync(path, ['--version'], { encoding: 'utf8' });
    if (run.status === 0) return { path, version: run.stdout.split('\n')[0] ?? '' };
  }
  throw new BacktrailError(
    'E_COMPILER',
    `found no C compiler (tried ${names.join(', ')}), expected one to build the QEMU plugin ` +
      `once. ${COMPILER_REMEDY}`,
  );
}

function sources(): { readonly folder: string; readonly files: readonly string[] } {
  const folder = sourceFolder();
  const files = readdirSync(folder).filter((name) => name.endsWith('.c') || name.endsWith('.h'));
  return { folder, files: files.sort() };
}

/** Compiles into a file of its own and renames it, so that two runs at once do no harm. */
function compile(compiler: FoundCompiler, into: string): void {
  const { folder, files } = sources();
  const partial = `${into}.${process.pid}.tmp`;
  const units = files.filter((name) => name.endsWith('.c')).map((name) => join(folder, name));
  const run = spawnSync(compiler.path, [...FLAGS, '-o', partial, ...units, '-ldl'], {
    encoding: 'utf8',
  });
  if (run.status === 0) {
    renameSync(partial, into);
    return;
  }
  rmSync(partial, { force: true });
  const said = (run.stderr ?? run.error?.message ?? '').split('\n').find((line) => line !== '');
  throw new BacktrailError(
    'E_COMPILE',
    `${compiler.path} did not compile the QEMU plugin: ${said ?? 'it said nothing'}. ` +
      COMPILER_REMEDY,
  );
}

/**
 * The path of the plugin for this source and compiler, built if it is not there yet.
 * @throws BacktrailError if there is no compiler, it fails, or the cache cannot be written.
 */
export function builtPlugin(): string {
  const compiler = findCompiler();
  const hash = createHash('sha256');
  hash.update(`${compiler.path}\n${compiler.version}\n${process.arch}\n${FLAGS.join(' ')}\n`);
  const { folder, files } = sources();
  for (const name of files) hash.update(name).update(readFileSync(join(folder, name)));
  const cache = cacheFolder();
  const path = join(cache, `qemu-plugin-${hash.digest('hex').slice(0, 16)}.so`);
  if (existsSync(path)) return path;
  try {
    mkdirSync(cache, { recursive: true });
  } catch (cause) {
    throw new BacktrailError(
      'E_CACHE',
      `${cache}: cannot be made (${cause instanceof Error ? cause.message : 'error'}), expected ` +
        'a folder for the compiled plugin. Set XDG_CACHE_HOME to a folder you may write.',
      { cause },
    );
  }
  compile(compiler, path);
  return path;
}
