/** `backtrail demo`: a recorded crash that comes with the project. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { CommandSpec } from '../command.ts';

/** Transfers shown: enough to see how the program came to its end. */
const SHOWN = 12;

/** From src/commands and from dist/commands alike. */
const SAMPLE = '../../../../traces/v1/smash/smash.trace';

export const DEMO: CommandSpec = {
  name: 'demo',
  summary: 'Look at a recorded crash, with no emulator and no compiler',
  group: 'Record',
  details: [
    'Opens a small trace that comes with backtrail: a C program that overwrites its own return ' +
      'address, recorded under QEMU. Prints what info and back say of it, and what to type next. ' +
      '(It will record the program itself once the embedded engine is built.)',
  ],
  arguments: [],
  options: [],
  examples: [{ line: 'backtrail demo', says: 'takes a second, writes nothing' }],
  async run(_call, io) {
    const { BacktrailError, openTrace } = await import('@backtrail/recorder/trace');
    const { Backward } = await import('../backward.ts');
    const { writeText } = await import('../backward-text.ts');
    const { shortPath } = await import('../record-text.ts');
    const { summarize, summaryText } = await import('../summary.ts');
    const { shellWords } = await import('../text.ts');
    const directory = fileURLToPath(new URL(SAMPLE, import.meta.url));
    if (!existsSync(directory)) {
      throw new BacktrailError(
        'E_NO_SAMPLE',
        `${directory}: found no sample trace there, expected the one that comes with a checkout. ` +
          'Clone the repository of backtrail and run npm run demo in it.',
      );
    }
    const short = shortPath(directory);
    const path = shellWords([short]);
    const trace = openTrace(short);
    const heading = (text: string): void => io.out.write(`${io.out.paint('bold', text)}\n\n`);
    io.out.write(
      'A program copied 41 bytes into an array of 16 and overwrote its own return address.\n' +
        'It was recorded with backtrail record; the trace comes with this project, and\n' +
        'nothing runs now.\n\n',
    );
    heading(`$ backtrail info ${path}`);
    io.out.write(summaryText(summarize(trace), io.out));
    io.out.write('\n');
    heading(`$ backtrail back ${path} -n ${SHOWN}`);
    using back = await Backward.open(trace, {
      vcpu: null,
      from: null,
      count: SHOWN,
      disassembly: true,
    });
    writeText(back, io.out);
    io.out.write(
      '\nNext:\n' +
        `  backtrail query ${path} 'select kind, count(*) from transfers group by kind'\n` +
        `  backtrail check ${path}\n` +
        '  backtrail doctor                # can this machine record?\n' +
        '  backtrail record -- PROGRAM     # record your own\n',
    );
    return 0;
  },
};
