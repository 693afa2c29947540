/**
 * Numbers of blocks and edges, and what was logged of them. A number is given once; it is logged
 * before any word with it can be stored.
 */
import type { LogWriter } from '../../../ring/log-writer.ts';
import { HOST_HOW, KIND, NO_CODE } from '../../../ring/words.ts';
import type { TransferKind } from '../translate/region.ts';

/** In place of a number: recording has stopped. It is stored where nobody reads. */
export const NOT_RECORDED = 0xffff_fffe;

export interface BlockFacts {
  readonly pc: number;
  readonly instructionSizes: Uint8Array;
  readonly code: Uint8Array;
  readonly hostPc: bigint;
  readonly hostSize: number;
  readonly hostCode: Uint8Array;
}

export interface EdgeFacts {
  readonly source: bigint | null;
  readonly target: bigint;
  readonly cause: number;
  readonly kind: number | null;
  readonly sourceBlock: number | null;
  readonly targetBlock: number | null;
  readonly hostSource: bigint;
  readonly hostTarget: bigint;
  readonly hostHow: number | null;
  /**
   * Whether the instruction at the source has run; not that of a fault or of what was preempted.
   */
  readonly retired: boolean;
}

const EMPTY_COUNT = 4096;

/** A growing column of numbers. */
class Column {
  #values = new Float64Array(EMPTY_COUNT);

  get(at: number): number {
    return this.#values[at] ?? 0;
  }

  set(at: number, value: number): void {
    if (at >= this.#values.length) {
      const grown = new Float64Array(this.#values.length * 2);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[at] = value;
  }
}

/** Where a block is in host code: module number and byte offset; 0: nowhere. */
export const hostAddress = (module: number, offset: number): bigint =>
  module === 0 ? 0n : (BigInt(module) << 32n) | BigInt(offset);

/** Code of a kind, and of a way through host code. */
export const kindCode = (kind: TransferKind | 'trap-return'): number => KIND[kind];
export const howCode = (how: keyof typeof HOST_HOW): number => HOST_HOW[how];

export class Names {
  readonly #log: LogWriter;
  #blocks = 0;
  #edges = 0;
  readonly #blockHost: bigint[] = [];
  /** By edge: where it leads, and where it leaves; -1 for the start of a vCPU. */
  readonly #target = new Column();
  readonly #source = new Column();
  readonly #retired = new Column();
  /** Block where it arrives, plus 1; 0: none. */
  readonly #targetBlock = new Column();
  /** Edges by what makes them distinct, for those that are named one by one. */
  readonly #known = new Map<string, number>();

  constructor(log: LogWriter) {
    this.#log = log;
  }

  /** Numbers for blocks that will be told by `tellBlock` in this order. */
  nextBlock(): number {
    return this.#blocks++;
  }

  nextEdge(): number {
    return this.#edges++;
  }

  /** Logs a block under a number of `nextBlock`. */
  tellBlock(block: number, facts: BlockFacts, bornVcpu: number, bornSeq: number): void {
    this.#blockHost[block] = facts.hostPc;
    // One block may run at several levels: which, it does not tell.
    const privilege = NO_CODE;
    this.#log.block({ block, ...facts, pc: BigInt(facts.pc), privilege, bornVcpu, bornSeq });
  }

  /** Logs an edge under a number of `nextEdge`; false: recording has stopped. */
  tellEdge(edge: number, facts: EdgeFacts): boolean {
    this.#target.set(edge, Number(facts.target));
    this.#source.set(edge, facts.source === null ? -1 : Number(facts.source));
    this.#retired.set(edge, facts.retired ? 1 : 0);
    this.#targetBlock.set(edge, (facts.targetBlock ?? -1) + 1);
    return this.#log.edge({ edge, ...facts });
  }

  /** The number of an edge like this one, new or known; NOT_RECORDED once recording has stopped. */
  edge(facts: Omit<EdgeFacts, 'hostTarget'>): number {
    const { source, target, cause, kind, sourceBlock, targetBlock, hostSource } = facts;
    const key = `${source} ${target} ${cause} ${kind} ${sourceBlock} ${targetBlock} ${hostSource}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const hostTarget = targetBlock === null ? 0n : (this.#blockHost[targetBlock] ?? 0n);
    const edge = this.#edges;
    if (!this.tellEdge(edge, { ...facts, hostTarget })) return NOT_RECORDED;
    this.#edges++;
    this.#known.set(key, edge);
    return edge;
  }

  hostOf(block: number): bigint {
    return this.#blockHost[block] ?? 0n;
  }

  target(edge: number): number {
    return this.#target.get(edge);
  }

  /** -1: none. */
  source(edge: number): number {
    return this.#source.get(edge);
  }

  /** -1: none. */
  targetBlock(edge: number): number {
    return this.#targetBlock.get(edge) - 1;
  }

  retired(edge: number): boolean {
    return this.#retired.get(edge) === 1;
  }
}
