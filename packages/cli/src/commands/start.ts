/** `backtrail start`: begin a recording that waits. */
import type { CommandSpec } from '../command.ts';
import { JSON_OPTION } from '../options.ts';

export const START: CommandSpec = {
  name: 'start',
  summary: 'Begin a recording that waits',
  group: 'Record',
  details: [
    'Lets a recording under QEMU begin that was started with --start. Until then its ' +
      'program runs without being recorded, at the speed of QEMU alone. The trace begins ' +
      'where each vCPU is then.',
  ],
  arguments: [{ syntax: '<process>', says: 'number of its recorder or its guest, or a ring file' }],
  options: [JSON_OPTION],
  examples: [{ line: 'backtrail start 4711', says: 'of that process' }],
  async run(call, io) {
    const { startRecording } = await import('@backtrail/recorder');
    const { shortPath } = await import('../record-text.ts');
    const { fields, printable } = await import('../text.ts');
    const directory = startRecording(call.word(0));
    io.out.write(
      call.flag('json')
        ? `${JSON.stringify({ directory }, null, 2)}\n`
        : fields([['trace', printable(shortPath(directory))]]),
    );
    return 0;
  },
};
