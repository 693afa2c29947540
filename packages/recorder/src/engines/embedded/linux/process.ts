/** A static RV64 Linux program as the engine runs it: loaded, its traps answered. */

import { realpathSync } from 'node:fs';
import path from 'node:path';
import { BacktrailError } from '../../../errors.ts';
import type { EmbeddedOptions } from '../../engine.ts';
import type { Hart } from '../core/hart.ts';
import type { Clock, Machine, Next, Observer } from '../core/machine.ts';
import type { GuestMemory } from '../core/memory.ts';
import { TRAP, Trap } from '../core/trap.ts';
import { PAGE_BYTES, PROT, SIG } from './abi.ts';
import { Arguments, NO_RESULT } from './calls/call.ts';
import { CallTable } from './calls/table.ts';
import { completeCall, LEAVES, tellCall } from './deliver.ts';
import { attempt, ERRNO } from './errno.ts';
import type { HostIo } from './io.ts';
import { Kernel, PID, UID } from './kernel.ts';
import { LOWEST_ADDRESS, type LoadedProgram, loadProgram } from './loader.ts';
import { Mappings, pageDown } from './mappings.ts';
import { ANONYMOUS } from './regions.ts';
import { lookAround, settle, takeTurns } from './schedule.ts';
import { CODE, faultInfo, type SignalInfo, sentInfo } from './signals.ts';
import { ARGUMENT_BYTES_MAX, buildStack } from './stack.ts';
import { View, type ViewOptions } from './view.ts';

/**
 * Guest addresses end here, whatever more the engine's memory has, so that addresses do not depend
 * on the size of the ring:
 *
 *   0x0001_0000  program (0x0200_0000 if position-independent), its heap behind it
 *   …            mappings, from the top downwards
 *   0xbf7f_e000  one page that nobody may touch
 *   0xbf7f_f000  stack, 8 MiB
 *   0xbfff_f000  one page: the code that signal handlers return to
 */
export const GUEST_BYTES_DEFAULT = 0xc000_0000;
const STACK_BYTES = 8 << 20;
/** `li a7, 139` (rt_sigreturn) and `ecall`. */
const TRAMPOLINE = [0x08b0_0893, 0x0000_0073] as const;
const MAPPED_BYTES_DEFAULT = 2 ** 31;
/** Instructions of a turn when several threads want to run. */
const SLICE_DEFAULT = 1_000_000;
/** Numbers of calls that do not exist which are counted one by one. */
const UNKNOWN_MAX = 256;
const A7 = 17;
const SP = 2;

const CSR = { cycle: 0xc00, time: 0xc01, instret: 0xc02 } as const;

export interface ProcessOptions extends ViewOptions {
  /** Path on the host. */
  readonly program: string;
  /** argv[0], and what the program finds as its own path. */
  readonly name: string;
  /** The arguments behind it. */
  readonly args: readonly string[];
  /** `NAME=value` each. */
  readonly environment: readonly string[];
  /** Time of day and randomness come from it. */
  readonly seed: number | bigint;
  /** The host's clock and randomness instead. */
  readonly realTime: boolean;
  /** Whether each system call leaves a mark; not, if left out. */
  readonly syscalls?: boolean;
  /** Bytes of memory that may be accessible at one time. */
  readonly mappedBytesMax?: number;
  readonly sliceInstructions?: number;
}

export interface ProcessParts {
  readonly hart: Hart;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly io: HostIo;
}

/** What a user says of a run (engine.ts). */
export interface ProcessStart extends ProcessParts {
  readonly program: string;
  readonly name: string;
  readonly args: readonly string[];
  /** Where the recorder writes to; null: nowhere. */
  readonly traceFolder: string | null;
  /** Whether each system call leaves a mark. */
  readonly syscalls: boolean;
  readonly options: Pick<
    EmbeddedOptions,
    'root' | 'writable' | 'seed' | 'realTime' | 'memoryBytes'
  >;
}

interface Space {
  readonly mappings: Mappings;
  readonly stackStart: number;
  readonly stackEnd: number;
}

function spaceFor(memory: GuestMemory, mappedBytesMax: number): Space {
  const end = Math.min(memory.guestLimit, GUEST_BYTES_DEFAULT);
  const stackEnd = end - PAGE_BYTES;
  const stackStart = stackEnd - STACK_BYTES;
  const limits = {
    low: LOWEST_ADDRESS,
    top: stackStart - PAGE_BYTES,
    end,
    bytesMax: mappedBytesMax,
  };
  return { mappings: new Mappings(memory, limits), stackStart, stackEnd };
}

/** What cannot be found is told by the loader. */
function realProgram(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file;
  }
}

export class Process implements Machine {
  readonly #kernel: Kernel;
  readonly #arguments: Arguments;
  readonly #calls = new CallTable();
  readonly #slice: number;
  /** Calls that do not exist, and how often they were made. */
  readonly #unknown = new Map<number, number>();
  #deadline = 0;

  /** As the engine's thread starts it: in its own current folder, with its own environment. */
  static start(start: ProcessStart): Process {
    const { program, name, args, options, traceFolder, syscalls } = start;
    const environment = Object.entries(process.env).map(([key, value]) => `${key}=${value ?? ''}`);
    const { memoryBytes } = options;
    return new Process(start, {
      program,
      name,
      args,
      environment,
      folder: process.cwd(),
      traceFolder,
      root: options.root,
      writable: options.writable,
      seed: options.seed,
      realTime: options.realTime,
      syscalls,
      ...(memoryBytes !== null && { mappedBytesMax: memoryBytes }),
    });
  }

  /** Loads the program; the hart stands at its first instruction. @throws BacktrailError */
  constructor(parts: ProcessParts, options: ProcessOptions) {
    const { hart } = parts;
    const program = realProgram(path.resolve(options.folder, options.program));
    const mappedBytesMax = options.mappedBytesMax ?? MAPPED_BYTES_DEFAULT;
    const space = spaceFor(hart.memory, mappedBytesMax);
    const view = new View(options, program, PID);
    this.#slice = options.sliceInstructions ?? SLICE_DEFAULT;
    this.#kernel = new Kernel({
      ...parts,
      view,
      mappings: space.mappings,
      options: {
        mappedBytesMax,
        seed: BigInt(options.seed),
        realTime: options.realTime,
        tellsCalls: options.syscalls === true,
        arguments: [options.name, ...options.args],
        name: path.basename(options.name).slice(0, 15),
      },
    });
    this.#arguments = new Arguments(hart);
    const loaded = loadProgram(space.mappings, program, view.program);
    this.#start(loaded, space, options);
  }

  #start(program: LoadedProgram, space: Space, options: ProcessOptions): void {
    const { hart, observer, random } = this.#kernel;
    const { mappings, stackEnd } = space;
    mappings.startBrk(program.end);
    this.#mapStack(space, program.isStackExecutable);
    const sixteen = new Uint8Array(16);
    random.fill(sixteen);
    const stack = buildStack(stackEnd, {
      program,
      arguments: [options.name, ...options.args],
      environment: options.environment,
      path: options.name,
      uid: UID,
      gid: UID,
      random: sixteen,
    });
    if (stack === null) {
      throw new BacktrailError(
        'E_ARGUMENTS',
        `${options.program}: found arguments and environment of more than ${ARGUMENT_BYTES_MAX} ` +
          'bytes, expected less. Pass them in a file.',
      );
    }
    mappings.fill(stack.sp, stack.bytes.length).set(stack.bytes);
    hart.x.fill(0n);
    hart.f.fill(0n);
    hart.fcsr = 0;
    hart.reserve(null, 0n);
    hart.xUnsigned[SP] = BigInt(stack.sp);
    hart.pc = BigInt(program.entry);
    this.#kernel.mappingsChanged();
    observer.started(PID, hart.pc);
    observer.switched(PID);
    for (const mark of program.marks) observer.mark(mark);
    this.#deadline = this.#nextDeadline();
  }

  /** The page below the stack is mapped and closed, as under qemu-riscv64. */
  #mapStack({ mappings, stackStart, stackEnd }: Space, isExecutable: boolean): void {
    const prot = PROT.read | PROT.write | (isExecutable ? PROT.execute : 0);
    mappings.map(stackStart - PAGE_BYTES, PAGE_BYTES, 0);
    const stack = { ...ANONYMOUS, name: '[stack]' };
    mappings.map(stackStart, stackEnd - stackStart, prot, stack);
    mappings.map(stackEnd, PAGE_BYTES, PROT.read | PROT.execute);
    const code = mappings.fill(stackEnd, PAGE_BYTES);
    const words = new DataView(code.buffer, code.byteOffset);
    for (const [index, word] of TRAMPOLINE.entries()) words.setUint32(4 * index, word, true);
    this.#kernel.trampoline = BigInt(stackEnd);
  }

  /** The thread that runs. */
  get running(): number {
    return this.#kernel.threads.running.id;
  }

  /** How often each call was made that does not exist here. */
  get unknownCalls(): ReadonlyMap<string, number> {
    return new Map([...this.#unknown].map(([number, count]) => [this.#calls.name(number), count]));
  }

  /** Why a signal found it waiting; null: it did not, or there was no signal. */
  get ending(): string | null {
    if (!this.#kernel.isStuck) return null;
    const { count } = this.#kernel.threads;
    const who = count === 1 ? 'its only thread' : `each of its ${count} threads`;
    return `the guest was stuck: ${who} waited for what only a signal from outside could bring`;
  }

  deadline(): number {
    return this.#deadline;
  }

  isPending(): boolean {
    return false;
  }

  deliver(signal: number): void {
    this.#kernel.send(sentInfo(signal, CODE.user, 0, 0), null);
  }

  handle(trap: Trap): Next {
    if (trap.code === TRAP.ecallUser) this.#call();
    else this.#kernel.force(this.#faultOf(trap));
    return this.#settle();
  }

  tick(): Next {
    const kernel = this.#kernel;
    lookAround(kernel);
    if (kernel.time.instructions() >= kernel.turnStart + this.#slice) takeTurns(kernel);
    return this.#settle();
  }

  #settle(): Next {
    const next = settle(this.#kernel);
    if (next.how === 'run') this.#deadline = this.#nextDeadline();
    else this.#kernel.descriptors.closeAll();
    return next;
  }

  /** The earliest timer, the end of a wait, or of the turn where others want to run. */
  #nextDeadline(): number {
    const { threads, time, timers, turnStart } = this.#kernel;
    const waits = threads.waiting();
    const isShared = threads.hasReady || waits.some(({ wait }) => wait?.isReady !== null);
    const sliceEnd = turnStart + this.#slice;
    let at = isShared ? sliceEnd : Number.POSITIVE_INFINITY;
    at = Math.min(at, timers.next('cpu') ?? at);
    let due = timers.next('time');
    for (const { wait } of waits) {
      const until = wait?.until ?? null;
      if (until !== null && (due === null || until < due)) due = until;
    }
    if (due === null) return at;
    // The host's clock cannot be foreseen in instructions: it is looked at now and then.
    return Math.min(at, time.isReal ? time.instructions() + this.#slice : time.instructionsAt(due));
  }

  #call(): void {
    const kernel = this.#kernel;
    const number = Number(BigInt.asIntN(32, kernel.hart.xUnsigned[A7] ?? 0n));
    const handler = this.#calls.handler(number);
    if (handler === null) {
      this.#tellUnknown(number);
      completeCall(kernel, -ERRNO.ENOSYS);
      return;
    }
    if (LEAVES.includes(number)) tellCall(kernel, null);
    const result = attempt(() => handler(kernel, this.#arguments));
    if (result === NO_RESULT) return;
    if (typeof result === 'object') kernel.threads.block(result);
    else {
      if (result === -ERRNO.ENOSYS) this.#tellUnknown(number);
      completeCall(kernel, result);
    }
  }

  #tellUnknown(number: number): void {
    const count = (this.#unknown.get(number) ?? 0) + 1;
    if (count > 1 || this.#unknown.size < UNKNOWN_MAX) this.#unknown.set(number, count);
    if (count > 1 || this.#kernel.options.tellsCalls) return;
    this.#kernel.observer.mark({
      kind: 'syscall',
      pc: this.#kernel.hart.pc,
      number: BigInt(number),
      code: BigInt(-ERRNO.ENOSYS),
      detail: this.#calls.name(number),
    });
  }

  #faultOf(trap: Trap): SignalInfo {
    const { pc } = this.#kernel.hart;
    switch (trap.code) {
      case TRAP.illegal:
        return faultInfo(SIG.ILL, CODE.illegalOpcode, pc);
      case TRAP.breakpoint:
        return faultInfo(SIG.TRAP, CODE.breakpoint, pc);
      case TRAP.loadMisaligned:
      case TRAP.storeMisaligned:
      case TRAP.instructionMisaligned:
        return faultInfo(SIG.BUS, CODE.misaligned, trap.value);
      default:
        return this.#accessFault(trap.value);
    }
  }

  #accessFault(address: bigint): SignalInfo {
    const { mappings, memory } = this.#kernel;
    const isThere = address < BigInt(memory.guestLimit);
    const region = isThere ? mappings.regions.at(pageDown(Number(address))) : null;
    if (region === null) return faultInfo(SIG.SEGV, CODE.mapError, address);
    if (region.origin.isPastEnd) return faultInfo(SIG.BUS, CODE.busAddress, address);
    return faultInfo(SIG.SEGV, CODE.accessError, address);
  }

  /** @throws Trap illegal: what the plain interpreter does not know itself is not for programs. */
  readCsr(csr: number): bigint {
    const { time } = this.#kernel;
    if (csr === CSR.cycle || csr === CSR.instret) return BigInt(time.instructions());
    if (csr === CSR.time) return BigInt(Math.floor(time.now()));
    throw new Trap(TRAP.illegal, 0n);
  }

  writeCsr(): void {
    throw new Trap(TRAP.illegal, 0n);
  }

  system(): void {
    throw new Trap(TRAP.illegal, 0n);
  }

  ecallCause(): number {
    return TRAP.ecallUser;
  }

  readDevice(address: bigint): bigint {
    throw new Trap(TRAP.loadAccess, address);
  }

  writeDevice(address: bigint): void {
    throw new Trap(TRAP.storeAccess, address);
  }
}
