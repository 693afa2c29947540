/**
 * The memory that a segment is counted and encoded in, byte 0 first:
 *
 *   0        state      see STATE      what functions leave to each other
 *   64       codes      see CODES      code of each small length, further bits of each code,
 *                                      Huffman code of each byte: u16 value, u16 bits
 *   1,408    tables     TABLES_BYTES   of the predefined distributions
 *   …        tables     TABLES_BYTES   of our own
 *   16,384   sequences  12 each        of one block: offset value, match, literals (bytes)
 *   …        literals   BLOCK_BYTES    of one block
 *   …        places     u32 each       three tables of places in the content, by hash
 *   …        edges      segment × 4    then 64 bytes that may be read
 *   …        narrow     segment × 2    low halves; then as above
 *   …        frame      frameRoom()
 *   …        counts     edges × COUNT_BYTES, last, so that they can grow
 *
 * Lengths that are looked up in the codes may lie beyond their table, by a block at most: what is
 * read there is memory, and not used.
 */

/** Size of a number in the content: 2 where all are below 65,536. */
export type ElementBytes = 2 | 4;

/** A block's content, at most (RFC 8878, 3.1.1.2.4). */
export const BLOCK_BYTES = 131_072;
/**
 * Up to here every offset has a code in all tables; segments of a ring take 1 MiB. What is behind
 * is stored as it is.
 */
export const CODED_BYTES_MAX = 2 ** 25;
/**
 * Bytes of a match, at least, by the size of a number: three of two bytes cost as much as a
 * sequence, two of four bytes cost more.
 */
export const MATCH_BYTES = { 2: 12, 4: 8 } as const;
const SEQUENCES_MAX = BLOCK_BYTES / Math.min(MATCH_BYTES[2], MATCH_BYTES[4]);

/** Three recent offsets u32, end of the literals u32, limit of edge numbers u32, sums u64[4]. */
export const STATE = { recent: 0, literalsEnd: 12, limit: 16, sums: 24 } as const;
export const CODES = {
  literals: 64,
  match: 128,
  literalsBits: 256,
  matchBits: 320,
  bytes: 384,
} as const;

/** Next states u16[512], then for each symbol i32 `bits` and i32 `find` (fse.ts). */
export const TABLE = { next: 0, bits: 1024, find: 1028, bytes: 1536 } as const;
const TABLES_AT = 1408;
const TABLES_BYTES = 3 * TABLE.bytes;
export type Tables = 'predefined' | 'own';
export const tableAt = (tables: Tables, which: 'literals' | 'offset' | 'match'): number =>
  TABLES_AT +
  (tables === 'own' ? TABLES_BYTES : 0) +
  TABLE.bytes * ['literals', 'offset', 'match'].indexOf(which);

export const SEQUENCE = { offset: 0, match: 4, literals: 8, bytes: 12 } as const;
export const SEQUENCES_AT = 16_384;
const SEQUENCES_BYTES = SEQUENCE.bytes * SEQUENCES_MAX;

/**
 * log2 of the places in each table, and how many bytes of content the hash is made of: of `short`
 * MATCH_BYTES.
 */
export const PLACES = {
  short: { log: 13 },
  middle: { log: 14, bytes: 32 },
  long: { log: 13, bytes: 64 },
} as const;
export type PlaceTable = keyof typeof PLACES;
export const LITERALS_AT = SEQUENCES_AT + SEQUENCES_BYTES;
/** Eight bytes are stored at a time, also for one. */
const STORED_BEYOND_BYTES = 16;
const PLACES_AT = (LITERALS_AT + BLOCK_BYTES + STORED_BEYOND_BYTES + 63) & -64;
export const placesAt = {
  short: PLACES_AT,
  middle: PLACES_AT + (4 << PLACES.short.log),
  long: PLACES_AT + (4 << PLACES.short.log) + (4 << PLACES.middle.log),
} as const;
export const PLACES_BYTES =
  (4 << PLACES.short.log) + (4 << PLACES.middle.log) + (4 << PLACES.long.log);

/** Matches are compared this many bytes at a time, and may be beyond the end of the content. */
const READ_BEYOND_BYTES = 64;

export const FRAME = { header: 9, blockHeader: 3, checksum: 4 } as const;
/** Headers of literals, their tree, number of sequences, modes, descriptions of our own tables. */
const SECTIONS_BYTES = 256;
/**
 * A sequence takes 76 bits at most, and its match eight bytes at least; a literal 9 bits, and a
 * bit and a part of a byte in the end of each of four streams.
 */
const sectionsRoom = (content: number): number => Math.ceil((content / 8) * 9.5) + SECTIONS_BYTES;

/**
 * Room for a frame while it is made: the last block may be longer than its content, before it is
 * stored as it is.
 */
export const frameRoom = (content: number): number =>
  FRAME.header +
  content +
  FRAME.blockHeader * (Math.floor(content / BLOCK_BYTES) + 1) +
  sectionsRoom(Math.min(content, BLOCK_BYTES)) +
  FRAME.checksum +
  STORED_BEYOND_BYTES;

/** 32-bit counts of each edge; added up they say how often it was taken. With fewer, loops wait. */
export const LANES = 8;
export const COUNT_BYTES = 4 * LANES;

export interface Layout {
  readonly edgesAt: number;
  readonly narrowAt: number;
  readonly frameAt: number;
  readonly countsAt: number;
}

/** Where the numbers stand that a frame is made of. */
export const contentAt = ({ narrowAt, edgesAt }: Layout, size: ElementBytes): number =>
  size === 2 ? narrowAt : edgesAt;

/** @param segment Transfers that fit, a multiple of 16. */
export function layoutFor(segment: number): Layout {
  const edgesAt = PLACES_AT + PLACES_BYTES;
  const narrowAt = edgesAt + 4 * segment + READ_BEYOND_BYTES;
  const frameAt = narrowAt + 2 * segment + READ_BEYOND_BYTES;
  const countsAt = (frameAt + frameRoom(4 * segment) + 63) & -64;
  return { edgesAt, narrowAt, frameAt, countsAt };
}
