/**
 * Makes a zstd frame of edge numbers (RFC 8878). In the order of its bytes:
 *
 *   0   u32   magic number
 *   4   u8    descriptor: content size in 4 bytes, one segment, a checksum
 *   5   u32   content size
 *   9   blocks, each:
 *         u24   bit 0: the last one; bits 1, 2: RAW or COMPRESSED; from bit 3 on: bytes
 *         RAW: the content
 *         COMPRESSED:
 *           u24   bits 0 to 3: literals as they are, size in 20 bits; from bit 4 on: bytes
 *           …     literals
 *             or
 *           u40   bits 0 to 3: Huffman codes in four streams, sizes in 18 bits, with a tree or the
 *                 tree before; from bit 4 on: bytes of literals; from bit 22 on: bytes of
 *           …     the tree
 *           u16   bytes of the streams, three times: that of the fourth follows
 *           …     streams
 *           u8    number of sequences if below 128, else u8 128 + high byte, u8 low byte
 *           u8    modes, two bits each: bits 6, 7 literals, 4, 5 offsets, 2, 3 matches
 *           …     descriptions of the three tables, once in a frame
 *           …     bits of the sequences
 *   …   u32   checksum of the content
 */
import type { WasmMemory } from '../../wasm/host.ts';
import {
  CODES_LOOKED_UP,
  codesBelow,
  type Distributions,
  extraBits,
  LITERALS as LITERAL_CODES,
  MATCH as MATCH_CODES,
  OWN,
  PREDEFINED,
} from './codes.ts';
import { description, encodingTable } from './fse.ts';
import { codesOf, treeDescription, WEIGHTS } from './huffman.ts';
import {
  BLOCK_BYTES,
  CODED_BYTES_MAX,
  CODES,
  contentAt,
  type ElementBytes,
  FRAME,
  frameRoom,
  type Layout,
  LITERALS_AT,
  SEQUENCE,
  SEQUENCES_AT,
  STATE,
  TABLE,
  type Tables,
  tableAt,
} from './layout.ts';
import { type FrameMachine, frameMachine } from './machine.ts';
import { MATCH_MARGIN } from './match-code.ts';

const MAGIC = 0xfd2f_b528;
/** Content size in 4 bytes (2 << 6), single segment (1 << 5), checksum (1 << 2). */
const DESCRIPTOR = 0xa4;
const BLOCK = { raw: 0, compressed: 2 } as const;
/** Of all three tables: as predefined, as described here, as described last. */
const MODES = { predefined: 0x00, described: 0xa8, repeated: 0xfc } as const;
/** Low four bits of the header: type, size of the header. */
const LITERALS = { raw: 0x0c, tree: 0x0e, treeBefore: 0x0f } as const;
const LITERALS_HEADER_BYTES = { raw: 3, huffman: 5 } as const;
/** Fewer are not worth a tree. */
const HUFFMAN_LITERALS_MIN = 512;
const STREAMS = 4;
/** Descriptions of 86 bytes save about 6 bits a sequence. */
const OWN_SEQUENCES_MIN = 128;
/** What zstd begins a frame with. */
const RECENT_FIRST = [1, 4, 8] as const;

/** Writes codes and tables to where the machine code looks for them. */
function fillTables(bytes: Uint8Array): void {
  bytes.set(codesBelow(LITERAL_CODES, CODES_LOOKED_UP.literals), CODES.literals);
  bytes.set(codesBelow(MATCH_CODES, CODES_LOOKED_UP.match), CODES.match);
  bytes.set(extraBits(LITERAL_CODES), CODES.literalsBits);
  bytes.set(extraBits(MATCH_CODES), CODES.matchBits);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const fill = (tables: Tables, distributions: Distributions): void => {
    for (const which of ['literals', 'offset', 'match'] as const) {
      const at = tableAt(tables, which);
      const { next, bits, find } = encodingTable(distributions[which]);
      for (const [i, state] of next.entries()) view.setUint16(at + TABLE.next + 2 * i, state, true);
      for (const [symbol, value] of bits.entries()) {
        view.setInt32(at + TABLE.bits + 8 * symbol, value, true);
        view.setInt32(at + TABLE.find + 8 * symbol, find[symbol] ?? 0, true);
      }
    }
  };
  fill('predefined', PREDEFINED);
  fill('own', OWN);
}

/** As fillTables(), what only literals of 32 bits need. */
function fillHuffmanCodes(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (const [byte, { value, bits }] of codesOf(WEIGHTS).entries()) {
    view.setUint32(CODES.bytes + 4 * byte, value | (bits << 16), true);
  }
}

const descriptionsOf = ({ literals, offset, match }: Distributions): Uint8Array =>
  Buffer.concat([literals, offset, match].map(description));

export class EdgeEncoder {
  private readonly machine: FrameMachine;
  private readonly layout: Layout;
  private readonly content: number;
  private readonly bytes: Uint8Array<SharedArrayBuffer>;
  private readonly state: Uint32Array<SharedArrayBuffer>;
  private readonly descriptions = descriptionsOf(OWN);
  /** What describes the tree; null where none is used. */
  private readonly tree: Uint8Array | null;
  /** Whether a block of this frame has described our tables, and the tree. */
  private isDescribed = false;
  private hasTree = false;

  /**
   * @param memory As `layout` says. It may grow.
   * @param size Of a number; the content stands at contentAt().
   */
  constructor(memory: WasmMemory, layout: Layout, size: ElementBytes) {
    this.machine = frameMachine(memory, layout, size);
    this.layout = layout;
    this.content = contentAt(layout, size);
    this.bytes = new Uint8Array(memory.buffer, 0, layout.countsAt);
    this.state = new Uint32Array(memory.buffer, STATE.recent, RECENT_FIRST.length + 1);
    fillTables(this.bytes);
    if (size === 4) fillHuffmanCodes(this.bytes);
    this.tree = size === 4 ? treeDescription() : null;
  }

  /**
   * @param summedBytes Of these the sums are made already.
   * @returns a view of the frame, until the next call.
   */
  frame(contentBytes: number, summedBytes: number): Uint8Array<SharedArrayBuffer> {
    const { frameAt, countsAt } = this.layout;
    if (frameAt + frameRoom(contentBytes) > countsAt) {
      throw new RangeError(`found ${contentBytes} bytes, expected what the memory was made for`);
    }
    const { bytes, machine } = this;
    this.put(frameAt, 4, MAGIC);
    this.put(frameAt + 4, 1, DESCRIPTOR);
    this.put(frameAt + 5, 4, contentBytes);
    machine.clear();
    this.state.set(RECENT_FIRST);
    this.isDescribed = false;
    this.hasTree = false;
    let out = frameAt + FRAME.header;
    let at = 0;
    do {
      const end = Math.min(contentBytes, at + BLOCK_BYTES);
      out = this.block(at, end, end === contentBytes, out);
      at = end;
    } while (at < contentBytes);
    const { content } = this;
    const rest = machine.checksum(content + summedBytes, content + contentBytes, contentBytes);
    this.put(out, 4, rest);
    return bytes.subarray(frameAt, out + FRAME.checksum);
  }

  /** A little-endian number of 1 to 4 bytes. */
  private put(at: number, bytes: number, value: number): void {
    for (let i = 0; i < bytes; i++) this.bytes[at + i] = value >>> (8 * i);
  }

  /** One block. @returns its end. */
  private block(at: number, end: number, isLast: boolean, out: number): number {
    const [first = 0, second = 0, third = 0] = this.state;
    const { isDescribed, hasTree } = this;
    const body = out + FRAME.blockHeader;
    const compressed = this.compressed(at, end, body);
    const isSmaller = compressed !== null && compressed - body < end - at;
    if (!isSmaller) {
      // Decoders learn nothing from it.
      this.state.set([first, second, third]);
      this.isDescribed = isDescribed;
      this.hasTree = hasTree;
      this.bytes.copyWithin(body, this.content + at, this.content + end);
    }
    const bytes = isSmaller ? compressed - body : end - at;
    const type = isSmaller ? BLOCK.compressed : BLOCK.raw;
    this.put(out, FRAME.blockHeader, (bytes << 3) | (type << 1) | (isLast ? 1 : 0));
    return body + bytes;
  }

  /** @returns the end of the block's body, or null where it is to be stored as it is. */
  private compressed(at: number, end: number, body: number): number | null {
    if (end - at <= MATCH_MARGIN || end > CODED_BYTES_MAX) return null;
    const { machine, state } = this;
    const sequencesEnd = machine.find(at, end, LITERALS_AT);
    const count = (sequencesEnd - SEQUENCES_AT) / SEQUENCE.bytes;
    if (count === 0) return null;
    const literalsEnd = state[STATE.literalsEnd / 4] ?? 0;
    let out = this.literals(literalsEnd, body);
    if (count >= 128) this.put(out++, 1, 128 + (count >>> 8));
    this.put(out++, 1, count);
    const isOwn = this.isDescribed || count >= OWN_SEQUENCES_MIN;
    if (isOwn && !this.isDescribed) {
      this.put(out++, 1, MODES.described);
      this.bytes.set(this.descriptions, out);
      out += this.descriptions.length;
      this.isDescribed = true;
    } else {
      this.put(out++, 1, isOwn ? MODES.repeated : MODES.predefined);
    }
    return machine.encode[isOwn ? 'own' : 'predefined'](sequencesEnd, out);
  }

  /** The shorter of two ways. @returns the end. */
  private literals(literalsEnd: number, out: number): number {
    const { hasTree } = this;
    const bytes = literalsEnd - LITERALS_AT;
    if (this.tree !== null && bytes >= HUFFMAN_LITERALS_MIN) {
      const end = this.huffman(literalsEnd, out, this.tree);
      if (end - out < LITERALS_HEADER_BYTES.raw + bytes) return end;
      this.hasTree = hasTree;
    }
    return this.rawLiterals(literalsEnd, out);
  }

  /** Literals as they are. @returns their end. */
  private rawLiterals(literalsEnd: number, out: number): number {
    this.put(out, LITERALS_HEADER_BYTES.raw, ((literalsEnd - LITERALS_AT) << 4) | LITERALS.raw);
    const at = out + LITERALS_HEADER_BYTES.raw;
    this.bytes.copyWithin(at, LITERALS_AT, literalsEnd);
    return at + literalsEnd - LITERALS_AT;
  }

  /** Literals as Huffman codes: of numbers of 32 bits, they are shorter. @returns their end. */
  private huffman(literalsEnd: number, header: number, tree: Uint8Array): number {
    const bytes = literalsEnd - LITERALS_AT;
    const start = header + LITERALS_HEADER_BYTES.huffman;
    let sizes = start;
    if (!this.hasTree) {
      this.bytes.set(tree, start);
      sizes += tree.length;
    }
    const part = Math.ceil(bytes / STREAMS);
    let out = sizes + 2 * (STREAMS - 1);
    for (let stream = 0; stream < STREAMS; stream++) {
      const at = LITERALS_AT + stream * part;
      const begin = out;
      out = this.machine.literals(at, Math.min(literalsEnd, at + part), out);
      if (stream < STREAMS - 1) this.put(sizes + 2 * stream, 2, out - begin);
    }
    const size = out - start;
    const type = this.hasTree ? LITERALS.treeBefore : LITERALS.tree;
    this.put(header, 4, type | (bytes << 4) | (size << 22));
    this.put(header + 4, 1, size >>> 10);
    this.hasTree = true;
    return out;
  }
}
