/** `backtrail recover`: makes a valid trace of what a kill left behind. */
import type { CommandSpec } from '../command.ts';
import { JSON_OPTION } from '../options.ts';

export const RECOVER: CommandSpec = {
  name: 'recover',
  summary: 'Make a valid trace of what a killed recording left behind',
  group: 'Keep safe',
  details: [
    'If the recorder was killed, the trace stays partial, and the transfers that were still in ' +
      'memory stay in a ring file in /dev/shm. Give either; the other is found if it is there. ' +
      'The trace is completed in its place and the ring removed.',
  ],
  arguments: [{ syntax: '<path>', says: 'a partial trace directory, or a ring file' }],
  options: [JSON_OPTION],
  examples: [
    { line: 'backtrail recover a.out.trace', says: 'after the recorder was killed' },
    { line: 'backtrail recover /dev/shm/backtrail-*.ring', says: 'if the trace is not at hand' },
  ],
  async run(call, io) {
    const { recover } = await import('@backtrail/recorder');
    const { lossLines } = await import('../record-text.ts');
    const { formatBytes, fields, formatCount, printable, shellWords } = await import('../text.ts');
    const result = recover(call.word(0));
    const { totals, losses } = result.manifest;
    if (call.flag('json')) {
      const { directory, ring, problems } = result;
      const children = result.children.map((child) => child.directory);
      const all = { directory, ring, totals, losses, problems, children };
      io.out.write(`${JSON.stringify(all, null, 2)}\n`);
      return 0;
    }
    const missing = lossLines(result);
    if (result.ring === null && result.manifest.end?.how === 'unknown') {
      missing.unshift('what was in the ring and not on disk yet, how much is not known');
    }
    io.out.write(
      fields([
        ['trace', printable(result.directory)],
        ['ring', result.ring === null ? 'none was left' : `${printable(result.ring)}, removed`],
        ['transfers', formatCount(totals.transfers)],
        ...result.children.map(({ directory, manifest }): readonly [string, string] => [
          'forked',
          `${printable(directory)}, ${formatCount(manifest.totals.transfers)} transfers`,
        ]),
        ['size', formatBytes(totals.bytes)],
        ['missing', missing.length === 0 ? 'nothing that was published' : missing.join('\n')],
        ['next', `backtrail back ${shellWords([result.directory])}`],
      ]),
    );
    return 0;
  },
};
