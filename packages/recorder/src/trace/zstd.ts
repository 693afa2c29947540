/**
 * The compression of every buffer in a trace: zstd, one frame a buffer. Each frame states its
 * content size and ends with a checksum, so that a flipped bit is found when it is read. Edge
 * numbers are compressed by encoder/, all else at level 1 here.
 */
import {
  constants,
  createZstdCompress,
  createZstdDecompress,
  zstdCompressSync,
  zstdDecompressSync,
} from 'node:zlib';

/**
 * What level 1 is for 512 KiB, spelled out: with the level alone zstd chooses other sizes of its
 * tables for each size of content, and allocates them anew.
 */
const PARAMETERS = {
  [constants.ZSTD_c_compressionLevel]: 1,
  [constants.ZSTD_c_strategy]: constants.ZSTD_fast,
  [constants.ZSTD_c_windowLog]: 19,
  [constants.ZSTD_c_hashLog]: 14,
  [constants.ZSTD_c_minMatch]: 7,
  [constants.ZSTD_c_checksumFlag]: 1,
};

/** Room that a frame may take: ZSTD_COMPRESSBOUND() of zstd.h, header and checksum. */
export const frameBytesMax = (content: number): number => content + (content >>> 8) + 128;

/** First bytes of a frame, little-endian (RFC 8878, 3.1.1). */
const MAGIC = 0xfd2fb528;

/** What is inside a stream of node:zlib: it does its work at once, with no event. */
interface Handle {
  writeSync(
    flush: number,
    content: Uint8Array,
    contentAt: number,
    contentBytes: number,
    out: Uint8Array,
    outAt: number,
    outBytes: number,
  ): void;
}

/**
 * Makes frames with one context of zstd for all. A context costs 25 to 50 µs, as much as
 * compressing 50 KiB, and node:zlib has no public way to keep one without an event for each frame.
 * So this uses what is inside a stream where it looks as in Node 24, looks at what it did, and
 * otherwise makes a context for each frame.
 */
export class Compressor {
  private readonly stream = createZstdCompress({ params: PARAMETERS });
  private handle: Handle | null;
  /** What the handle tells: bytes of room that are left, bytes of content that are. */
  private readonly state: Uint32Array;

  constructor() {
    const handle: unknown = Reflect.get(this.stream, '_handle');
    const state: unknown = Reflect.get(this.stream, '_writeState');
    this.handle = isHandle(handle) ? handle : null;
    this.state = state instanceof Uint32Array ? state : new Uint32Array(2);
  }

  /** Whether one context still serves for all. */
  get isShared(): boolean {
    return this.handle !== null;
  }

  /**
   * Writes one frame, also where it is longer than the content: only a frame carries a checksum.
   * @param at Start of frameBytesMax() bytes of room in `out`.
   * @returns the length of the frame.
   */
  compress(content: Uint8Array, out: Uint8Array, at: number): number {
    const length = this.withHandle(content, out, at);
    if (length !== null) return length;
    const options = { params: PARAMETERS, pledgedSrcSize: content.length };
    const frame = zstdCompressSync(content, options);
    out.set(frame, at);
    return frame.length;
  }

  private withHandle(content: Uint8Array, out: Uint8Array, at: number): number | null {
    const { handle, state } = this;
    if (handle === null) return null;
    const room = frameBytesMax(content.length);
    out.fill(0, at, at + 4);
    state.fill(0xffff_ffff);
    handle.writeSync(constants.ZSTD_e_end, content, 0, content.length, out, at, room);
    const [left = 0, unread = 0] = state;
    const magic = new DataView(out.buffer, out.byteOffset + at).getUint32(0, true);
    if (unread === 0 && left < room && magic === MAGIC) return room - left;
    this.handle = null;
    return null;
  }
}

function isHandle(value: unknown): value is Handle {
  return (
    typeof value === 'object' &&
    value !== null &&
    'writeSync' in value &&
    typeof value.writeSync === 'function'
  );
}

/**
 * The bytes of a frame whose content is known to be `length` bytes long. Allocates no more.
 * @returns null if the frame is damaged or its content has another length.
 */
export function decompress(frame: Uint8Array, length: number): Uint8Array | null {
  if (length === 0) return new Uint8Array(0);
  try {
    // The spare byte spares a second chunk: a chunk that is filled to its end is followed by one.
    const bytes = zstdDecompressSync(frame, {
      chunkSize: Math.max(64, length + 1),
      maxOutputLength: length,
    });
    // A plain view: Node's Buffer differs in slice() and in how it prints.
    return bytes.length === length ? new Uint8Array(bytes.buffer, bytes.byteOffset, length) : null;
  } catch {
    return null;
  }
}

/**
 * An empty skippable frame (RFC 8878, 3.1.2). Behind a frame that lacks its end, checksum included,
 * it is taken for that end, and is wrong.
 */
const EMPTY_FRAME = Uint8Array.of(0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0);

/**
 * Unpacks frames into memory that is there already, with one context for all. decompress() takes
 * new memory for each, outside of the heap; a few dozen segments of that are a collection of all
 * garbage, which takes longer than to read them did. As in Compressor, what is inside a stream is
 * used where it looks as in Node 24; where it does not, or finds damage, decompress() does it.
 */
export class Decompressor {
  private stream = createZstdDecompress();
  private isUsable = true;

  /** Whether one context still serves for all. */
  get isShared(): boolean {
    return this.isUsable;
  }

  /** @returns whether the frame has exactly the bytes that `out` has room for, now in `out`. */
  decompress(frame: Uint8Array, out: Uint8Array): boolean {
    if (this.isUsable && out.length > 0 && this.withHandle(frame, out)) return true;
    const content = decompress(frame, out.length);
    if (content === null) return false;
    out.set(content);
    return true;
  }

  private withHandle(frame: Uint8Array, out: Uint8Array): boolean {
    const handle: unknown = Reflect.get(this.stream, '_handle');
    const state: unknown = Reflect.get(this.stream, '_writeState');
    if (!isHandle(handle) || !(state instanceof Uint32Array)) {
      this.isUsable = false;
      return false;
    }
    const write = (content: Uint8Array): void => {
      state.fill(0xffff_ffff);
      handle.writeSync(constants.ZSTD_e_end, content, 0, content.length, out, 0, out.length);
    };
    write(frame);
    if (state[0] === 0 && state[1] === 0) {
      write(EMPTY_FRAME);
      if (state[0] === out.length && state[1] === 0) return true;
    }
    // A context that has met damage is of no use; what it says of it comes as an event.
    this.stream.on('error', () => {});
    this.stream = createZstdDecompress();
    return false;
  }
}
