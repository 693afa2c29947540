/** All that a screen looks things up in: the trace, the cursor on it, names, code, calls, marks. */
import {
  BacktrailError,
  type CallStack,
  type CallStacks,
  Cursor,
  createDisassembler,
  createSourceLocator,
  createSourceReader,
  type Disassembler,
  disassembleWasm,
  findPlace,
  type SourceLocator,
  type SourceReader,
  stacksBy,
  storedIndex,
  type Trace,
  type TraceIndex,
  withSymbols,
} from '@backtrail/analyzer';
import { harmless } from './line.ts';
import { type ListedInstruction, Listing } from './listing.ts';
import { marksOf, Names } from './names.ts';
import { Stretches } from './stretch.ts';
import type { PlaceAt } from './walk-state.ts';

/** Answer of a SQL query as text, with the places that its rows name. */
export interface SqlAnswer {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Of each row; null where it has no vcpu and seq. */
  readonly places: readonly ({ readonly vcpu: number; readonly seq: number } | null)[];
}

export interface WalkOptions {
  /** Where to begin; the end of the run if left out. */
  readonly at?: { readonly vcpu?: number; readonly seq: number; readonly index?: number };
  /** How the run ended, as a sentence without its full stop. */
  readonly ended: string;
  /** The words that open this trace again, `backtrail walk run.trace`. */
  readonly command: string;
  /** Whether colours are wanted. */
  readonly hasColor: boolean;
  /** Answers SQL. Only whoever has a database can. */
  readonly query?: (sql: string) => Promise<SqlAnswer>;
}

/** Function names found in the code that ran, and where each begins. */
export interface RanSymbol {
  readonly name: string;
  readonly start: bigint;
}

/** Transfers that the first look at a call stack may go through unasked. */
const UNASKED_TRANSFERS_MAX = 20_000_000;

export class World implements Disposable {
  readonly trace: Trace;
  readonly cursor: Cursor;
  readonly names: Names;
  readonly listing: Listing;
  readonly stretches: Stretches;
  readonly locator: SourceLocator;
  readonly reader: SourceReader = createSourceReader();
  readonly options: WalkOptions;
  /** What the strip was made of last. */
  strip: { readonly key: string; readonly ranks: Int32Array } | null = null;
  readonly #guest: Disassembler | null;
  readonly #host: Disassembler | null;
  readonly #marks = new Map<number, Uint32Array>();
  #symbols: readonly RanSymbol[] | null = null;
  #stacks: CallStacks | null = null;
  #index: TraceIndex | null;
  /** Segments beside the one that the cursor was in last, that are yet to be read. */
  #ahead: { readonly of: number; readonly left: number[] } = { of: -1, left: [] };

  private constructor(
    trace: Trace,
    options: WalkOptions,
    guest: Disassembler | null,
    host: Disassembler | null,
  ) {
    this.trace = trace;
    this.options = options;
    this.names = new Names(trace);
    this.stretches = new Stretches(trace);
    this.listing = new Listing(trace, guest);
    this.locator = createSourceLocator(trace, this.names.symbolizer);
    this.#guest = guest;
    this.#host = host;
    const vcpu = options.at?.vcpu;
    this.#index = storedIndex(trace)?.index ?? null;
    this.cursor = new Cursor(trace, {
      ...(vcpu === undefined ? {} : { vcpu }),
      ...(this.locator.hasLines ? { lineOf: (pc) => this.#lineKey(pc) } : {}),
      index: this.#index,
      stacks: () => this.#stacksAtHand(),
    });
  }

  /** @throws BacktrailError E_EMPTY, E_VCPU, E_SEQ if there is no such place. */
  static async open(trace: Trace, options: WalkOptions): Promise<World> {
    const { guest, engine } = trace.manifest;
    const code = await createDisassembler(guest.isa);
    const host = engine.hostIsa === guest.isa ? null : await createDisassembler(engine.hostIsa);
    const world = new World(trace, options, code, host);
    const { at } = options;
    if (at !== undefined) {
      const { cursor } = world;
      const { vcpu } = cursor.position;
      if (cursor.to(at.seq, at.index ?? 0).why !== null) {
        throw new BacktrailError(
          'E_SEQ',
          `${trace.directory}: found no instruction ${at.index ?? 0} after transfer ${at.seq} of ` +
            `vCPU ${vcpu}, expected a transfer from 0 to ${trace.seqEnd(vcpu) - 1}. ` +
            'Run: backtrail info',
        );
      }
    }
    return world;
  }

  get hasIndex(): boolean {
    return this.#index !== null;
  }

  /** Its text, with what the address in its operands is called. */
  instruction(one: ListedInstruction): string {
    return harmless(withSymbols(this.listing.text(one), this.names.symbolizer));
  }

  /** Searches and calls use it from now on. */
  takeIndex(index: TraceIndex): void {
    this.#index = index;
    this.#stacks = null;
    // biome-ignore lint/correctness/useHookAtTopLevel: a method of the cursor, no hook
    this.cursor.useIndex(index);
  }

  #lineKey(pc: bigint): string | null {
    const place = this.locator.lineAt(pc);
    return place?.file === null || place === null ? null : `${place.file}:${place.line}`;
  }

  /** Source line of an address; null where none is known. */
  sourceAt(pc: bigint): { readonly file: string; readonly line: number } | null {
    const place = this.locator.lineAt(pc);
    if (place === null || place.file === null || place.line === null) return null;
    return { file: place.file, line: place.line };
  }

  /**
   * The calls at a moment; in words why not. The first look at a long run goes through all of it.
   * @param isAsked whether somebody waits for it
   */
  stackAt(
    { vcpu, seq, pc }: { vcpu: number; seq: number; pc: bigint },
    framesMax: number,
    isAsked: boolean,
  ): CallStack | string {
    if (!isAsked && this.#stacksAtHand() === null) {
      return 'a long run: Tab looks the calls up, which takes a moment the first time';
    }
    return this.stacks.at(vcpu, seq, { pc, framesMax });
  }

  /** The call stacks of the run. The first question about a long one goes through all of it. */
  get stacks(): CallStacks {
    this.#stacks ??= stacksBy(this.trace, this.#index);
    return this.#stacks;
  }

  /** Null where making them would go through a long run while somebody waits for one step. */
  #stacksAtHand(): CallStacks | null {
    const isLong = this.trace.transfers > UNASKED_TRANSFERS_MAX && this.#index === null;
    return this.#stacks === null && isLong ? null : this.stacks;
  }

  /** Instructions of a block in the host's terms; in words why not. */
  hostCode(block: number): readonly { readonly pc: bigint; readonly text: string }[] | string {
    const { blocks, manifest } = this.trace;
    const code = blocks.hostCode(block);
    if (code === null) return 'the host code of this block was not kept in the trace';
    const pc = blocks.hostPc[block] ?? 0n;
    const { hostIsa } = manifest.engine;
    const host = hostIsa === manifest.guest.isa ? this.#guest : this.#host;
    const list = /wasm/i.test(hostIsa) ? disassembleWasm(code, pc) : host?.disassemble(code, pc);
    if (list === undefined) return `nothing here reads ${hostIsa} code`;
    return list.map((one) => ({ pc: one.pc, text: `${one.mnemonic} ${one.operands}` }));
  }

  /**
   * Reads a segment beside that of a place, where the next steps may lead: the trace keeps it.
   * @returns whether there is another
   */
  readAhead({ vcpu, seq }: { readonly vcpu: number; readonly seq: number }): boolean {
    const { trace } = this;
    const of = trace.segmentAt(vcpu, seq);
    if (of !== this.#ahead.of) {
      const segments = trace.segmentsOf(vcpu);
      const at = segments.indexOf(of);
      const beside = at < 0 ? [] : [segments[at - 1], segments[at + 1]];
      this.#ahead = { of, left: beside.filter((segment) => segment !== undefined) };
    }
    const { left } = this.#ahead;
    const next = left.shift();
    try {
      if (next !== undefined) trace.readSegment(next);
    } catch (error) {
      // Who needs it says so.
      if (!(error instanceof BacktrailError)) throw error;
    }
    return left.length > 0;
  }

  marks(vcpu: number): Uint32Array {
    const known = this.#marks.get(vcpu);
    if (known !== undefined) return known;
    const made = marksOf(this.trace, vcpu);
    this.#marks.set(vcpu, made);
    return made;
  }

  /** Functions that ran, each once, by name. */
  get symbols(): readonly RanSymbol[] {
    if (this.#symbols !== null) return this.#symbols;
    const { blocks } = this.trace;
    const found = new Map<bigint, RanSymbol>();
    for (let block = 0; block < blocks.count; block++) {
      const symbol = this.names.symbol(blocks.pc[block] ?? 0n);
      if (symbol !== null && !found.has(symbol.start)) found.set(symbol.start, symbol);
    }
    this.#symbols = [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    return this.#symbols;
  }

  /** Addresses of code that is named. @throws BacktrailError E_PLACE if there is none. */
  placesOf(text: string): readonly bigint[] {
    return findPlace(this.trace, text, this.names.demangle).starts;
  }

  /** The line that opens the trace at a place. */
  command({ vcpu, seq, index }: PlaceAt): string {
    return `${this.options.command} --at ${vcpu}:${seq}${index === 0 ? '' : `:${index}`}`;
  }

  [Symbol.dispose](): void {
    this.#guest?.dispose();
    this.#host?.dispose();
  }
}
