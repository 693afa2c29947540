/** `backtrail walk`: the terminal UI. */
import type { CommandSpec } from '../command.ts';
import { TRACE_ARGUMENT } from '../options.ts';

export const WALK: CommandSpec = {
  name: 'walk',
  summary: 'Walk through the run on the screen, from its end backward',
  group: 'Look back',
  details: [
    'Shows the transfers around one place of the run, the code there with what ran marked, the ' +
      'call stack and the source. It begins at the end; arrow keys walk back by transfer and by ' +
      'instruction, and h on the screen tells all keys. docs/walk.md has them too.',
  ],
  arguments: [TRACE_ARGUMENT],
  options: [
    {
      flags: '--at <place>',
      says: 'where to begin: SEQ, VCPU:SEQ or VCPU:SEQ:INDEX (default: the end of the run)',
    },
  ],
  examples: [
    { line: 'backtrail walk a.out.trace', says: 'begin at the end' },
    { line: 'backtrail walk a.out.trace --at 0:182334', says: 'a place that y told' },
  ],
  async run(call, io) {
    const { runWalk } = await import('../walk.ts');
    return await runWalk(call.word(0), call.text('at'), io);
  },
};
