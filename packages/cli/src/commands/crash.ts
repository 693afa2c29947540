/** `backtrail crash`: the one page that a person reads first. */
import type { CommandSpec } from '../command.ts';
import { TRACE_ARGUMENT } from '../options.ts';
import { parseCount, parseIndex } from '../parse.ts';

export const CRASH: CommandSpec = {
  name: 'crash',
  summary: 'Tell how a run came to its end, on one page',
  group: 'Look back',
  details: [
    'What ended the run and where; the first return that did not go back to its caller; jumps ' +
      'into nowhere; the call stack, from calls and returns alone; the last transfers with ' +
      'loops folded; the last signal; code that had never run before; what is not known; what ' +
      'to do next.',
    'HTML is one file that needs nothing else, with a flame graph and a timeline of the last ' +
      'part of the run. docs/crash-report.md describes the JSON.',
  ],
  arguments: [TRACE_ARGUMENT],
  options: [
    {
      flags: '--format <name>',
      says: 'how it is written (default: by the name of -o, else text)',
      choices: ['text', 'markdown', 'json', 'html'],
    },
    { flags: '-o, --output <file>', says: 'where to; a file of that name is replaced' },
    {
      flags: '--vcpu <n>',
      says: 'vCPU, in user mode thread (default: the one that ended the run)',
      parse: parseIndex,
    },
    {
      flags: '-n <count>',
      says: 'how many rows of transfers',
      default: { value: 20, shown: '20' },
      parse: parseCount,
    },
    { flags: '--whole', says: 'follow calls from the beginning of a long run; builds its index' },
    { flags: '--source', says: 'show the text of the source lines, where their files are here' },
  ],
  examples: [
    { line: 'backtrail crash a.out.trace', says: 'read this first' },
    { line: 'backtrail crash a.out.trace -o crash.html', says: 'with charts, to pass on' },
    { line: 'backtrail crash a.out.trace --format json', says: 'for programs' },
  ],
  async run(call, io) {
    const { runCrash } = await import('../crash.ts');
    return await runCrash(
      {
        directory: call.word(0),
        format: call.text('format'),
        output: call.text('output'),
        vcpu: call.number('vcpu'),
        rows: call.number('n') ?? 20,
        isWhole: call.flag('whole'),
        readsSource: call.flag('source'),
      },
      io,
    );
  },
};
