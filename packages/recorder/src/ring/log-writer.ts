/**
 * The writer's side of the log, in memory: records that never wrap, committed by moving `logHead`.
 * Twin: the ring_log_* functions of engines/qemu/plugin/ring_writer.c. Reader: log.ts.
 */
import { writeField } from './file.ts';
import {
  BLOCK_RECORD,
  BLOCK_RECORD_BYTES,
  EDGE_RECORD,
  EDGE_RECORD_BYTES,
  type Field,
  GUEST_RECORD,
  GUEST_RECORD_BYTES,
  MARK_HAS,
  MARK_RECORD,
  MARK_RECORD_BYTES,
  NO_NUMBER,
  RECORD_HEADER,
  RECORD_TYPES,
} from './layout.ts';
import { NO_CODE } from './words.ts';

export interface NewEdge {
  readonly edge: number;
  readonly source: bigint | null;
  readonly target: bigint;
  readonly cause: number;
  readonly kind: number | null;
  readonly sourceBlock: number | null;
  readonly targetBlock: number | null;
  /** 0: none. */
  readonly hostSource: bigint;
  readonly hostTarget: bigint;
  readonly hostHow: number | null;
}

export interface NewBlock {
  readonly block: number;
  readonly pc: bigint;
  readonly instructionSizes: Uint8Array;
  readonly code: Uint8Array;
  readonly hostPc: bigint;
  readonly hostSize: number;
  /** Empty: not kept. */
  readonly hostCode: Uint8Array;
  /** NO_CODE: not known. */
  readonly privilege: number;
  readonly bornVcpu: number;
  readonly bornSeq: number;
}

export interface NewMark {
  readonly vcpu: number;
  readonly seq: number;
  readonly kind: number;
  readonly pc?: bigint | undefined;
  readonly number?: bigint | undefined;
  readonly code?: bigint | undefined;
  readonly address?: bigint | undefined;
  readonly size?: bigint | undefined;
  readonly detail?: string | undefined;
}

const up8 = (bytes: number): number => (bytes + 7) & ~7;

/** Room in the log, and the moment when it becomes visible. */
export interface LogSpace {
  /** Where a record of this many bytes begins, in `view`; -1: recording has stopped. */
  begin(bytes: number): number;
  commit(bytes: number): void;
  readonly view: DataView;
  readonly bytes: Uint8Array;
}

export class LogWriter {
  readonly #space: LogSpace;
  #marks = 0;

  constructor(space: LogSpace) {
    this.#space = space;
  }

  /** A record with its header, all else 0; -1 if there is none. */
  #begin(type: (typeof RECORD_TYPES)[number], size: number): number {
    const bytes = up8(size);
    const at = this.#space.begin(bytes);
    if (at < 0) return -1;
    this.#space.bytes.fill(0, at, at + bytes);
    this.#number(at, RECORD_HEADER.type, RECORD_TYPES.indexOf(type));
    this.#number(at, RECORD_HEADER.bytes, bytes);
    return at;
  }

  #commit(size: number): void {
    this.#space.commit(up8(size));
  }

  #number(at: number, field: Field, value: number): void {
    if (field.type === 'u32') this.#space.view.setUint32(at + field.at, value, true);
    else writeField(this.#space.view, at, field, BigInt(value));
  }

  #word(at: number, field: Field, value: bigint): void {
    writeField(this.#space.view, at, field, value);
  }

  guest(isa: string, isMachine: boolean): boolean {
    const at = this.#begin('guest', GUEST_RECORD_BYTES);
    if (at < 0) return false;
    this.#space.bytes.set(new TextEncoder().encode(isa), at + GUEST_RECORD.isa.at);
    this.#number(at, GUEST_RECORD.system, isMachine ? 1 : 0);
    this.#number(at, GUEST_RECORD.tellsTraps, isMachine ? 1 : 0);
    this.#commit(GUEST_RECORD_BYTES);
    return true;
  }

  /** False: recording has stopped, the edge has no number. */
  edge(edge: NewEdge): boolean {
    const at = this.#begin('edge', EDGE_RECORD_BYTES);
    if (at < 0) return false;
    this.#word(at, EDGE_RECORD.source, edge.source ?? 0n);
    this.#word(at, EDGE_RECORD.target, edge.target);
    this.#word(at, EDGE_RECORD.hostSource, edge.hostSource);
    this.#word(at, EDGE_RECORD.hostTarget, edge.hostTarget);
    this.#number(at, EDGE_RECORD.edge, edge.edge);
    this.#number(at, EDGE_RECORD.sourceBlock, edge.sourceBlock ?? NO_NUMBER);
    this.#number(at, EDGE_RECORD.targetBlock, edge.targetBlock ?? NO_NUMBER);
    this.#number(at, EDGE_RECORD.cause, edge.cause);
    this.#number(at, EDGE_RECORD.kind, edge.kind ?? NO_CODE);
    this.#number(at, EDGE_RECORD.hostHow, edge.hostHow ?? NO_CODE);
    this.#number(at, EDGE_RECORD.hasSource, edge.source === null ? 0 : 1);
    this.#commit(EDGE_RECORD_BYTES);
    return true;
  }

  block(block: NewBlock): boolean {
    const { instructionSizes, code, hostCode } = block;
    const instructions = instructionSizes.length;
    const size = BLOCK_RECORD_BYTES + instructions + code.length + hostCode.length;
    const at = this.#begin('block', size);
    if (at < 0) return false;
    this.#word(at, BLOCK_RECORD.pc, block.pc);
    this.#word(at, BLOCK_RECORD.hostPc, block.hostPc);
    this.#number(at, BLOCK_RECORD.bornSeq, block.bornSeq);
    // Nobody asks a slot of this engine for its block: `prev` is never 1 more than a number.
    this.#number(at, BLOCK_RECORD.handle, block.block + 1);
    this.#number(at, BLOCK_RECORD.block, block.block);
    this.#number(at, BLOCK_RECORD.bornVcpu, block.bornVcpu);
    this.#number(at, BLOCK_RECORD.size, code.length);
    this.#number(at, BLOCK_RECORD.instructions, instructions);
    this.#number(at, BLOCK_RECORD.hostSize, block.hostSize);
    this.#number(at, BLOCK_RECORD.lastOffset, code.length - (instructionSizes.at(-1) ?? 0));
    this.#number(at, BLOCK_RECORD.hostCodeBytes, hostCode.length);
    this.#number(at, BLOCK_RECORD.privilege, block.privilege);
    let tail = at + BLOCK_RECORD_BYTES;
    for (const part of [instructionSizes, code, hostCode]) {
      this.#space.bytes.set(part, tail);
      tail += part.length;
    }
    this.#commit(size);
    return true;
  }

  mark(mark: NewMark): boolean {
    const detail = new TextEncoder().encode(mark.detail ?? '');
    const size = MARK_RECORD_BYTES + detail.length;
    const at = this.#begin('mark', size);
    if (at < 0) return false;
    this.#number(at, MARK_RECORD.seq, mark.seq);
    this.#word(at, MARK_RECORD.timeNs, process.hrtime.bigint());
    let has = mark.detail === undefined ? 0 : MARK_HAS.detail;
    for (const name of ['pc', 'number', 'code', 'address', 'size'] as const) {
      const value = mark[name];
      if (value === undefined) continue;
      this.#word(at, MARK_RECORD[name], value);
      has |= MARK_HAS[name];
    }
    this.#number(at, MARK_RECORD.vcpu, mark.vcpu);
    this.#number(at, MARK_RECORD.mark, this.#marks++);
    this.#number(at, MARK_RECORD.detailBytes, detail.length);
    this.#number(at, MARK_RECORD.kind, mark.kind);
    this.#number(at, MARK_RECORD.has, has);
    this.#space.bytes.set(detail, at + MARK_RECORD_BYTES);
    this.#commit(size);
    return true;
  }
}
