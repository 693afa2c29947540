/** `backtrail record`: runs a program under an engine and records it. */
import type { RecordOptions, RecordResult } from '@backtrail/recorder';
import type { Call, CommandSpec } from '../command.ts';
import type { Io } from '../io.ts';
import { parseBytes, parseCount } from '../parse.ts';
import { ProgressLine } from '../progress.ts';

/** As RING_BYTES_DEFAULT of the recorder, which is loaded only when it records; a test compares. */
const RING_DEFAULT = { value: 64 * 1024 * 1024, shown: '64M' };

function recordOptions(call: Call): RecordOptions {
  const [program = '', ...args] = call.words;
  return {
    program,
    args,
    output: call.text('output'),
    keep: call.text('keep') === 'last' ? 'last' : 'all',
    ringBytes: call.number('ring') ?? RING_DEFAULT.value,
    maxTransfers: call.number('maxTransfers') ?? 0,
    sysroot: call.text('sysroot'),
    qemu: call.text('qemu'),
  };
}

/** Where the trace went, how the program ended, what is missing from it. */
async function tell(result: RecordResult, io: Io, isQuiet: boolean): Promise<void> {
  const { recordLines, lossLines } = await import('../record-text.ts');
  const lines = io.err.isTerminal && !isQuiet ? recordLines(result, io.err) : lossLines(result);
  for (const line of lines) io.err.write(`backtrail: ${line}\n`);
}

export const RECORD: CommandSpec = {
  name: 'record',
  summary: 'Run a program and record every transfer of it',
  group: 'Record',
  details: [
    'The program runs under an emulator (engine) and keeps its own stdin, stdout and stderr; ' +
      'what it is given after its name is its own, and so is its exit status (128 + n if signal ' +
      'n killed it). The trace is a directory, PROGRAM.trace unless -o says otherwise.',
    'With --keep all nothing is lost: the program waits if the disk is slow. With --keep last ' +
      'only the end of the run is kept, as much as the ring holds.',
    'The embedded engine is not built yet: auto means qemu, which records Linux programs of any ' +
      'instruction set that QEMU user mode runs. "backtrail doctor" says what is here.',
  ],
  arguments: [
    { syntax: '<program>', says: 'path of a Linux ELF program, or a name to be found in PATH' },
    { syntax: '[args...]', says: 'its arguments' },
  ],
  options: [
    {
      flags: '--engine <name>',
      says: 'what runs the program',
      choices: ['auto', 'qemu', 'embedded'],
      default: { value: 'auto', shown: 'auto' },
    },
    {
      flags: '--keep <which>',
      says: 'all transfers, or only the last ones',
      choices: ['all', 'last'],
      default: { value: 'all', shown: 'all' },
    },
    {
      flags: '--ring <size>',
      says: 'shared memory for transfers, 4 bytes each: 512K, 64M, 1G',
      default: RING_DEFAULT,
      parse: parseBytes,
    },
    { flags: '-o, --output <dir>', says: 'where the trace goes; must not be there yet' },
    {
      flags: '--max-transfers <n>',
      says: 'stop recording (not the program) after so many: 1e6, 10M',
      parse: parseCount,
    },
    { flags: '-L, --sysroot <dir>', says: 'libraries of a foreign dynamic program' },
    { flags: '--qemu <path>', says: 'the QEMU to use instead of the one in PATH' },
    { flags: '-q, --quiet', says: 'no progress and no summary; losses are told all the same' },
  ],
  examples: [
    { line: 'backtrail record ./a.out input.txt', says: 'into a.out.trace' },
    { line: 'backtrail record -o bad.trace -- ./a.out -v', says: '-v belongs to a.out' },
    { line: 'backtrail record --keep last --ring 1G ./server', says: 'the last 268 M transfers' },
    { line: 'backtrail record -L /usr/riscv64-linux-gnu ./rv', says: 'a foreign dynamic program' },
  ],
  passThrough: true,
  async run(call, io) {
    const { BacktrailError, record } = await import('@backtrail/recorder');
    if (call.text('engine') === 'embedded') {
      throw new BacktrailError(
        'E_ENGINE',
        '--engine: found embedded, which is not built yet, expected qemu or auto. ' +
          'Leave --engine away to record under QEMU.',
      );
    }
    const isQuiet = call.flag('quiet');
    const line = io.err.isTerminal && !isQuiet ? new ProgressLine(io.err) : null;
    let result: RecordResult;
    try {
      result = await record({
        ...recordOptions(call),
        ...(line === null ? {} : { onProgress: (now) => line.update(now) }),
      });
    } finally {
      line?.clear();
    }
    await tell(result, io, isQuiet);
    return result.end.how === 'exit' ? result.end.status : 128 + result.end.number;
  },
};
