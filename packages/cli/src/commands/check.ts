/** `backtrail check`: proves a trace against the code it recorded. */
import type { CommandSpec } from '../command.ts';
import { JSON_OPTION, TRACE_ARGUMENT } from '../options.ts';

export const CHECK: CommandSpec = {
  name: 'check',
  summary: 'Prove a trace against the code bytes it recorded',
  group: 'Keep safe',
  details: [
    'Every hop from one transfer to the next is walked through the recorded code, every cause is ' +
      'held against the instruction it comes from, and every count is taken again. The exit ' +
      'status is 0 if nothing contradicts, 1 if something does.',
  ],
  arguments: [TRACE_ARGUMENT],
  options: [JSON_OPTION],
  examples: [{ line: 'backtrail check a.out.trace && echo proven', says: 'in a script' }],
  async run(call, io) {
    const { openTrace } = await import('@backtrail/recorder/trace');
    const { checkTrace } = await import('@backtrail/analyzer');
    const { checkJson, checkText } = await import('../check-text.ts');
    const report = checkTrace(openTrace(call.word(0)));
    io.out.write(call.flag('json') ? checkJson(report) : checkText(report, io.out));
    return report.isSound ? 0 : 1;
  },
};
