/** `backtrail doctor`: what works on this machine, and how to get what does not. */
import type { CommandSpec } from '../command.ts';
import { JSON_OPTION } from '../options.ts';

export const DOCTOR: CommandSpec = {
  name: 'doctor',
  summary: 'Say what works on this machine, and what installs the rest',
  group: 'This machine',
  details: [
    'The exit status is 0 if programs of this machine can be recorded, 1 if not. Looking at ' +
      'traces needs none of it.',
  ],
  arguments: [],
  options: [JSON_OPTION],
  examples: [{ line: 'backtrail doctor', says: 'each line with what to type, if it is missing' }],
  async run(call, io) {
    const { examine, canRecord, examinationText } = await import('../machine.ts');
    const found = examine();
    io.out.write(
      call.flag('json')
        ? `${JSON.stringify({ canRecord: canRecord(found), found }, null, 2)}\n`
        : examinationText(found, io.out),
    );
    return canRecord(found) ? 0 : 1;
  },
};
