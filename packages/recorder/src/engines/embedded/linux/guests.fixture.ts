/** Builds the C programs of guests/ and runs them under qemu-riscv64, the oracle of the tests. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { compile } from '../../../../../../tests/guests/build.ts';

const SOURCES = fileURLToPath(new URL('./guests/', import.meta.url));
export const COMPILER = 'riscv64-linux-gnu-gcc';

/** Warnings are off: some calls are wrong on purpose. Returns the path of the program. */
export function buildLinuxGuest(name: string, folder: string): string {
  const into = path.join(folder, name);
  const source = path.join(SOURCES, `${name}.c`);
  compile(COMPILER, ['-O1', '-w', '-static', '-pthread', '-o', into, source]);
  return into;
}

export interface QemuRun {
  readonly stdout: string;
  /** As a shell tells it: 128 more than the number of a deadly signal. */
  readonly status: number;
}

const SIGNAL_STATUS = 128;

export function runQemu(
  qemu: string,
  program: string,
  args: readonly string[],
  options: { readonly folder?: string; readonly input?: string } = {},
): QemuRun {
  // A shell in between turns a deadly signal into a status; real-time ones have no name in Node.
  // Node gives its children sockets; cat makes a pipe of one.
  const script = 'cat | "$@" 2>/dev/null; exit $?';
  const child = spawnSync('sh', ['-c', script, 'sh', qemu, program, ...args], {
    cwd: options.folder ?? '/',
    input: options.input ?? '',
    encoding: 'utf8',
    env: {},
    timeout: 60_000,
  });
  return { stdout: child.stdout, status: child.status ?? SIGNAL_STATUS };
}

/** How a run in this engine would look to a shell. */
export const statusOf = (
  end: { readonly how: 'exit'; readonly status: number } | { how: 'signal'; number: number },
): number => (end.how === 'exit' ? end.status : SIGNAL_STATUS + end.number);
