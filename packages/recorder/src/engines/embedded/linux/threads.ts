/**
 * Threads of the process, one at a time on one hart: whose turn it is, what each waits for, and
 * their registers while others run. A turn is a fixed number of instructions, and those who are
 * ready come in the order in which they became so: the same in every run.
 */
import type { Hart } from '../core/hart.ts';
import { NO_STACK, Pending, type SignalStack } from './signals.ts';

/** Why a thread that waited goes on. */
export type Woken = 'ready' | 'timeout' | 'signal';

/** What a thread in a blocking system call waits for. */
export interface Wait {
  /** Guest time at which the wait is over; null: never. */
  readonly until: number | null;
  /** Whether only the console (stdin) can bring what is waited for. */
  readonly needsInput: boolean;
  /** Blocked signals that end the wait nevertheless. */
  readonly accepts: bigint;
  /** Whether the call begins again after a handler with SA_RESTART. */
  readonly restarts: boolean;
  /** Asked whenever others ran; null: somebody wakes the thread when it is time. */
  readonly isReady: (() => boolean) | null;
  /** The call's result once the thread goes on; or it must wait once more. */
  finish(why: 'ready' | 'timeout'): number | Wait;
  /** A signal ends it: the result, or null for EINTR. */
  interrupted(): number | null;
  /** Time or a signal ended it: who would have woken the thread must forget it. */
  forget(): void;
}

/** A wait that somebody ends by waking the thread, unless told otherwise. */
export function waitFor(what: Partial<Wait> & Pick<Wait, 'finish'>): Wait {
  return {
    until: null,
    needsInput: false,
    accepts: 0n,
    restarts: true,
    isReady: null,
    interrupted: () => null,
    forget: () => {},
    ...what,
  };
}

export class Thread {
  readonly id: number;
  readonly pending = new Pending();
  /** Blocked signals. */
  mask = 0n;
  /** What is blocked instead, as long as rt_sigsuspend or its kin says so. */
  suspendMask: bigint | null = null;
  stack: SignalStack = NO_STACK;
  /** Address that is cleared, and whose waiters are woken, at the thread's end; 0: none. */
  clearAtEnd = 0n;
  robustList = 0n;
  name: string;
  wait: Wait | null = null;
  woken: Woken = 'ready';
  /** Woken, and its turn has not come yet. */
  isWoken = false;
  /** Instructions of its finished turns. */
  instructions = 0;
  hasEnded = false;
  readonly #x = new BigInt64Array(32);
  readonly #f = new BigUint64Array(32);
  #pc = 0n;
  #fcsr = 0;

  constructor(id: number, name: string) {
    this.id = id;
    this.name = name;
  }

  /** Signals that do not reach it now. */
  get blocked(): bigint {
    return this.suspendMask ?? this.mask;
  }

  save(hart: Hart): void {
    this.#x.set(hart.x);
    this.#f.set(hart.f);
    this.#pc = hart.pc;
    this.#fcsr = hart.fcsr;
  }

  /** A reservation does not outlive a switch: another thread may have stored there. */
  restore(hart: Hart): void {
    hart.x.set(this.#x);
    hart.f.set(this.#f);
    hart.pc = this.#pc;
    hart.fcsr = this.#fcsr;
    hart.reserve(null, 0n);
  }

  setRegister(register: number, value: bigint): void {
    this.#x[register] = BigInt.asIntN(64, value);
  }

  set pc(value: bigint) {
    this.#pc = value;
  }
}

export class Threads {
  readonly #byId = new Map<number, Thread>();
  #ready: Thread[] = [];
  #running: Thread;
  #nextId: number;

  constructor(first: Thread) {
    this.#running = first;
    this.#byId.set(first.id, first);
    this.#nextId = first.id + 1;
  }

  get running(): Thread {
    return this.#running;
  }

  get count(): number {
    return this.#byId.size;
  }

  get(id: number): Thread | null {
    return this.#byId.get(id) ?? null;
  }

  all(): IterableIterator<Thread> {
    return this.#byId.values();
  }

  /** Whether others could run now. */
  get hasReady(): boolean {
    return this.#ready.length > 0;
  }

  /** Threads that wait for something which has not come yet, oldest first. */
  waiting(): Thread[] {
    return [...this.#byId.values()].filter(({ wait, isWoken }) => wait !== null && !isWoken);
  }

  add(name: string): Thread {
    const thread = new Thread(this.#nextId++, name);
    this.#byId.set(thread.id, thread);
    this.#ready.push(thread);
    return thread;
  }

  /** It will not run again. */
  remove(thread: Thread): void {
    thread.hasEnded = true;
    this.#byId.delete(thread.id);
    this.#ready = this.#ready.filter((other) => other !== thread);
  }

  /** The running thread waits from now on. */
  block(wait: Wait): void {
    this.#running.wait = wait;
  }

  /** Ends the wait of a thread that does not run. */
  wake(thread: Thread, why: Woken): void {
    if (thread.wait === null || thread.isWoken) return;
    if (why !== 'ready') thread.wait.forget();
    thread.woken = why;
    thread.isWoken = true;
    this.#ready.push(thread);
  }

  /** The running thread goes behind all that are ready. */
  yield(): void {
    this.#ready.push(this.#running);
  }

  /** Whose turn it is next; null: nobody is ready. */
  next(): Thread | null {
    const thread = this.#ready.shift() ?? null;
    if (thread !== null) thread.isWoken = false;
    return thread;
  }

  run(thread: Thread): void {
    this.#running = thread;
  }
}
