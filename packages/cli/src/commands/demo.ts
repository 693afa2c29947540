/**
 * `backtrail demo`: a program that smashes its stack, recorded here and now, and its crash report.
 */
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { RecordResult } from '@backtrail/recorder';
import type { CommandSpec } from '../command.ts';
import { DEMO_FOLDER, DEMO_PROGRAMS } from '../demo-programs.ts';
import type { Io } from '../io.ts';
import { packageFile } from '../package-file.ts';

/** Rows of transfers: enough to see how the program came to its end. */
const SHOWN = 12;

async function recordProgram(): Promise<RecordResult> {
  const { startEngineThread } = await import('@backtrail/recorder/thread');
  const thread = startEngineThread();
  const { BacktrailError, EMBEDDED_DEFAULTS, record, RING_BYTES_DEFAULT } = await import(
    '@backtrail/recorder'
  );
  const program = packageFile(path.join(DEMO_FOLDER, 'smash.elf'));
  if (!existsSync(program)) {
    throw new BacktrailError(
      'E_NO_SAMPLE',
      `${program}: found no program there, expected the one that comes with backtrail. ` +
        'Install it again.',
    );
  }
  return await record({
    program,
    args: [],
    output: path.join(mkdtempSync(path.join(tmpdir(), 'backtrail-demo-')), 'smash.trace'),
    keep: 'all',
    ringBytes: RING_BYTES_DEFAULT,
    maxTransfers: 0,
    sysroot: null,
    qemu: null,
    engine: 'embedded',
    embedded: EMBEDDED_DEFAULTS,
    thread,
  });
}

async function show(directory: string, io: Io): Promise<void> {
  const { openTrace } = await import('@backtrail/recorder/trace');
  const { crashReport } = await import('@backtrail/analyzer');
  const { crashText } = await import('../crash-text.ts');
  const { summarize, summaryText } = await import('../summary.ts');
  const { shellWords } = await import('../text.ts');
  const trace = openTrace(directory);
  const name = shellWords([directory]);
  const heading = (text: string): void => io.out.write(`\n${io.out.paint('bold', text)}\n\n`);
  heading(`$ backtrail info ${name}`);
  io.out.write(summaryText(summarize(trace), io.out));
  heading(`$ backtrail crash ${name} -n ${SHOWN}`);
  io.out.write(crashText(await crashReport(trace, { rows: SHOWN }), io.out));
  io.out.write(
    '\nread_station returned to an address that is text. copy_field, some transfers before, had\n' +
      'copied a name of 48 letters into 16 bytes:\n' +
      `  backtrail query ${name} "from transfers where source_symbol like 'copy_field%'"\n` +
      '\nMore:\n' +
      `  backtrail walk ${name}     # walk back from there, on the screen\n` +
      `  backtrail crash ${name} -o crash.html     # the same with charts, for a browser\n` +
      `  backtrail query ${name} 'from hot_symbols limit 5'\n` +
      '  backtrail record -- PROGRAM     # record your own\n' +
      '  backtrail doctor                # what can this machine record?\n',
  );
}

async function writeFiles(folder: string, io: Io): Promise<number> {
  const { writeDemoFiles } = await import('../demo-files.ts');
  const { printable, shellWords } = await import('../text.ts');
  writeDemoFiles(folder);
  const widest = Math.max(...DEMO_PROGRAMS.map(({ says }) => says.length));
  const lines = DEMO_PROGRAMS.map(({ name, says, sources }) => {
    const names = sources.map((source) => path.basename(source)).join(' ');
    return `  ${`${name}.elf`.padEnd(12)}${says.padEnd(widest)}  ${names}\n`;
  });
  io.out.write(
    `Three programs, each with a bug, and their sources are in ${printable(folder)}:\n` +
      `${lines.join('')}The first of them:\n` +
      `  cd ${shellWords([folder])}\n  backtrail record -- ./smash.elf\n`,
  );
  return 0;
}

export const DEMO: CommandSpec = {
  name: 'demo',
  summary: 'Record a program that crashes, with no emulator and no compiler, and look back',
  group: 'Record',
  details: [
    'Runs a small RISC-V program that comes with backtrail on the embedded engine. It overwrites ' +
      'its own return address. Prints what info says of the run and the crash report, and what ' +
      'to type next. The trace stays in a temporary folder.',
    'With --files nothing is run: three programs, with a bug in each, and their sources are ' +
      'written into a folder.',
  ],
  arguments: [],
  options: [
    {
      flags: '--files <dir>',
      says: 'write three programs with bugs, and their sources, into this folder',
    },
  ],
  examples: [
    { line: 'backtrail demo', says: 'takes a second' },
    { line: 'backtrail demo --files first-hour', says: 'three programs to find bugs in' },
  ],
  async run(call, io) {
    const folder = call.text('files');
    if (folder !== null) return await writeFiles(folder, io);
    io.out.write(
      'A weather station reads records. The last one names a station in 48 letters, and the\n' +
        'program has room for 16. It runs now, on the embedded engine:\n\n',
    );
    const result = await recordProgram();
    await show(result.directory, io);
    return 0;
  },
};
