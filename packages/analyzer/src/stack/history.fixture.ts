/**
 * Random histories of calls, returns, throws, switches, signals and traps, made by a slow, obvious
 * machine that has real stacks and writes down how they stood after every transfer. Each function
 * is one block of RISC-V code; what it does where is decided here, not by its bytes.
 */
import type { Cause, Kind } from '@backtrail/recorder/trace';
import { randomFrom } from '../path/random-run.fixture.ts';
import { type FixtureTrace, makeTrace } from '../trace.fixture.ts';
import type { FixtureBlock, FixtureEdge, FixtureSymbol } from '../trace-tables.fixture.ts';

/** A frame as it really is. */
export interface TrueFrame {
  /** seq of the transfer that opened it. */
  readonly seq: number;
  readonly callSite: bigint | null;
  readonly returnAddress: bigint | null;
  /** Where control is in it; of the innermost where it has just arrived. */
  pc: bigint;
}

export interface History {
  readonly trace: FixtureTrace;
  /** Stacks after each transfer, outermost frame first. */
  readonly truth: readonly (readonly TrueFrame[])[];
  /** seqs of returns that went astray. */
  readonly broken: readonly number[];
  /** How often another coroutine went on. */
  readonly switches: number;
  /** seqs after which nobody can tell yet which of several coroutines goes on. */
  readonly unsettled: ReadonlySet<number>;
}

interface Frame extends TrueFrame {
  fn: number;
  /** Behind the setjmp that this activation made. */
  landing: bigint | null;
  readonly by: 'start' | 'call' | 'signal' | 'trap';
}

interface Coroutine {
  readonly frames: Frame[];
  readonly first: number;
}

const FUNCTION_BYTES = 0x100n;
const BASE = 0x10000n;
const NOP = '13000000';
/** ld sp, 0(a1) */
const SWITCH_STACK = '03b10500';
const PER_COROUTINE = 4;
const COROUTINES = 3;
const SETS = COROUTINES * PER_COROUTINE;
const LEAVES = 2;
/** Functions with a part to play, after those of the coroutines and the leaves. */
const [SETJMP, LONGJMP, THROW, SWAP, YIELD, HANDLER, RESTORER, VECTOR, THUNK, FUNCTIONS] =
  Array.from({ length: 10 }, (_none, i) => SETS + LEAVES + i) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
const WILD = 0xdead_0000n;

const startOf = (fn: number): bigint => BASE + BigInt(fn) * FUNCTION_BYTES;
/** Call sites: one for each callee, so that nothing can be mistaken for something else. */
const siteOf = (fn: number, callee: number): bigint => startOf(fn) + 0x10n + 4n * BigInt(callee);
const landingPadOf = (fn: number): bigint => startOf(fn) + 0xf0n;

class Machine {
  readonly edges: FixtureEdge[] = [{ source: null, target: startOf(0) }];
  readonly list: number[] = [];
  readonly truth: TrueFrame[][] = [];
  readonly broken: number[] = [];
  readonly unsettled = new Set<number>();
  switches = 0;
  readonly #numbers = new Map<string, number>();
  readonly #random: (below: number) => number;
  readonly #coroutines: Coroutine[];
  #current = 0;
  /** A return went astray and control is nowhere. */
  #isAstray = false;

  constructor(seed: number, coroutines: number) {
    this.#random = randomFrom(seed);
    this.#coroutines = Array.from({ length: coroutines }, (_none, i) => ({
      frames: [],
      first: i * PER_COROUTINE,
    }));
    this.#frames.push(this.#frame(0, 'start', null, null));
    this.#note(0);
  }

  get #frames(): Frame[] {
    return this.#coroutines[this.#current]?.frames ?? [];
  }

  get #top(): Frame {
    const top = this.#frames.at(-1);
    if (top === undefined) throw new Error('a stack has run empty');
    return top;
  }

  #frame(fn: number, by: Frame['by'], callSite: bigint | null, back: bigint | null): Frame {
    const seq = this.list.length;
    return { fn, by, seq, callSite, returnAddress: back, pc: startOf(fn), landing: null };
  }

  #note(edge: number): void {
    this.list.push(edge);
    this.truth.push(
      this.#frames.map(({ seq, callSite, returnAddress, pc }) => {
        return { seq, callSite, returnAddress, pc };
      }),
    );
  }

  /** Frames must be as they are after it. */
  #go(source: bigint, target: bigint, kind: Kind | null, cause: Cause = 'jump'): void {
    const key = `${source} ${target} ${kind} ${cause}`;
    let edge = this.#numbers.get(key);
    if (edge === undefined) {
      edge = this.edges.length;
      this.edges.push({ source, target, kind, cause });
      this.#numbers.set(key, edge);
    }
    this.#top.pc = target;
    this.#note(edge);
  }

  #call(callee: number, kind: Kind = 'call'): void {
    const site = siteOf(this.#top.fn, callee);
    this.#top.pc = site;
    this.#frames.push(this.#frame(callee, 'call', site, site + 4n));
    this.#go(site, startOf(callee), kind);
  }

  /** An address in the innermost function that is not used otherwise. */
  #here(slot = 0xd0n): bigint {
    return this.#isAstray
      ? this.#top.pc
      : startOf(this.#top.fn) + slot + 4n * BigInt(this.#random(4));
  }

  #return(): void {
    const source = this.#here();
    const left = this.#frames.pop();
    this.#isAstray = false;
    this.#go(source, left?.returnAddress ?? 0n, 'return');
  }

  step(): void {
    const top = this.#top;
    if (this.#isAstray) {
      if (this.#random(3) === 0) this.#goAstray();
      else this.#return();
      return;
    }
    const depth = this.#frames.length;
    const choice = this.#random(100);
    if (depth > 40 && top.by === 'call') this.#return();
    else if (choice < 10) this.#go(this.#here(), landingPadOf(top.fn) - 0x60n, 'branch');
    else if (choice < 40) this.#call(this.#callee(), choice < 30 ? 'call' : 'indirect-call');
    else if (choice < 64) this.#close();
    else if (choice < 70) this.#tailJump();
    else if (choice < 74) this.#setjmp();
    else if (choice < 80) this.#jumpOut(choice < 77);
    else if (choice < 86) this.#swap();
    else if (choice < 91) this.#signal();
    else if (choice < 95) this.#trap();
    else if (choice < 96) this.#learnPc();
    else if (choice < 98) this.#retpoline();
    else this.#goAstray();
  }

  #callee(): number {
    if (this.#random(4) === 0) return SETS + this.#random(LEAVES);
    return this.#current * PER_COROUTINE + this.#random(PER_COROUTINE);
  }

  /** Leaves the innermost frame in the way of its kind. */
  #close(): void {
    const top = this.#top;
    if (top.by === 'start') return;
    if (top.by === 'call') {
      this.#return();
      return;
    }
    const source = this.#here();
    if (top.by === 'signal') {
      top.fn = RESTORER;
      this.#go(source, startOf(RESTORER), 'return');
      this.#frames.pop();
      this.#go(startOf(RESTORER) + 4n, top.returnAddress ?? 0n, 'signal-return', 'signal');
      return;
    }
    this.#frames.pop();
    const skip = this.#random(3) === 0 ? 4n : 0n;
    this.#go(source, (top.returnAddress ?? 0n) + skip, 'trap-return');
  }

  #tailJump(): void {
    const top = this.#top;
    if (top.by !== 'call') return;
    const source = this.#here(0xa0n);
    top.fn = this.#callee();
    this.#go(source, startOf(top.fn), this.#random(2) === 0 ? 'jump' : 'indirect-jump');
  }

  #setjmp(): void {
    this.#call(SETJMP);
    this.#return();
    this.#top.landing = siteOf(this.#top.fn, SETJMP) + 4n;
    // A frame that goes on in another function has no landing in it any more.
  }

  /** By longjmp, or by an exception, to the innermost activation of a function. */
  #jumpOut(isLongjmp: boolean): void {
    const frames = this.#frames;
    const fits = frames.filter((frame, i) => {
      const isInnermost = !frames.slice(i + 1).some((above) => above.fn === frame.fn);
      const isHere = frame.landing === siteOf(frame.fn, SETJMP) + 4n;
      return isInnermost && (!isLongjmp || isHere);
    });
    const to = fits[this.#random(fits.length)];
    if (to === undefined || to.fn >= SETS) return;
    this.#call(isLongjmp ? LONGJMP : THROW);
    frames.splice(frames.indexOf(to) + 1);
    const target = isLongjmp ? (to.landing ?? 0n) : landingPadOf(to.fn);
    const fn = isLongjmp ? LONGJMP : THROW;
    this.#go(startOf(fn) + 0x40n, target, this.#random(2) === 0 ? 'return' : 'indirect-jump');
  }

  #swap(): void {
    if (this.#top.fn >= SETS) return;
    const to = this.#random(this.#coroutines.length);
    if (to === this.#current) return;
    // All coroutines switch at one place, or each at places of its own.
    if (this.#random(2) === 0) this.#call(YIELD);
    this.#call(SWAP);
    this.switches++;
    this.#current = to;
    const source = startOf(SWAP) + 0x40n;
    const { frames, first } = this.#coroutines[to] ?? { frames: [], first: 0 };
    if (frames.length === 0) {
      frames.push(this.#frame(first, 'start', source, null));
      this.#go(source, startOf(first), 'return');
      return;
    }
    const parked = frames.pop();
    const isTwin = this.#top.fn === YIELD;
    if (isTwin) this.unsettled.add(this.list.length);
    this.#go(source, parked?.returnAddress ?? 0n, 'return');
    if (!isTwin) return;
    if (this.#random(2) === 0) {
      const first = this.list.length;
      this.#call(SETS);
      this.#return();
      for (let seq = first; seq < this.list.length; seq++) this.unsettled.add(seq);
    }
    this.#return();
  }

  #signal(): void {
    const source = this.#here(0xb0n);
    this.#top.pc = source;
    this.#frames.push(this.#frame(HANDLER, 'signal', source, source));
    this.#go(source, startOf(HANDLER), null, 'signal');
  }

  #trap(): void {
    const source = this.#here(0xb0n);
    this.#top.pc = source;
    this.#frames.push(this.#frame(VECTOR, 'trap', source, source));
    this.#go(source, startOf(VECTOR), null, this.#random(2) === 0 ? 'interrupt' : 'exception');
  }

  /** call next; pop: no frame comes of it. */
  #learnPc(): void {
    const source = siteOf(this.#top.fn, FUNCTIONS);
    this.#go(source, source + 4n, 'call');
  }

  /** call thunk; thunk: call inside; inside: overwrite the return address; return to the callee. */
  #retpoline(): void {
    const callee = this.#callee();
    const site = siteOf(this.#top.fn, THUNK);
    this.#top.pc = site;
    this.#frames.push(this.#frame(THUNK, 'call', site, site + 4n));
    this.#go(site, startOf(THUNK), 'call');
    this.#go(startOf(THUNK), startOf(THUNK) + 0x20n, 'call');
    this.#top.fn = callee;
    this.#go(startOf(THUNK) + 0x20n, startOf(callee), 'return');
  }

  #goAstray(): void {
    if (this.#top.by !== 'call') return;
    const source = this.#here();
    this.broken.push(this.list.length);
    this.#isAstray = true;
    this.#go(source, WILD + 16n * BigInt(this.#random(8)), 'return');
  }
}

function codeOf(fn: number): FixtureBlock {
  const words = Array.from({ length: Number(FUNCTION_BYTES) / 4 }, () => NOP);
  if ([LONGJMP, THROW, SWAP].includes(fn)) words[2] = SWITCH_STACK;
  return { pc: startOf(fn), code: words.join('') };
}

interface HistoryOptions {
  readonly seed: number;
  readonly steps: number;
  readonly segmentTransfers: number;
  /** 3 if left out, which is also the most. */
  readonly coroutines?: number;
}

export function randomHistory(options: HistoryOptions): History {
  const machine = new Machine(options.seed, options.coroutines ?? COROUTINES);
  for (let i = 0; i < options.steps; i++) machine.step();
  const blocks = Array.from({ length: FUNCTIONS }, (_none, fn) => codeOf(fn));
  // The last leaf is known by the calls of it alone.
  const symbols: FixtureSymbol[] = [];
  for (let fn = 0; fn < FUNCTIONS; fn++) {
    if (fn === SETS + LEAVES - 1) continue;
    symbols.push({ module: 0, address: startOf(fn), size: FUNCTION_BYTES, name: `f${fn}` });
  }
  const trace = makeTrace({
    blocks,
    edges: machine.edges,
    vcpus: [machine.list],
    segmentTransfers: options.segmentTransfers,
    modules: [{ path: '/bin/history', base: 0n, start: BASE, size: 0x10000n }],
    symbols,
  });
  const { truth, broken, switches, unsettled } = machine;
  return { trace, truth, broken, switches, unsettled };
}
