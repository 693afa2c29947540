/** `backtrail stack`: the call stack at any past moment. */
import type { CommandSpec } from '../command.ts';
import { JSON_OPTION, TRACE_ARGUMENT } from '../options.ts';
import { parseCount, parseIndex } from '../parse.ts';

export const STACK: CommandSpec = {
  name: 'stack',
  summary: 'The call stack at any moment, whatever happened to its memory',
  group: 'Look back',
  details: [
    'It is made of calls and returns alone, so that a stack that was written over has it too. ' +
      'Each frame says where control is in it, what entered it (a call, a signal, an interrupt) ' +
      'and when (seq). A jump to another function goes on in the same frame. Returns that did ' +
      'not go back to their caller are told of the whole run: there a smashed stack begins.',
    'A long trace is indexed first, once: see backtrail index. What is exact and what is ' +
      'inferred is in docs/stack.md.',
  ],
  arguments: [TRACE_ARGUMENT],
  options: [
    {
      flags: '--at <seq>',
      says: 'the moment: after this transfer (default: the last one)',
      parse: parseIndex,
    },
    {
      flags: '--vcpu <n>',
      says: 'vCPU, in user mode thread (default: the one that ended last)',
      parse: parseIndex,
    },
    {
      flags: '-n <count>',
      says: 'how many frames at most, of the innermost and the outermost',
      default: { value: 50, shown: '50' },
      parse: parseCount,
    },
    JSON_OPTION,
  ],
  examples: [
    { line: 'backtrail stack a.out.trace', says: 'at the end' },
    { line: 'backtrail stack a.out.trace --at 123456', says: 'after that transfer' },
  ],
  async run(call, io) {
    const { openTrace } = await import('@backtrail/recorder/trace');
    const { indexOf } = await import('../indexing.ts');
    const { stackAt } = await import('../stack.ts');
    const { stackJson, stackText } = await import('../stack-text.ts');
    const trace = openTrace(call.word(0));
    const { index } = await indexOf(trace, io);
    const answer = stackAt(trace, index, {
      vcpu: call.number('vcpu'),
      at: call.number('at'),
      framesMax: call.number('n') ?? 50,
    });
    io.out.write(call.flag('json') ? stackJson(answer) : stackText(answer, io.out));
    return 0;
  },
};
