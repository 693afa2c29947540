/** `backtrail info`: what a trace holds. Reads the manifest and the list of segments only. */
import type { CommandSpec } from '../command.ts';
import { JSON_OPTION, TRACE_ARGUMENT } from '../options.ts';

export const INFO: CommandSpec = {
  name: 'info',
  summary: 'Say what a trace holds: command, end, totals, losses',
  group: 'Look back',
  details: [
    'Losses come with what to do about them; "none" means that every transfer of the run is there.',
  ],
  arguments: [TRACE_ARGUMENT],
  options: [JSON_OPTION],
  examples: [
    { line: 'backtrail info a.out.trace', says: 'one page' },
    { line: "backtrail info a.out.trace --json | jq '.totals'", says: 'for programs' },
  ],
  async run(call, io) {
    const { openTrace } = await import('@backtrail/recorder/trace');
    const { summarize, summaryText } = await import('../summary.ts');
    const summary = summarize(openTrace(call.word(0)));
    io.out.write(
      call.flag('json') ? `${JSON.stringify(summary, null, 2)}\n` : summaryText(summary, io.out),
    );
    return 0;
  },
};
