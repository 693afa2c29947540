/** `backtrail back`: the last transfers before a moment, newest first. */
import type { CommandSpec } from '../command.ts';
import { JSON_OPTION, TRACE_ARGUMENT } from '../options.ts';
import { parseCount, parseIndex } from '../parse.ts';

export const BACK: CommandSpec = {
  name: 'back',
  summary: 'Go back from the end: the last transfers, newest first',
  group: 'Look back',
  details: [
    'Each line is a transfer: its position (seq), what kind it was, where it came from and went ' +
      'to, how many instructions ran from there to the next transfer, and the instruction that ' +
      'caused it. Signals, gaps and the ends of threads stand between the lines, where they ' +
      'happened.',
    'A program that was compiled with -g has source lines, and a trace keeps those of the code ' +
      'that ran; what was inlined has the line that it was written on.',
  ],
  arguments: [TRACE_ARGUMENT],
  options: [
    {
      flags: '--from <seq>',
      says: 'newest transfer to show (default: the last one)',
      parse: parseIndex,
    },
    {
      flags: '--vcpu <n>',
      says: 'vCPU, in user mode thread (default: the one that ended last)',
      parse: parseIndex,
    },
    {
      flags: '-n <count>',
      says: 'how many transfers',
      default: { value: 50, shown: '50' },
      parse: parseCount,
    },
    { flags: '--no-disassembly', says: 'leave the instructions away' },
    { flags: '--source', says: 'show the text of the source lines, where their files are here' },
    JSON_OPTION,
  ],
  examples: [
    { line: 'backtrail back a.out.trace', says: 'the last 50' },
    { line: 'backtrail back a.out.trace -n 1000 | less', says: 'further back' },
    { line: 'backtrail back a.out.trace --from 123456', says: 'from there backward' },
    { line: 'backtrail back a.out.trace -n 20 --source', says: 'with the text of source lines' },
  ],
  async run(call, io) {
    const { openTrace } = await import('@backtrail/recorder/trace');
    const { Backward } = await import('../backward.ts');
    const { writeJson, writeText } = await import('../backward-text.ts');
    const back = await Backward.open(openTrace(call.word(0)), {
      vcpu: call.number('vcpu'),
      from: call.number('from'),
      count: call.number('n') ?? 50,
      disassembly: call.flag('disassembly'),
      source: call.flag('source'),
    });
    try {
      if (call.flag('json')) writeJson(back, io.out);
      else writeText(back, io.out);
    } finally {
      back[Symbol.dispose]();
    }
    return 0;
  },
};
