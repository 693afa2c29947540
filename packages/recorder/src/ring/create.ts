/** A new ring: its shape from one size, its header, and whether there is room for it. */
import {
  closeSync,
  ftruncateSync,
  openSync,
  rmSync,
  type StatsFs,
  statfsSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { BacktrailError } from '../errors.ts';
import { writeField } from './file.ts';
import {
  HEADER,
  HEADER_BYTES,
  PAGE_BYTES,
  RING_MAGIC,
  RING_VERSION,
  type RingShape,
  ringOffsets,
} from './layout.ts';
import { processStart } from './process.ts';

export interface RingOptions {
  readonly shape: RingShape;
  readonly keep: 'all' | 'last';
  /** 0: no limit. */
  readonly maxTransfers: number;
  /** Absolute path, less than 3,072 bytes of UTF-8. */
  readonly traceDirectory: string;
}

const MIB = 1 << 20;
const SEGMENT_BYTES_MAX = MIB;
const SEGMENTS_MIN = 2;
const SEGMENTS_WANTED = 16;
const VCPU_SLOTS = 1024;
const LOG_BYTES = 16 * MIB;

/** @throws BacktrailError E_RING_SIZE */
export function checkRingBytes(bytes: number): void {
  const least = SEGMENTS_MIN * PAGE_BYTES;
  if (bytes >= least) return;
  throw new BacktrailError(
    'E_RING_SIZE',
    `--ring: found ${bytes} bytes, expected at least ${least}. ` +
      'Give a larger size, e.g. --ring 64M.',
  );
}

/** The shape of a ring whose segments take `bytes` in all: 1 MiB segments, smaller below 16 MiB. */
export function ringShape(bytes: number): RingShape {
  const wanted = Math.floor(bytes / SEGMENTS_WANTED / PAGE_BYTES) * PAGE_BYTES;
  const segmentBytes = Math.min(SEGMENT_BYTES_MAX, Math.max(PAGE_BYTES, wanted));
  return {
    segmentTransfers: segmentBytes / 4,
    segmentBudget: Math.max(SEGMENTS_MIN, Math.floor(bytes / segmentBytes)),
    vcpuSlots: VCPU_SLOTS,
    logBytes: LOG_BYTES,
  };
}

/** What a ring of this shape may take of /dev/shm: its segments, the log and the tables. */
function bytesNeeded(shape: RingShape): number {
  const offsets = ringOffsets(shape);
  return offsets.dataOffset + (shape.segmentBudget + 1) * shape.segmentTransfers * 4;
}

function freeSpace(path: string): StatsFs {
  try {
    return statfsSync(dirname(path));
  } catch (error) {
    throw ringFileError(path, error);
  }
}

/** @throws BacktrailError E_RING_FILE; E_RING_SPACE if there is less room than it may take. */
export function checkSpace(path: string, shape: RingShape): void {
  const needed = bytesNeeded(shape);
  const { bavail, bsize } = freeSpace(path);
  if (bavail * bsize >= needed) return;
  throw new BacktrailError(
    'E_RING_SPACE',
    `${dirname(path)}: found ${Math.floor((bavail * bsize) / MIB)} MiB free, expected ` +
      `${Math.ceil(needed / MIB)} MiB for the ring. Free some, or use a smaller --ring.`,
  );
}

const REMEDIES: Readonly<Record<string, string>> = {
  EFBIG:
    'a limit on the size of files (RLIMIT_FSIZE), expected none below that of the ring, however ' +
    'little of it is used. Raise it: ulimit -f unlimited',
  EMFILE:
    'no more files that this process may open (RLIMIT_NOFILE), expected 64 or more. Raise it: ' +
    'ulimit -n 1024',
  ENOENT: 'no such folder, expected shared memory. Run: mount -t tmpfs tmpfs /dev/shm',
  ENOSPC: 'no room, expected some for the ring. Free some, or use a smaller --ring.',
};

/** Why there is no ring, as one line with its remedy. */
function ringFileError(path: string, error: unknown): BacktrailError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'an error';
  const found = REMEDIES[code] ?? `${code}, expected to make a file there. Check who owns it.`;
  return new BacktrailError('E_RING_FILE', `${path}: cannot make the ring: found ${found}`, {
    cause: error,
  });
}

/** @throws BacktrailError E_RING_FILE; no file is left then. */
export function newRingFile(path: string, header: Uint8Array, fileBytes: number): void {
  try {
    const fd = openSync(path, 'wx', 0o600);
    try {
      ftruncateSync(fd, fileBytes);
      writeSync(fd, header, 0, header.byteLength, 0);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    rmSync(path, { force: true });
    throw ringFileError(path, error);
  }
}

/** The first 4,096 bytes of a new ring. @throws BacktrailError E_PATH_LONG. */
export function newHeader(options: RingOptions): Uint8Array<ArrayBuffer> {
  const { shape } = options;
  const offsets = ringOffsets(shape);
  const bytes = new Uint8Array(HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  const pid = process.pid;
  const values = {
    magic: RING_MAGIC,
    version: BigInt(RING_VERSION),
    keep: options.keep === 'all' ? 0n : 1n,
    segmentTransfers: BigInt(shape.segmentTransfers),
    segmentBudget: BigInt(shape.segmentBudget),
    segmentSlots: BigInt(offsets.segmentSlots),
    vcpuSlots: BigInt(shape.vcpuSlots),
    logBytes: BigInt(shape.logBytes),
    vcpuOffset: BigInt(offsets.vcpuOffset),
    queueOffset: BigInt(offsets.queueOffset),
    segmentOffset: BigInt(offsets.segmentOffset),
    logOffset: BigInt(offsets.logOffset),
    dataOffset: BigInt(offsets.dataOffset),
    fileBytes: BigInt(offsets.fileBytes),
    maxTransfers: BigInt(options.maxTransfers),
    recorderPid: BigInt(pid),
    recorderStart: processStart(pid) ?? 0n,
    drainedCheck: ~0n,
    logTailCheck: ~0n,
  };
  for (const [name, value] of Object.entries(values)) {
    writeField(view, 0, HEADER[name as keyof typeof values], value);
  }
  const directory = new TextEncoder().encode(options.traceDirectory);
  const field = HEADER.traceDirectory;
  if (directory.byteLength >= field.bytes) {
    throw new BacktrailError(
      'E_PATH_LONG',
      `${options.traceDirectory}: found ${directory.byteLength} bytes, expected less than ` +
        `${field.bytes}. Use a shorter -o DIR.`,
    );
  }
  bytes.set(directory, field.at);
  return bytes;
}
