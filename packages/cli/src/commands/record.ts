/** `backtrail record`: runs a program under an engine and records it. */
import { open, readFile } from 'node:fs/promises';
import type { Worker } from 'node:worker_threads';
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
    follow: call.text('follow') !== 'none',
    followExec: call.text('follow') === 'exec',
    trigger: call.text('trigger'),
    after: call.number('after') ?? 0,
    start: call.text('start'),
    filter: call.texts('filter'),
    hostCode: call.flag('hostCode'),
    syscalls: call.flag('syscalls'),
    sysroot: call.text('sysroot'),
    qemu: call.text('qemu'),
    engine: engineName(call.text('engine')),
    ...systemOptions(call),
    embedded: {
      root: call.text('root'),
      writable: call.texts('writable'),
      seed: call.number('seed') ?? 0,
      realTime: call.flag('realTime'),
      machine: machineName(call.text('machine')),
      memoryBytes: call.number('memory'),
    },
  };
}

const SYMBOLS_ALONE =
  'found --symbols without --system: it names code of whole machines, programs name theirs ' +
  'themselves. Leave it out, or write --system.';
/** As for a command line that cannot be parsed. */
const USAGE_STATUS = 2;

function systemOptions(call: Call): Pick<RecordOptions, 'system'> {
  return call.flag('system') ? { system: { symbols: call.texts('symbols') } } : {};
}

function engineName(text: string | null): RecordOptions['engine'] {
  return text === 'embedded' || text === 'qemu' ? text : 'auto';
}

function machineName(text: string | null): RecordOptions['embedded']['machine'] {
  return text === 'linux' || text === 'virt' ? text : 'auto';
}

/** Where the trace went, how the program ended, what is missing from it. */
async function tell(result: RecordResult, io: Io, isQuiet: boolean): Promise<void> {
  const { recordLines, lossLines } = await import('../record-text.ts');
  const lines = io.err.isTerminal && !isQuiet ? recordLines(result, io.err) : lossLines(result);
  for (const line of lines) io.err.write(`backtrail: ${line}\n`);
}

/** As a shell has it. */
const statusOf = (end: RecordResult['end']): number =>
  end.how === 'exit' ? end.status : 128 + end.number;

async function run(options: RecordOptions, call: Call, io: Io): Promise<number> {
  const { record, runUnrecorded } = await import('@backtrail/recorder');
  if (call.text('keep') === 'none') return statusOf(await runUnrecorded(options));
  const isQuiet = call.flag('quiet');
  const line = io.err.isTerminal && !isQuiet ? new ProgressLine(io.err) : null;
  let result: RecordResult;
  try {
    result = await record({
      ...options,
      ...(line === null ? {} : { onProgress: (now) => line.update(now) }),
    });
  } finally {
    line?.clear();
  }
  await tell(result, io, isQuiet);
  return statusOf(result.end);
}

/** As much of an ELF file as tells its machine: gABI, e_ident and e_machine. */
const ELF_HEAD_BYTES = 20;
const EM_RISCV = 243;

/** Then a thread may end the process before anybody can say why: it is looked first (ulimit -v). */
async function hasFewAddresses(): Promise<boolean> {
  try {
    return !/^Max address space\s+unlimited/m.test(await readFile('/proc/self/limits', 'latin1'));
  } catch {
    return false;
  }
}

/** Where the program is surely one for it, the engine's thread loads while the recorder does. */
async function beginThread(options: RecordOptions): Promise<Worker | null> {
  const { engine, program, system } = options;
  if (engine === 'qemu' || system !== undefined || !program.includes('/')) return null;
  if (await hasFewAddresses()) return null;
  try {
    const file = await open(program);
    try {
      const head = Buffer.alloc(ELF_HEAD_BYTES);
      const { bytesRead } = await file.read(head, 0, ELF_HEAD_BYTES);
      if (bytesRead < ELF_HEAD_BYTES || head.readUInt16LE(18) !== EM_RISCV) return null;
    } finally {
      await file.close();
    }
  } catch {
    return null;
  }
  const { startEngineThread } = await import('@backtrail/recorder/thread');
  return startEngineThread();
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
      'only the end of the run is kept, as much as the ring holds. With --keep none the program ' +
      'just runs, so that one can see what recording costs.',
    'With --trigger the trace is closed when the trigger came, and the program runs on ' +
      'unrecorded. --keep last and a trigger make a flight recorder; "backtrail snapshot" writes ' +
      'what it holds at any time. "backtrail stop" ends a recording under QEMU at any time.',
    'With --filter transfers that begin and end in other code are left out: between one that ' +
      'leads out and the one that leads back, a single transfer "filtered" says so. What is ' +
      'left out takes no room, and nearly as much time.',
    'The embedded engine needs nothing installed. It runs RV64GC programs: static Linux ones, ' +
      'and bare-metal ones (told by their addresses) on a board like that of QEMU virt. A run is ' +
      'deterministic: time passes with instructions, 1 ns each, and randomness comes from the ' +
      'seed. The program sees the current folder, to be read, unless --root or --writable say ' +
      'otherwise. One that ignores Ctrl-C is killed by three within a second; its trace is kept.',
    'With --system the words are a command line of qemu-system-ISA, to which nothing but the ' +
      'plugin is added: a whole machine is recorded, each vCPU by itself, interrupts and ' +
      'exceptions included; docs/qemu.md says for which machines causes are told. ELF files ' +
      'behind -kernel, -bios and -device loader name its code by themselves.',
    'Each process that a program forks under QEMU becomes a trace of its own, ' +
      'TRACE/children/PID.trace; "backtrail info" names them. What a process executes in its ' +
      'own place (exec) is recorded with --follow exec if QEMU runs it again, by its own name or ' +
      'through binfmt_misc: the program then has QEMU_PLUGIN in its environment. Else it runs ' +
      'unrecorded, and that it did is told.',
    'QEMU records Linux programs of any instruction set that its user mode runs. auto takes the ' +
      'embedded engine for static RV64 programs, else QEMU. "backtrail doctor" says what is here.',
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
      says: 'all transfers, only the last ones, or none',
      choices: ['all', 'last', 'none'],
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
    {
      flags: '--start <where>',
      says:
        'QEMU: begin to record at a function or address of the program, or, with "paused", when ' +
        '"backtrail start" says so; it runs at full speed until then',
    },
    {
      flags: '--filter <what>',
      says:
        'record this code only: functions of the program (main, parse_*), module:NAME, ' +
        '0xLOW-0xHIGH, of a machine kernel or user; !WHAT leaves it out; commas, or several times',
      isRepeatable: true,
    },
    {
      flags: '--trigger <what>',
      says:
        'end recording (not the program) when this comes: a function or address that runs for ' +
        'the first time, signal:N, exception:N, exit',
    },
    {
      flags: '--after <n>',
      says: 'and at least so many transfers after that: 1000, 10M',
      parse: parseCount,
    },
    {
      flags: '--follow <which>',
      says:
        'QEMU: record the processes that the program forks, too, or not; exec: also what they ' +
        'execute, where QEMU runs it',
      choices: ['children', 'exec', 'none'],
      default: { value: 'children', shown: 'children' },
    },
    {
      flags: '--syscalls',
      says: 'mark each system call, with arguments and result; not of machines',
    },
    {
      flags: '--host-code',
      says: 'QEMU: keep its translation of each block, to be disassembled; larger',
    },
    { flags: '--system', says: 'a whole machine: <program> is QEMU, e.g. qemu-system-riscv64' },
    {
      flags: '--symbols <file>',
      says: "names a machine's code: ELF file or System.map, FILE or FILE@BASE; several times",
      isRepeatable: true,
    },
    { flags: '-L, --sysroot <dir>', says: 'libraries of a foreign dynamic program' },
    { flags: '--qemu <path>', says: 'the QEMU to use instead of the one in PATH' },
    {
      flags: '--root <dir>',
      says:
        'embedded: a folder that is all the program sees of the file system, to be read; ' +
        '/ shows it everything',
    },
    {
      flags: '--writable <dir>',
      says: 'embedded: a folder that the program may write to; may be given several times',
      isRepeatable: true,
    },
    {
      flags: '--seed <n>',
      says: 'embedded: what time of day and randomness come from',
      default: { value: 0, shown: '0' },
      parse: parseCount,
    },
    { flags: '--real-time', says: "embedded: the machine's clock and randomness instead" },
    {
      flags: '--machine <kind>',
      says: 'embedded: a process, a bare machine, or what the file says',
      choices: ['auto', 'linux', 'virt'],
      default: { value: 'auto', shown: 'auto' },
    },
    {
      flags: '--memory <size>',
      says: 'embedded: memory of the program: 256M, 2G',
      parse: parseBytes,
    },
    { flags: '-q, --quiet', says: 'no progress and no summary; losses are told all the same' },
  ],
  examples: [
    { line: 'backtrail record ./a.out input.txt', says: 'into a.out.trace' },
    { line: 'backtrail record -o bad.trace -- ./a.out -v', says: '-v belongs to a.out' },
    { line: 'backtrail record --keep last --ring 1G ./server', says: 'the last 268 M transfers' },
    { line: 'backtrail record --trigger panic ./server', says: 'what led to panic()' },
    { line: 'backtrail record --start paused ./server', says: 'then: backtrail start' },
    { line: "backtrail record --filter '!module:libc*' ./a", says: 'all but the C library' },
    { line: 'backtrail record -L /usr/riscv64-linux-gnu ./rv', says: 'a foreign dynamic program' },
    { line: 'backtrail record --writable out ./rv', says: 'it may write into out' },
    { line: 'backtrail record ./firmware.elf', says: 'bare metal' },
    { line: 'backtrail record --system -- qemu-system-arm …', says: 'a whole machine' },
    { line: 'backtrail record --system --symbols vmlinux -- …', says: 'Linux' },
  ],
  passThrough: true,
  async run(call, io) {
    const options = recordOptions(call);
    if (options.system === undefined && call.texts('symbols').length > 0) {
      io.err.write(`backtrail: ${SYMBOLS_ALONE}\n`);
      return USAGE_STATUS;
    }
    const thread = await beginThread(options);
    try {
      return await run({ ...options, ...(thread === null ? {} : { thread }) }, call, io);
    } finally {
      void thread?.terminate();
    }
  },
};
