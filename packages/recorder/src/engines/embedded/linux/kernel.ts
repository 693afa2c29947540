/** Everything that makes up the process, for the system calls to work on. */
import type { Hart } from '../core/hart.ts';
import type { Clock, Next, Observer } from '../core/machine.ts';
import type { GuestMemory } from '../core/memory.ts';
import { PAGE_BYTES, SIG } from './abi.ts';
import { Descriptors } from './descriptors.ts';
import type { OpenFile, Owner } from './files.ts';
import { Futexes } from './futex.ts';
import type { HostIo } from './io.ts';
import type { MadeSources } from './made.ts';
import type { Mappings } from './mappings.ts';
import { HostRandom, type Random, SeededRandom } from './random.ts';
import { Actions, bitOf, CODE, Pending, type SignalInfo, sentInfo } from './signals.ts';
import { standardFile } from './standard.ts';
import { Thread, Threads } from './threads.ts';
import { GuestTime, type Timer, Timers } from './time.ts';
import { UserMemory } from './user.ts';
import { isWithin, type View } from './view.ts';

/** Numbers of the process, the same in every run. The parent is its session's leader. */
export const PID = 1000;
export const PARENT_PID = 999;
/** User and group. Files of the user who runs the engine belong to the guest's user. */
export const UID = 1000;

export interface KernelOptions {
  /** What the guest may map in all, bytes. */
  readonly mappedBytesMax: number;
  readonly seed: bigint;
  readonly realTime: boolean;
  /** Whether each system call leaves a mark. */
  readonly tellsCalls: boolean;
  readonly arguments: readonly string[];
  readonly name: string;
}

export interface KernelParts {
  readonly hart: Hart;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly io: HostIo;
  readonly view: View;
  readonly mappings: Mappings;
  readonly options: KernelOptions;
}

/** What the running thread's interrupted system call will do once a handler is entered. */
export type Interrupted = 'restarts' | 'fails';

export class Kernel {
  readonly hart: Hart;
  readonly memory: GuestMemory;
  readonly user: UserMemory;
  readonly observer: Observer;
  readonly io: HostIo;
  readonly view: View;
  readonly mappings: Mappings;
  readonly options: KernelOptions;
  readonly owner: Owner = { hostUid: process.getuid?.() ?? -1, uid: UID };
  readonly time: GuestTime;
  readonly timers = new Timers();
  readonly random: Random;
  readonly descriptors = new Descriptors();
  readonly actions = new Actions();
  /** Signals of the process that no thread could take yet. */
  readonly pending = new Pending();
  readonly threads: Threads;
  readonly futexes: Futexes;
  /** The guest's current folder. */
  folder: string;
  umask = 0o022;
  /** struct termios as the guest set it; null: it did not. */
  termios: Uint8Array | null = null;
  /** Address of the code that a signal handler returns to. */
  trampoline = 0n;
  /** How the process ended; null: it has not. */
  end: Next | null = null;
  interrupted: Interrupted | null = null;
  /** All threads wait, and nothing inside can end that: set until one runs again. */
  isStuck = false;
  /** Instructions when all slept last, and jumps in time since then. */
  idleSince = -1;
  idles = 0;
  /** Instructions of the process when the running thread's turn began. */
  turnStart = 0;
  /** timer_create's, by their number. */
  readonly posixTimers = new Map<number, { readonly timer: Timer; readonly clock: number }>();
  /** setitimer's, made when they are first asked for. */
  readonly #intervalTimers = new Map<number, Timer>();
  #pipes = 0;

  constructor(parts: KernelParts) {
    const { hart, clock, observer, io, view, mappings, options } = parts;
    this.hart = hart;
    this.memory = hart.memory;
    this.user = new UserMemory(hart.memory);
    this.observer = observer;
    this.io = io;
    this.view = view;
    this.mappings = mappings;
    this.options = options;
    this.time = new GuestTime(clock, options);
    this.random = options.realTime ? new HostRandom() : new SeededRandom(options.seed);
    this.threads = new Threads(new Thread(PID, options.name));
    this.futexes = new Futexes(this.threads);
    this.folder = view.start;
    for (const number of [0, 1, 2] as const) {
      const file = standardFile(io, number, this.owner);
      if (file !== null) this.descriptors.put(number, file, false);
    }
  }

  get made(): MadeSources {
    return {
      random: this.random,
      mappings: this.mappings,
      arguments: this.options.arguments,
      memoryBytes: this.options.mappedBytesMax,
      name: () => this.threads.running.name,
      terminal: () => this.#terminal(),
    };
  }

  #terminal(): OpenFile | null {
    for (const number of [0, 1, 2]) {
      const file = this.descriptors.find(number);
      if (file !== null && file.terminal !== null) return file;
    }
    return null;
  }

  intervalTimer(which: number, make: () => Timer): Timer {
    const found = this.#intervalTimers.get(which);
    if (found !== undefined) return found;
    const timer = this.timers.add(make());
    this.#intervalTimers.set(which, timer);
    return timer;
  }

  nextPipe(): number {
    return ++this.#pipes;
  }

  /** A file or folder has another path: what is open at or below it stays what it was. */
  moved(from: string, to: string): void {
    const renamed = (path: string): string =>
      isWithin(path, from) ? to + path.slice(from.length) : path;
    for (const file of this.descriptors.files) file.path = renamed(file.path);
    this.folder = renamed(this.folder);
  }

  /** A name is gone: as Linux shows it in /proc/self/fd; such a path leads nowhere. */
  removed(path: string): void {
    this.moved(path, `${path} (deleted)`);
  }

  /** Instructions of the running thread, for its own clock. */
  threadInstructions(): number {
    return this.threads.running.instructions + this.time.instructions() - this.turnStart;
  }

  /** After mappings or their permissions changed: what generated code need not look up. */
  mappingsChanged(start = 0, bytes = this.memory.guestLimit): void {
    const data = Math.max(this.mappings.brkStart - PAGE_BYTES, 0);
    this.memory.findRangesAround(start, bytes, data, this.#stackPage());
  }

  stackChanged(): void {
    this.memory.findStackRange(this.#stackPage());
  }

  #stackPage(): number {
    const sp = this.hart.xUnsigned[2] ?? 0n;
    return sp < BigInt(this.memory.guestLimit) ? Number(sp) : 0;
  }

  /**
   * Sends a signal to a thread, or to the process (null): to the first thread that can take it.
   * False: its queue is full.
   */
  send(info: SignalInfo, to: Thread | null): boolean {
    const bit = bitOf(info.number);
    if (info.number === SIG.KILL) {
      this.end ??= { how: 'signal', number: SIG.KILL };
      return true;
    }
    const thread = to ?? this.#taker(bit);
    if (thread === null) return this.pending.add(info);
    const isBlocked = (thread.blocked & bit) !== 0n;
    const isAccepted = ((thread.wait?.accepts ?? 0n) & bit) !== 0n;
    if (!isBlocked && !isAccepted && this.actions.isIgnored(info.number)) return true;
    if (!thread.pending.add(info)) return false;
    if (!isBlocked || isAccepted) this.threads.wake(thread, 'signal');
    return true;
  }

  #taker(bit: bigint): Thread | null {
    for (const thread of this.threads.all()) {
      const accepts = thread.wait?.accepts ?? 0n;
      if ((thread.blocked & bit) === 0n || (accepts & bit) !== 0n) return thread;
    }
    return null;
  }

  /** Whether a signal would be delivered to the thread now. */
  hasSignal(thread: Thread): boolean {
    return ((thread.pending.mask | this.pending.mask) & ~thread.blocked) !== 0n;
  }

  /** A signal that the running instruction caused: it cannot be blocked or ignored. */
  force(info: SignalInfo): void {
    const thread = this.threads.running;
    const bit = bitOf(info.number);
    const isBlocked = (thread.blocked & bit) !== 0n;
    if (isBlocked || this.actions.isIgnored(info.number)) {
      this.actions.reset(info.number);
      thread.mask &= ~bit;
      thread.suspendMask = null;
    }
    thread.pending.force(info);
  }

  /** The running thread is sent a signal by the kernel on its own behalf. */
  sendSelf(number: number): void {
    this.send(sentInfo(number, CODE.user, PID, UID), this.threads.running);
  }
}
