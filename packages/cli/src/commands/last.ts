/** `backtrail last`: when a place in the code was executed last. */
import type { CommandSpec } from '../command.ts';
import { JSON_OPTION, TRACE_ARGUMENT } from '../options.ts';
import { parseCount, parseIndex } from '../parse.ts';

export const LAST: CommandSpec = {
  name: 'last',
  summary: 'When an address, symbol or line was executed last',
  group: 'Look back',
  details: [
    'As if a breakpoint stood there and the program ran backward: each time it is met is a line, ' +
      'newest first, with its position (seq) for back --from, and how many transfers ago that ' +
      'was. A symbol or line is met at its first instruction. Of several vCPUs the newest are ' +
      'shown, as exactly as their clocks can be compared.',
    'A long trace is indexed first, once: see backtrail index. The exit status is 0 if it was ' +
      'executed, 1 if it was not.',
  ],
  arguments: [TRACE_ARGUMENT, { syntax: '<place>', says: '0x401136, main, main+0x12, smash.c:12' }],
  options: [
    {
      flags: '--from <seq>',
      says: 'newest transfer after which it may have run (default: the last one)',
      parse: parseIndex,
    },
    {
      flags: '--vcpu <n>',
      says: 'vCPU, in user mode thread (default: all; with --from the one that ended last)',
      parse: parseIndex,
    },
    {
      flags: '-n <count>',
      says: 'how many times',
      default: { value: 10, shown: '10' },
      parse: parseCount,
    },
    {
      flags: '--anywhere',
      says: 'any instruction of the symbol or line counts, once between two transfers',
    },
    JSON_OPTION,
  ],
  examples: [
    { line: 'backtrail last a.out.trace free', says: 'the last 10 calls of free' },
    { line: 'backtrail last a.out.trace main.c:42 -n 1', says: 'when that line ran last' },
    { line: 'backtrail last a.out.trace 0x401136 --from 99', says: 'before that moment' },
  ],
  async run(call, io) {
    const { openTrace } = await import('@backtrail/recorder/trace');
    const { findLast } = await import('../last.ts');
    const { indexOf } = await import('../indexing.ts');
    const { lastJson, lastText } = await import('../last-text.ts');
    const trace = openTrace(call.word(0));
    const { index } = await indexOf(trace, io);
    const answer = await findLast(trace, index, {
      place: call.word(1),
      vcpu: call.number('vcpu'),
      from: call.number('from'),
      count: call.number('n') ?? 10,
      isAnywhere: call.flag('anywhere'),
    });
    const isJson = call.flag('json');
    io.out.write(isJson ? lastJson(answer) : lastText(answer, call.word(1), io.out));
    return answer.hits.length > 0 ? 0 : 1;
  },
};
