/** The program: every subcommand, help and completion; turns what goes wrong into one line. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { addCommand, type CommandSpec, exampleLines } from './command.ts';
import { BACK } from './commands/back.ts';
import { CHECK } from './commands/check.ts';
import { CRASH } from './commands/crash.ts';
import { DEMO } from './commands/demo.ts';
import { DOCTOR } from './commands/doctor.ts';
import { INDEX } from './commands/index.ts';
import { INFO } from './commands/info.ts';
import { LAST } from './commands/last.ts';
import { QUERY } from './commands/query.ts';
import { RECORD } from './commands/record.ts';
import { RECOVER } from './commands/recover.ts';
import { SNAPSHOT } from './commands/snapshot.ts';
import { STACK } from './commands/stack.ts';
import { START } from './commands/start.ts';
import { STOP } from './commands/stop.ts';
import { WALK } from './commands/walk.ts';
import { addCompletion } from './completion.ts';
import type { Io } from './io.ts';
import { packageFile } from './package-file.ts';
import { printable, printableLines } from './text.ts';

/** In the order of the help. */
export const COMMANDS: readonly CommandSpec[] = [
  RECORD,
  DEMO,
  INFO,
  CRASH,
  WALK,
  BACK,
  STACK,
  LAST,
  QUERY,
  INDEX,
  CHECK,
  SNAPSHOT,
  START,
  STOP,
  RECOVER,
  DOCTOR,
];

const DONE = 0;
const FAILED = 1;
const USAGE = 2;
/** Wider lines of prose are hard to read. */
const HELP_COLUMNS_MAX = 100;

const DESCRIPTION =
  'Records every control transfer of an emulated program and lets you look back from its end.\n\n' +
  'A transfer is one jump, call, return, exception or signal: whatever makes control go ' +
  'elsewhere than to the next instruction. All transfers of a run, with the code they ran ' +
  'through, are a trace.';

const EXAMPLES = [
  { line: 'backtrail demo', says: 'look at a recorded crash' },
  { line: 'backtrail record ./a.out', says: 'run it, record it into a.out.trace' },
  { line: 'backtrail crash a.out.trace', says: 'how it came to its end, on one page' },
  { line: 'backtrail back a.out.trace', says: 'what happened last, newest first' },
];

function version(): string {
  const text = readFileSync(packageFile('package.json'), 'utf8');
  return /"version": "([^"]+)"/.exec(text)?.[1] ?? 'unknown';
}

/**
 * @param argv the words after `backtrail`
 * @param finish is given the exit status of the command that ran
 */
export function buildProgram(
  argv: readonly string[],
  io: Io,
  finish: (status: number) => void,
): Command {
  const program = new Command('backtrail');
  program
    .description(DESCRIPTION)
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .usage('<command> [options] [arguments]')
    // Options and arguments of a command are on its own page.
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .commandsGroup('This machine:')
    .helpCommand('help [command]', 'Print help of a command')
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.out.write(text),
      writeErr: (text) => io.err.write(text),
      outputError: (text, write) => write(printableLines(text.replace(/^error: /, 'backtrail: '))),
      getOutHelpWidth: () => Math.min(io.out.columns, HELP_COLUMNS_MAX),
      getErrHelpWidth: () => Math.min(io.err.columns, HELP_COLUMNS_MAX),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .showHelpAfterError('Help: backtrail --help')
    .addHelpText('after', `\nExamples:\n${exampleLines(EXAMPLES).join('\n')}`);
  for (const spec of COMMANDS) addCommand(program, spec, io, finish);
  addCompletion(program, argv, io.out);
  return program;
}

/** What went wrong, in words; a stack only for what we did not foresee, and only if asked for. */
async function report(error: unknown, io: Io): Promise<number> {
  if (error instanceof CommanderError) return error.exitCode === 0 ? DONE : USAGE;
  const { BacktrailError } = await import('@backtrail/recorder/trace');
  if (error instanceof BacktrailError) {
    io.err.write(`backtrail: ${printableLines(error.message)}\n`);
    return FAILED;
  }
  const says = error instanceof Error ? error.message : String(error);
  io.err.write(
    `backtrail: unexpected: ${printable(says.split('\n', 1)[0] ?? '')}. ` +
      'This is a fault of backtrail, please report it with what BACKTRAIL_DEBUG=1 prints.\n',
  );
  if (io.env['BACKTRAIL_DEBUG'] === '1' && error instanceof Error) {
    io.err.write(`${error.stack ?? ''}\n`);
  }
  return FAILED;
}

/**
 * Runs one command line.
 * @param argv the words after `backtrail`
 * @returns the exit status: 0 done, 1 failed, 2 usage; `record` that of the guest.
 */
export async function runCli(argv: readonly string[], io: Io): Promise<number> {
  let status = DONE;
  const program = buildProgram(argv, io, (finished) => {
    status = finished;
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return status;
  } catch (error) {
    return await report(error, io);
  }
}
