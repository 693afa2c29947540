/**
 * The log of a ring decoded into columns: edges, blocks and marks in the order in which the writer
 * numbered them. Twin: the ring_log_* functions of engines/qemu/plugin/ring_writer.c.
 */
import { damagedRing, readField, readNumber, readText } from './file.ts';
import {
  BLOCK_RECORD,
  BLOCK_RECORD_BYTES,
  EDGE_RECORD,
  EDGE_RECORD_BYTES,
  GUEST_RECORD,
  GUEST_RECORD_BYTES,
  MARK_HAS,
  MARK_RECORD,
  MARK_RECORD_BYTES,
  RECORD_HEADER,
  RECORD_HEADER_BYTES,
  RECORD_TYPES,
} from './layout.ts';

export interface LogGuest {
  readonly isa: string;
  readonly bigEndian: boolean;
  readonly apiVersion: number;
  readonly system: boolean;
  /** Of a whole machine: else transfers that a trap may have made have no cause. */
  readonly tellsTraps: boolean;
}

export interface LogEdge {
  readonly edge: number;
  readonly source: bigint | null;
  readonly target: bigint;
  readonly hostSource: bigint;
  readonly hostTarget: bigint;
  readonly sourceBlock: number;
  readonly targetBlock: number;
  readonly cause: number;
  readonly kind: number;
  readonly hostHow: number;
}

export interface LogBlock {
  readonly block: number;
  readonly pc: bigint;
  readonly hostPc: bigint;
  readonly hostSize: number;
  readonly handle: bigint;
  readonly instructions: number;
  readonly instructionSizes: Uint8Array;
  readonly code: Uint8Array;
  /** Empty where it was not kept. */
  readonly hostCode: Uint8Array;
  /** A line for each instruction; null where it was not kept. */
  readonly text: string | null;
  /** NO_CODE: not known. */
  readonly privilege: number;
  readonly lastOffset: number;
  readonly bornVcpu: number;
  readonly bornSeq: number;
}

export interface LogMark {
  readonly mark: number;
  readonly vcpu: number;
  readonly seq: number;
  readonly timeNs: bigint;
  readonly kind: number;
  readonly pc: bigint | null;
  readonly number: bigint | null;
  readonly code: bigint | null;
  readonly address: bigint | null;
  readonly size: bigint | null;
  readonly detail: string | null;
}

/** What one stretch of the log holds. */
export interface LogBatch {
  readonly edges: LogEdge[];
  readonly blocks: LogBlock[];
  readonly marks: LogMark[];
  guest: LogGuest | null;
}

const decoder = new TextDecoder();

function readEdge(view: DataView, at: number): LogEdge {
  const hasSource = readNumber(view, at, EDGE_RECORD.hasSource) !== 0;
  return {
    edge: readNumber(view, at, EDGE_RECORD.edge),
    source: hasSource ? readField(view, at, EDGE_RECORD.source) : null,
    target: readField(view, at, EDGE_RECORD.target),
    hostSource: readField(view, at, EDGE_RECORD.hostSource),
    hostTarget: readField(view, at, EDGE_RECORD.hostTarget),
    sourceBlock: readNumber(view, at, EDGE_RECORD.sourceBlock),
    targetBlock: readNumber(view, at, EDGE_RECORD.targetBlock),
    cause: readNumber(view, at, EDGE_RECORD.cause),
    kind: readNumber(view, at, EDGE_RECORD.kind),
    hostHow: readNumber(view, at, EDGE_RECORD.hostHow),
  };
}

function readBlock(view: DataView, at: number, bytes: Uint8Array): LogBlock {
  const instructions = readNumber(view, at, BLOCK_RECORD.instructions);
  const size = readNumber(view, at, BLOCK_RECORD.size);
  const sizesAt = at + BLOCK_RECORD_BYTES;
  const codeAt = sizesAt + instructions;
  const hostCodeAt = codeAt + size;
  const textAt = hostCodeAt + readNumber(view, at, BLOCK_RECORD.hostCodeBytes);
  const textBytes = readNumber(view, at, BLOCK_RECORD.textBytes);
  return {
    block: readNumber(view, at, BLOCK_RECORD.block),
    pc: readField(view, at, BLOCK_RECORD.pc),
    hostPc: readField(view, at, BLOCK_RECORD.hostPc),
    hostSize: readNumber(view, at, BLOCK_RECORD.hostSize),
    handle: readField(view, at, BLOCK_RECORD.handle),
    instructions,
    instructionSizes: bytes.subarray(sizesAt, codeAt),
    code: bytes.subarray(codeAt, hostCodeAt),
    hostCode: bytes.subarray(hostCodeAt, textAt),
    text: textBytes === 0 ? null : decoder.decode(bytes.subarray(textAt, textAt + textBytes)),
    privilege: readNumber(view, at, BLOCK_RECORD.privilege),
    lastOffset: readNumber(view, at, BLOCK_RECORD.lastOffset),
    bornVcpu: readNumber(view, at, BLOCK_RECORD.bornVcpu),
    bornSeq: readNumber(view, at, BLOCK_RECORD.bornSeq),
  };
}

function readMark(view: DataView, at: number, bytes: Uint8Array): LogMark {
  const has = readNumber(view, at, MARK_RECORD.has);
  const detailAt = at + MARK_RECORD_BYTES;
  const detailEnd = detailAt + readNumber(view, at, MARK_RECORD.detailBytes);
  const value = (bit: number, field: (typeof MARK_RECORD)[keyof typeof MARK_RECORD]) =>
    (has & bit) === 0 ? null : readField(view, at, field);
  return {
    mark: readNumber(view, at, MARK_RECORD.mark),
    vcpu: readNumber(view, at, MARK_RECORD.vcpu),
    seq: readNumber(view, at, MARK_RECORD.seq),
    timeNs: readField(view, at, MARK_RECORD.timeNs),
    kind: readNumber(view, at, MARK_RECORD.kind),
    pc: value(MARK_HAS.pc, MARK_RECORD.pc),
    number: value(MARK_HAS.number, MARK_RECORD.number),
    code: value(MARK_HAS.code, MARK_RECORD.code),
    address: value(MARK_HAS.address, MARK_RECORD.address),
    size: value(MARK_HAS.size, MARK_RECORD.size),
    detail:
      (has & MARK_HAS.detail) === 0 ? null : decoder.decode(bytes.subarray(detailAt, detailEnd)),
  };
}

const RECORD_BYTES_MIN: Readonly<Record<(typeof RECORD_TYPES)[number], number>> = {
  padding: RECORD_HEADER_BYTES,
  edge: EDGE_RECORD_BYTES,
  block: BLOCK_RECORD_BYTES,
  mark: MARK_RECORD_BYTES,
  guest: GUEST_RECORD_BYTES,
};

/**
 * Decodes whole records; views into `bytes`, which must stay as they are.
 * @throws BacktrailError E_RING_DAMAGED if a record is of no known type or does not fit.
 */
export function decodeLog(bytes: Uint8Array): LogBatch {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const batch: LogBatch = { edges: [], blocks: [], marks: [], guest: null };
  let at = 0;
  while (at < bytes.byteLength) {
    const left = bytes.byteLength - at;
    const type = left < 8 ? undefined : RECORD_TYPES[readNumber(view, at, RECORD_HEADER.type)];
    const size = type === undefined ? 0 : readNumber(view, at, RECORD_HEADER.bytes);
    if (type === undefined || size < RECORD_BYTES_MIN[type] || size % 8 !== 0 || size > left) {
      throw damagedRing(
        `found a log record of ${size} bytes at byte ${at}, expected one of a known type that ` +
          `fits into ${left} bytes`,
      );
    }
    if (type === 'edge') batch.edges.push(readEdge(view, at));
    else if (type === 'block') batch.blocks.push(readBlock(view, at, bytes));
    else if (type === 'mark') batch.marks.push(readMark(view, at, bytes));
    else if (type === 'guest') {
      batch.guest = {
        isa: readText(bytes, at, GUEST_RECORD.isa),
        bigEndian: readNumber(view, at, GUEST_RECORD.bigEndian) !== 0,
        apiVersion: readNumber(view, at, GUEST_RECORD.apiVersion),
        system: readNumber(view, at, GUEST_RECORD.system) !== 0,
        tellsTraps: readNumber(view, at, GUEST_RECORD.tellsTraps) !== 0,
      };
    }
    at += size;
  }
  return batch;
}
