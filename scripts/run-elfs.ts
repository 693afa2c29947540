/**
 * Runs every ELF program of a folder and tells which fail: the RISC-V test programs
 * (riscv-software-src/riscv-tests, user and machine mode), or any others that end with status 0
 * when they pass.
 *
 *   node --conditions=backtrail-source scripts/run-elfs.ts FOLDER [OPTIONS]
 *
 * Options: --match TEXT, --seconds N, --command C
 *
 * --match TEXT   only files with TEXT in their names
 * --seconds N    a program that runs longer is killed and has failed; default 20
 * --command C    what runs a program, words between spaces; {program} is its path and {output} a
 *                folder that is not there yet. Default: backtrail record --engine embedded, of the
 *                sources. Others to compare with: "qemu-riscv64 {program}"
 *
 * Status 0: all passed; 1: some failed, or there was none.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readdirSync, readSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const MAIN = fileURLToPath(new URL('../packages/cli/src/main.ts', import.meta.url));
const DEFAULT_COMMAND = [
  process.execPath,
  '--conditions=backtrail-source',
  MAIN,
  ...'record --engine embedded -o {output} -- {program}'.split(' '),
];
const SECONDS_DEFAULT = 20;
const ELF_MAGIC = 0x7f454c46;
/** e_type: ET_EXEC and ET_DYN are programs. */
const PROGRAM_TYPES = [2, 3];

interface Outcome {
  readonly name: string;
  readonly ms: number;
  /** Null: it passed. */
  readonly failure: string | null;
}

function isElfProgram(file: string): boolean {
  if (!statSync(file).isFile()) return false;
  const start = Buffer.alloc(20);
  const descriptor = openSync(file, 'r');
  try {
    const count = readSync(descriptor, start, 0, start.length, 0);
    if (count < start.length || start.readUInt32BE(0) !== ELF_MAGIC) return false;
  } finally {
    closeSync(descriptor);
  }
  return PROGRAM_TYPES.includes(start.readUInt16LE(16));
}

/** The last line that is no progress. */
function lastLine(text: string): string {
  const lines = text.split(/[\r\n]+/).filter((line) => line.trim() !== '');
  return lines.at(-1)?.trim() ?? '';
}

function run(file: string, command: readonly string[], seconds: number, workshop: string): Outcome {
  const output = path.join(workshop, 'output');
  const fill = (word: string): string =>
    word.replaceAll('{program}', file).replaceAll('{output}', output);
  const [program = '', ...args] = command.map(fill);
  const started = performance.now();
  const { status, signal, error, stderr } = spawnSync(program, args, {
    cwd: workshop,
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    timeout: seconds * 1000,
    killSignal: 'SIGKILL',
  });
  rmSync(output, { recursive: true, force: true });
  const name = path.basename(file);
  const ms = performance.now() - started;
  if (error !== undefined && 'code' in error && error.code === 'ETIMEDOUT') {
    return { name, ms, failure: `ran longer than ${seconds} s` };
  }
  if (error !== undefined) return { name, ms, failure: error.message };
  if (status === 0) return { name, ms, failure: null };
  const how = status === null ? `killed by ${signal}` : `status ${status}`;
  const said = lastLine(stderr);
  return { name, ms, failure: said === '' ? how : `${how}: ${said}` };
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    match: { type: 'string', default: '' },
    seconds: { type: 'string', default: `${SECONDS_DEFAULT}` },
    command: { type: 'string' },
  },
});
const folder = positionals[0];
const seconds = Number(values.seconds);
if (folder === undefined || positionals.length > 1 || !(seconds > 0)) {
  process.stderr.write('run-elfs: found no folder and options, expected: run-elfs.ts FOLDER ');
  process.stderr.write('[--match TEXT] [--seconds N] [--command C]\n');
  process.exit(2);
}
const files = readdirSync(folder)
  .filter((name) => name.includes(values.match))
  .map((name) => path.resolve(folder, name))
  .filter(isElfProgram)
  .sort();
const command = values.command?.split(' ').filter((word) => word !== '') ?? DEFAULT_COMMAND;
const workshop = mkdtempSync(path.join(tmpdir(), 'backtrail-elfs-'));
const outcomes: Outcome[] = [];
try {
  for (const file of files) {
    const outcome = run(file, command, seconds, workshop);
    outcomes.push(outcome);
    const { name, failure } = outcome;
    if (failure !== null) process.stdout.write(`failed  ${name}: ${failure}\n`);
  }
} finally {
  rmSync(workshop, { recursive: true, force: true });
}
const failed = outcomes.filter(({ failure }) => failure !== null).length;
const slowest = outcomes.toSorted((a, b) => b.ms - a.ms)[0];
process.stdout.write(`${files.length} programs, ${files.length - failed} passed, ${failed} failed`);
if (slowest !== undefined) {
  process.stdout.write(`; the slowest, ${slowest.name}, took ${(slowest.ms / 1000).toFixed(1)} s`);
}
process.stdout.write('\n');
process.exitCode = failed === 0 && files.length > 0 ? 0 : 1;
