/** `backtrail snapshot`: a trace of what is being recorded, as it is now. */
import type { CommandSpec } from '../command.ts';
import { JSON_OPTION } from '../options.ts';
import { RUNNING } from '../running.ts';

export const SNAPSHOT: CommandSpec = {
  name: 'snapshot',
  summary: 'Write what a running recording holds, and let it go on',
  group: 'Record',
  details: [
    'Copies the ring of a program that is being recorded under QEMU, and what is on disk of its ' +
      'trace, into a new trace. Program and recorder go on and are not stopped meanwhile. With ' +
      '--keep last that is the newest part of the run, as much as the ring holds.',
  ],
  arguments: [RUNNING],
  options: [
    {
      flags: '-o, --output <dir>',
      says: 'where it goes; must not be there yet (default: NAME.snapshot.trace)',
    },
    JSON_OPTION,
  ],
  examples: [
    { line: 'backtrail snapshot 4711', says: 'of that process' },
    { line: 'backtrail snapshot 4711 -o now.trace', says: 'under a name of its own' },
  ],
  async run(call, io) {
    const { snapshot } = await import('@backtrail/recorder');
    const { lossLines, shortPath } = await import('../record-text.ts');
    const { formatBytes, fields, formatCount, printable, shellWords } = await import('../text.ts');
    const result = snapshot(call.word(0), call.text('output'));
    const { totals, losses } = result.manifest;
    if (call.flag('json')) {
      const { directory, problems } = result;
      io.out.write(`${JSON.stringify({ directory, totals, losses, problems }, null, 2)}\n`);
      return 0;
    }
    const missing = lossLines(result);
    const path = shortPath(result.directory);
    io.out.write(
      fields([
        ['trace', printable(path)],
        ['transfers', formatCount(totals.transfers)],
        ['size', formatBytes(totals.bytes)],
        ['missing', missing.length === 0 ? 'nothing that the ring held' : missing.join('\n')],
        ['next', `backtrail back ${shellWords([path])}`],
      ]),
    );
    return 0;
  },
};
