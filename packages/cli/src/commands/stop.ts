/** `backtrail stop`: end a recording while the program runs on. */
import type { CommandSpec } from '../command.ts';
import { JSON_OPTION } from '../options.ts';

export const STOP: CommandSpec = {
  name: 'stop',
  summary: 'End a recording while the program runs on',
  group: 'Record',
  details: [
    'Ends a recording under QEMU: its trace is closed, and the program runs on ' +
      'unrecorded, after a recording that began with --start at the speed of QEMU alone. ' +
      'The recorder stays until the program ends, and passes its exit status on.',
  ],
  arguments: [{ syntax: '<process>', says: 'number of its recorder or its guest, or a ring file' }],
  options: [JSON_OPTION],
  examples: [{ line: 'backtrail stop 4711', says: 'of that process' }],
  async run(call, io) {
    const { stopRecording } = await import('@backtrail/recorder');
    const { shortPath } = await import('../record-text.ts');
    const { fields, printable } = await import('../text.ts');
    const directory = stopRecording(call.word(0));
    io.out.write(
      call.flag('json')
        ? `${JSON.stringify({ directory }, null, 2)}\n`
        : fields([['trace', printable(shortPath(directory))]]),
    );
    return 0;
  },
};
