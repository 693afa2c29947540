/**
 * The bytes of a ring file. This table is the only source: ring.ts reads and writes through it,
 * and `npm run gen` renders engines/qemu/plugin/ring_layout.h from it (a test fails when that is
 * stale).
 *
 *   0        header            4,096   two halves: words the writer owns, words the recorder owns
 *   4,096    vCPU slots        VCPU_SLOTS × 128
 *   …        queue             segmentSlots × 4     segment slot numbers in order of publication
 *   …        segment headers   segmentSlots × 64
 *   …        log               logBytes             circular: blocks, edges, marks
 *   …        segment data      segmentSlots × segmentTransfers × 4
 *
 * Every region starts on a 4,096-byte page. All numbers are little-endian: ring and recorder live
 * on one machine. Every word has ONE writer; docs/ring.md gives the protocol and its guarantees.
 */
import assert from 'node:assert/strict';

export const RING_MAGIC = 0x474e4952_4b434142n; // "BACKRING", as bytes in the file
export const RING_VERSION = 5;
export const PAGE_BYTES = 4096;

export type FieldType = 'u8' | 'u32' | 'u64' | 'i64' | 'text';
export interface Field {
  readonly at: number;
  readonly type: FieldType;
  /** Only for `text`: capacity in bytes, NUL included. */
  readonly bytes?: number;
  readonly says: string;
}

const FIELD_BYTES = { u8: 1, u32: 4, u64: 8, i64: 8 } as const;

export function fieldBytes(field: Field): number {
  return field.type === 'text' ? (field.bytes ?? 0) : FIELD_BYTES[field.type];
}

export const HEADER_BYTES = 4096;
export const HEADER = {
  magic: { at: 0, type: 'u64', says: 'RING_MAGIC' },
  version: { at: 8, type: 'u32', says: 'RING_VERSION' },
  keep: { at: 12, type: 'u32', says: '0 all: the guest waits; 1 last: the oldest is reused' },
  segmentTransfers: { at: 16, type: 'u32', says: 'transfers a segment holds' },
  segmentBudget: { at: 20, type: 'u32', says: 'published segments that may wait to be drained' },
  segmentSlots: { at: 24, type: 'u32', says: 'segmentBudget + vcpuSlots' },
  vcpuSlots: { at: 28, type: 'u32', says: 'vCPUs that can be recorded at one time' },
  logBytes: { at: 32, type: 'u64', says: 'capacity of the log, a power of two' },
  vcpuOffset: { at: 40, type: 'u64', says: 'file offset of the vCPU slots' },
  queueOffset: { at: 48, type: 'u64', says: 'file offset of the queue' },
  segmentOffset: { at: 56, type: 'u64', says: 'file offset of the segment headers' },
  logOffset: { at: 64, type: 'u64', says: 'file offset of the log' },
  dataOffset: { at: 72, type: 'u64', says: 'file offset of the segment data' },
  fileBytes: { at: 80, type: 'u64', says: 'size of the ring file' },
  maxTransfers: { at: 88, type: 'u64', says: 'stop recording after so many; 0 never' },
  recorderPid: { at: 96, type: 'u64', says: 'process that drains' },
  recorderStart: { at: 104, type: 'u64', says: 'its start time, field 22 of /proc/PID/stat' },

  writerPid: { at: 256, type: 'u64', says: 'process that records; 0 until it attached' },
  writerStart: { at: 264, type: 'u64', says: 'its start time, as above' },
  published: { at: 272, type: 'u64', says: 'segments published, ever' },
  oldest: { at: 280, type: 'u64', says: 'keep last: published segments reused, ever' },
  overwritten: { at: 288, type: 'u64', says: 'keep last: transfers in those' },
  logHead: { at: 296, type: 'u64', says: 'log bytes committed, ever' },
  waitNs: { at: 304, type: 'u64', says: 'time vCPUs waited for the recorder, ns' },
  stopped: { at: 312, type: 'u64', says: 'why recording stopped, a STOP_REASONS index' },
  unrecorded: { at: 320, type: 'u64', says: 'transfers of ended vCPUs after the stop' },
  vcpusUnrecorded: { at: 328, type: 'u64', says: 'vCPUs that found no slot' },
  vcpus: { at: 336, type: 'u64', says: 'vCPUs seen, ever: the next vCPU number' },
  forks: { at: 344, type: 'u64', says: 'forks of the guest' },
  ended: { at: 352, type: 'u64', says: '1 once the exit hook of the writer ran' },
  instructionsAtStop: { at: 360, type: 'u64', says: 'as in the vCPU slot, of ended vCPUs' },
  children: { at: 368, type: 'u64', says: 'rings made for forked children, numbered from 0' },
  parentPid: { at: 376, type: 'u64', says: 'process that forked this one; 0: it was started' },
  exitStatus: { at: 384, type: 'u64', says: '1 + what the guest asked to exit with; 0 unknown' },

  drained: { at: 512, type: 'u64', says: 'keep all: segments the recorder has on disk, ever' },
  drainedCheck: { at: 520, type: 'u64', says: 'bitwise complement of drained' },
  logTail: { at: 528, type: 'u64', says: 'log bytes the recorder has on disk, ever' },
  logTailCheck: { at: 536, type: 'u64', says: 'bitwise complement of logTail' },
  recorderGone: { at: 544, type: 'u64', says: '1 once the recorder stopped draining on purpose' },
  stopRequest: { at: 552, type: 'u64', says: '1 once a trigger came: no more is to be recorded' },
  startRequest: { at: 560, type: 'u64', says: '1 once a recording that waits is to begin' },
  stopAsked: { at: 568, type: 'u64', says: '1 once the recorder is to end the recording' },

  traceDirectory: { at: 1024, type: 'text', bytes: 3072, says: 'absolute path of the trace' },
} as const satisfies Record<string, Field>;

export const VCPU_SLOT_BYTES = 128;
/** State of one vCPU, written by it alone: what a kill leaves is read from here. */
export const VCPU_SLOT = {
  prev: { at: 0, type: 'u64', says: 'handle of the block it is in' },
  instructions: { at: 8, type: 'u64', says: 'instructions retired before that block' },
  write: { at: 16, type: 'u64', says: 'writer-side address of the next transfer' },
  limit: { at: 24, type: 'u64', says: 'writer-side address after the last one' },
  settled: { at: 32, type: 'u64', says: 'write + instructions, stored after these and prev' },
  data: { at: 40, type: 'u64', says: 'writer-side address of the first transfer' },
  firstSeq: { at: 48, type: 'u64', says: 'seq of the first transfer of the open segment' },
  instructionsBefore: { at: 56, type: 'u64', says: 'as in the segment header' },
  timeFirstNs: { at: 64, type: 'u64', says: 'as in the segment header' },
  segment: { at: 72, type: 'u32', says: 'segment slot that is open' },
  open: { at: 76, type: 'u32', says: '1 while segment, firstSeq, data, write belong together' },
  vcpu: { at: 80, type: 'u32', says: 'vCPU number' },
  live: { at: 84, type: 'u32', says: '1 from the start of the vCPU to its end' },
  unrecorded: { at: 88, type: 'u64', says: 'transfers after recording stopped' },
  inSyscall: {
    at: 96,
    type: 'u64',
    says: '1 while the last instruction of prev is a call running',
  },
  instructionsAtStop: { at: 104, type: 'u64', says: 'instructions when its recording stopped' },
  reserved: { at: 112, type: 'text', bytes: 16, says: 'private to the writer' },
} as const satisfies Record<string, Field>;

export const SEGMENT_HEADER_BYTES = 64;
export const SEGMENT_HEADER = {
  firstSeq: { at: 0, type: 'u64', says: 'seq of its first transfer' },
  instructionsBefore: { at: 8, type: 'u64', says: 'instructions retired when that landed' },
  timeFirstNs: { at: 16, type: 'u64', says: 'monotonic clock when it was opened' },
  timeLastNs: { at: 24, type: 'u64', says: 'monotonic clock when it was published' },
  vcpu: { at: 32, type: 'u32', says: 'vCPU number' },
  rows: { at: 36, type: 'u32', says: 'transfers in it' },
} as const satisfies Record<string, Field>;

/** A log record begins on 8 bytes, never wraps, and is followed by the next. */
export const RECORD_HEADER_BYTES = 8;
export const RECORD_HEADER = {
  type: { at: 0, type: 'u32', says: 'a RECORD_TYPES index' },
  bytes: { at: 4, type: 'u32', says: 'size with this header, a multiple of 8' },
} as const satisfies Record<string, Field>;

/** `padding` fills the log to its end when the next record does not fit before it. */
export const RECORD_TYPES = ['padding', 'edge', 'block', 'mark', 'guest'] as const;

export const EDGE_RECORD_BYTES = 56;
export const EDGE_RECORD = {
  source: { at: 8, type: 'u64', says: '' },
  target: { at: 16, type: 'u64', says: '' },
  hostSource: { at: 24, type: 'u64', says: '0 none' },
  hostTarget: { at: 32, type: 'u64', says: '0 unknown' },
  edge: { at: 40, type: 'u32', says: 'number, rising by one' },
  sourceBlock: { at: 44, type: 'u32', says: 'NO_NUMBER none' },
  targetBlock: { at: 48, type: 'u32', says: 'NO_NUMBER none' },
  cause: { at: 52, type: 'u8', says: 'index into CAUSES, NO_CODE unknown' },
  kind: { at: 53, type: 'u8', says: 'index into KINDS, NO_CODE none' },
  hostHow: { at: 54, type: 'u8', says: 'index into HOST_HOWS, NO_CODE unknown' },
  hasSource: { at: 55, type: 'u8', says: '0 or 1' },
} as const satisfies Record<string, Field>;

/**
 * Followed by instructions × 1, size, hostCodeBytes, textBytes bytes: instruction sizes, code, host
 * code, and a line of UTF-8 for each instruction.
 */
export const BLOCK_RECORD_BYTES = 80;
export const BLOCK_RECORD = {
  pc: { at: 8, type: 'u64', says: 'guest address' },
  hostPc: { at: 16, type: 'u64', says: '0 unknown' },
  bornSeq: { at: 24, type: 'u64', says: '' },
  handle: { at: 32, type: 'u64', says: 'what a vCPU slot calls it in prev' },
  block: { at: 40, type: 'u32', says: 'number, rising by one' },
  bornVcpu: { at: 44, type: 'u32', says: '' },
  size: { at: 48, type: 'u32', says: 'guest code bytes' },
  instructions: { at: 52, type: 'u32', says: '' },
  hostSize: { at: 56, type: 'u32', says: 'bytes of host code at hostPc' },
  lastOffset: { at: 60, type: 'u32', says: 'of the last instruction from pc, bytes' },
  hostCodeBytes: { at: 64, type: 'u32', says: 'of them, how many follow: all or none' },
  textBytes: { at: 68, type: 'u32', says: '0: no text' },
  privilege: { at: 72, type: 'u32', says: 'the level in numbers of the ISA, NO_CODE unknown' },
} as const satisfies Record<string, Field>;

/** Followed by detailBytes bytes of UTF-8. */
export const MARK_RECORD_BYTES = 88;
export const MARK_RECORD = {
  seq: { at: 8, type: 'u64', says: '' },
  timeNs: { at: 16, type: 'u64', says: '' },
  pc: { at: 24, type: 'u64', says: '' },
  number: { at: 32, type: 'i64', says: '' },
  code: { at: 40, type: 'i64', says: '' },
  address: { at: 48, type: 'u64', says: '' },
  size: { at: 56, type: 'u64', says: '' },
  vcpu: { at: 64, type: 'u32', says: '' },
  mark: { at: 68, type: 'u32', says: 'number, rising by one' },
  detailBytes: { at: 72, type: 'u32', says: '' },
  kind: { at: 76, type: 'u32', says: 'index into MARK_KINDS' },
  has: { at: 80, type: 'u32', says: 'MARK_HAS_* bits: which values are given' },
  unused: { at: 84, type: 'u32', says: '0' },
} as const satisfies Record<string, Field>;
export const MARK_HAS = { pc: 1, number: 2, code: 4, address: 8, size: 16, detail: 32 } as const;

export const GUEST_RECORD_BYTES = 56;
export const GUEST_RECORD = {
  isa: { at: 8, type: 'text', bytes: 32, says: 'the name QEMU gives the guest' },
  bigEndian: { at: 40, type: 'u32', says: '' },
  apiVersion: { at: 44, type: 'u32', says: 'plugin interface in use' },
  system: { at: 48, type: 'u32', says: '1 whole machine, 0 one program' },
  tellsTraps: { at: 52, type: 'u32', says: '1 whole machine whose traps are told' },
} as const satisfies Record<string, Field>;

export const NO_NUMBER = 0xffff_ffff;

/** Why the writer stopped recording. Each is told in the manifest in these words. */
export const STOP_REASONS = [
  'running',
  'max-transfers',
  'recorder-gone',
  'no-space',
  'edges-full',
  'trigger',
  'asked',
] as const;
export type StopReason = (typeof STOP_REASONS)[number];

/** Every group with its size, for the assertions below and for the C header. */
export const GROUPS: readonly {
  readonly name: string;
  readonly bytes: number;
  readonly fields: Readonly<Record<string, Field>>;
}[] = [
  { name: 'header', bytes: HEADER_BYTES, fields: HEADER },
  { name: 'vcpu', bytes: VCPU_SLOT_BYTES, fields: VCPU_SLOT },
  { name: 'segment', bytes: SEGMENT_HEADER_BYTES, fields: SEGMENT_HEADER },
  { name: 'record', bytes: RECORD_HEADER_BYTES, fields: RECORD_HEADER },
  { name: 'edge_record', bytes: EDGE_RECORD_BYTES, fields: EDGE_RECORD },
  { name: 'block_record', bytes: BLOCK_RECORD_BYTES, fields: BLOCK_RECORD },
  { name: 'mark_record', bytes: MARK_RECORD_BYTES, fields: MARK_RECORD },
  { name: 'guest_record', bytes: GUEST_RECORD_BYTES, fields: GUEST_RECORD },
];

for (const group of GROUPS) {
  let end = 0;
  for (const [name, field] of Object.entries(group.fields)) {
    const bytes = fieldBytes(field);
    const alignment = field.type === 'text' ? 1 : bytes;
    assert.ok(field.at >= end, `${group.name}.${name} at ${field.at} overlaps byte ${end - 1}`);
    assert.equal(field.at % alignment, 0, `${group.name}.${name} at ${field.at} is not aligned`);
    end = field.at + bytes;
  }
  assert.ok(end <= group.bytes, `${group.name} ends at ${end}, its size is ${group.bytes}`);
}
assert.ok(VCPU_SLOT.prev.at === 0 && VCPU_SLOT_BYTES === 128, 'two cache lines, hot words first');

/** Sizes of one ring, all derived from three numbers. */
export interface RingShape {
  readonly segmentTransfers: number;
  readonly segmentBudget: number;
  readonly vcpuSlots: number;
  readonly logBytes: number;
}

export interface RingOffsets {
  readonly segmentSlots: number;
  readonly vcpuOffset: number;
  readonly queueOffset: number;
  readonly segmentOffset: number;
  readonly logOffset: number;
  readonly dataOffset: number;
  readonly fileBytes: number;
}

const pageUp = (bytes: number): number => Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;

/** Where the regions of a ring of this shape lie. */
export function ringOffsets(shape: RingShape): RingOffsets {
  const segmentSlots = shape.segmentBudget + shape.vcpuSlots;
  const vcpuOffset = HEADER_BYTES;
  const queueOffset = vcpuOffset + pageUp(shape.vcpuSlots * VCPU_SLOT_BYTES);
  const segmentOffset = queueOffset + pageUp(segmentSlots * 4);
  const logOffset = segmentOffset + pageUp(segmentSlots * SEGMENT_HEADER_BYTES);
  const dataOffset = logOffset + pageUp(shape.logBytes);
  const fileBytes = dataOffset + segmentSlots * shape.segmentTransfers * 4;
  return {
    segmentSlots,
    vcpuOffset,
    queueOffset,
    segmentOffset,
    logOffset,
    dataOffset,
    fileBytes,
  };
}
