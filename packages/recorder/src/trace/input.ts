/**
 * Reads the Arrow files of a trace: whole, cut short or damaged. What lies before the damage is
 * served, and the damage is told; nothing here trusts a length before it has been compared with the
 * size of the file.
 *
 *   0     "ARROW1", two bytes of padding
 *   8     messages: i32 -1, i32 length of the metadata, metadata (a multiple of 8), body
 *         the first is the schema, then dictionaries, then record batches
 *         i32 -1, i32 0           end of the stream
 *         footer, i32 its length, "ARROW1"
 */
import fs from 'node:fs';
import { BacktrailError } from '../errors.ts';
import type { ColumnData } from './columns.ts';
import { decodeBatch, decodeWords, type Unpack } from './decode.ts';
import { Damage, shown } from './flatbuffer.ts';
import {
  type BatchHeader,
  type Block,
  CONTINUATION,
  MAGIC,
  METADATA_BYTES_MAX,
  PREFIX_BYTES,
  parseBodyBytes,
  parseFooter,
  parseMessage,
  STREAM_START,
} from './ipc.ts';
import { type TableSchema, TRANSFERS_NARROW } from './schema.ts';

/** Read at once where less is asked for: messages of live tables are small and many. */
const WINDOW_BYTES = 1 << 16;
/** i32 length of the footer, then the magic. */
const TAIL_BYTES = 4 + MAGIC.length;

const RESTORE = 'Restore the trace from a copy';
/** Opening waits for nobody and follows no link that was put there since we looked. */
const READ_FLAGS = fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK;

export const readError = (path: string, error: unknown): BacktrailError =>
  new BacktrailError(
    'E_READ',
    `${path}: cannot be read: ${error instanceof Error ? error.message : String(error)}.`,
    { cause: error },
  );

/**
 * Size of a file of a trace. Opening a pipe would wait for ever; a link may lead out of the folder
 * of the trace, which somebody else may have made.
 * @throws BacktrailError E_READ if it is none.
 */
export function regularFileBytes(path: string): number {
  let status: fs.Stats;
  try {
    status = fs.lstatSync(path);
  } catch (error) {
    throw readError(path, error);
  }
  if (status.isFile()) return status.size;
  const found = status.isSymbolicLink() ? 'a link' : 'no regular file';
  const remedy = status.isSymbolicLink() ? 'Put a copy of what it leads to in its place' : RESTORE;
  throw new BacktrailError(
    'E_READ',
    `${path}: found ${found}, expected a regular file: a trace is read from its own folder ` +
      `alone. ${remedy}.`,
  );
}

/** Bytes of a file, by position. */
class InputFile {
  readonly path: string;
  readonly bytes: number;
  private file: number | null = null;
  private window: Uint8Array = new Uint8Array(0);
  private windowAt = 0;

  constructor(path: string) {
    this.path = path;
    this.bytes = regularFileBytes(path);
  }

  private descriptor(): number {
    this.file ??= fs.openSync(this.path, READ_FLAGS);
    return this.file;
  }

  /** Bytes that nobody changes later. @throws Damage if they pass the end of the file. */
  read(at: number, length: number): Uint8Array {
    if (at + length > this.bytes) {
      throw new Damage(`found the end of the file at byte ${this.bytes}, expected ${at + length}`);
    }
    const inWindow = at - this.windowAt;
    if (inWindow >= 0 && inWindow + length <= this.window.length) {
      return this.window.subarray(inWindow, inWindow + length);
    }
    if (length >= WINDOW_BYTES) return this.fill(at, length);
    this.window = this.fill(at, Math.min(WINDOW_BYTES, this.bytes - at));
    this.windowAt = at;
    return this.window.subarray(0, length);
  }

  private fill(at: number, length: number): Uint8Array {
    const out = new Uint8Array(length);
    let done = 0;
    try {
      const file = this.descriptor();
      while (done < length) {
        const count = fs.readSync(file, out, done, length - done, at + done);
        if (count === 0) throw new Damage(`found the end of the file at byte ${at + done}`);
        done += count;
      }
    } catch (error) {
      throw error instanceof Damage ? error : readError(this.path, error);
    }
    return out;
  }

  /** Gives the descriptor back; the next read opens the file again. */
  release(): void {
    const { file } = this;
    this.file = null;
    this.window = new Uint8Array(0);
    if (file !== null) fs.closeSync(file);
  }
}

/** Where a message lies. */
interface Place extends Block {
  readonly bodyAt: number;
}

const i32At = (bytes: Uint8Array, at: number): number =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getInt32(at, true);

const isMagic = (bytes: Uint8Array, at: number): boolean =>
  Buffer.from(bytes.buffer, bytes.byteOffset + at, MAGIC.length).toString('latin1') === MAGIC;

/** One table's file, for reading. Its descriptor is held until release(). */
export class TableFile {
  readonly path: string;
  /** What is wrong with the file as a whole, or null; the batches before it can be read. */
  readonly damage: string | null;
  private readonly table: TableSchema;
  private readonly input: InputFile;
  private readonly places: readonly Block[];
  private isUnended = false;
  private rowsFound = 0;

  /**
   * @param byFooter Trusts a footer that fits the file in every number, and so need not visit each
   * batch; without one, or where it does not fit, the batches are found by going through the file.
   * @throws BacktrailError E_READ if the file cannot be opened.
   */
  constructor(path: string, table: TableSchema, byFooter = false) {
    this.path = path;
    this.table = table;
    this.input = new InputFile(path);
    const listed = byFooter ? this.listed() : null;
    if (listed !== null) {
      this.places = listed;
      this.damage = null;
      return;
    }
    const places: Block[] = [];
    this.places = places;
    this.damage = this.attempt(() => this.walk(places));
  }

  /**
   * Whether the schema at the start of a file is this table's; false also where it cannot be told.
   * @throws BacktrailError E_READ if the file cannot be opened.
   */
  static isOf(path: string, table: TableSchema): boolean {
    const input = new InputFile(path);
    try {
      const prefix = input.read(STREAM_START, PREFIX_BYTES);
      const length = i32At(prefix, 4);
      if (length < 0 || length > METADATA_BYTES_MAX) return false;
      const metadata = input.read(STREAM_START + PREFIX_BYTES, length);
      return parseMessage(metadata, table).is === 'schema';
    } catch (error) {
      if (!(error instanceof Damage)) throw error;
      return false;
    } finally {
      input.release();
    }
  }

  /** Record batches that are whole by their lengths; their bytes are checked when read. */
  get batches(): number {
    return this.places.length;
  }

  /** The file ends after a whole batch, as it does while it is written. */
  get isOpenEnded(): boolean {
    return this.isUnended;
  }

  /** Rows of all whole batches; 0 if they were found by the footer, which does not tell. */
  get rows(): number {
    return this.rowsFound;
  }

  /** Whether its one column holds numbers of 16 bits. */
  get isNarrow(): boolean {
    return this.table === TRANSFERS_NARROW;
  }

  /** @param unpack as of decodeBatch() @throws Damage */
  readBatch(
    index: number,
    unpack?: Unpack,
  ): { readonly rows: number; readonly columns: ColumnData[] } {
    const place = this.places[index];
    if (place === undefined) throw new Damage(`found ${this.batches} batches, not batch ${index}`);
    const message = this.input.read(place.offset, place.metadataBytes + place.bodyBytes);
    const header = this.batchHeader(message, place);
    const body = message.subarray(place.metadataBytes);
    return { rows: header.rows, columns: decodeBatch(this.table, header, body, unpack) };
  }

  /** Gives the descriptor back; the next readBatch() opens the file again. */
  release(): void {
    this.input.release();
  }

  private batchHeader(message: Uint8Array, place: Block): BatchHeader {
    if (i32At(message, 0) !== CONTINUATION || i32At(message, 4) !== place.metadataBytes - 8) {
      throw new Damage(`found no message at byte ${place.offset}`);
    }
    const parsed = parseMessage(message.subarray(PREFIX_BYTES, place.metadataBytes), this.table);
    if (parsed.is !== 'batch' || parsed.batch.bodyBytes !== place.bodyBytes) {
      throw new Damage(`found another message than listed at byte ${place.offset}`);
    }
    return parsed.batch;
  }

  /** @returns what is wrong, or null. */
  private attempt(action: () => void): string | null {
    try {
      action();
      return null;
    } catch (error) {
      if (!(error instanceof Damage)) throw error;
      return error.message;
    }
  }

  private checkStart(): void {
    const start = this.input.read(0, STREAM_START);
    if (!isMagic(start, 0)) throw new Damage(`found no ${MAGIC} at byte 0`);
  }

  /** The message at a position; null at the end of the stream. */
  private messageAt(at: number): { place: Place; metadata: Uint8Array } | null {
    const prefix = this.input.read(at, PREFIX_BYTES);
    if (i32At(prefix, 0) !== CONTINUATION) throw new Damage(`found no message at byte ${at}`);
    const length = i32At(prefix, 4);
    if (length === 0) return null;
    if (length < 0 || length % 8 !== 0 || length > METADATA_BYTES_MAX) {
      throw new Damage(`found metadata of ${length} bytes at byte ${at}`);
    }
    const metadata = this.input.read(at + PREFIX_BYTES, length);
    const bodyBytes = parseBodyBytes(metadata);
    const place = {
      offset: at,
      metadataBytes: PREFIX_BYTES + length,
      bodyAt: at + PREFIX_BYTES + length,
      bodyBytes,
    };
    return { place, metadata };
  }

  /** Goes through all messages. @throws Damage at the first that is not whole. */
  private walk(places: Block[]): void {
    this.checkStart();
    const dictionaries = new Map<number, readonly string[]>();
    let at = STREAM_START;
    let isFirst = true;
    for (;;) {
      this.isUnended = at === this.input.bytes;
      if (this.isUnended) throw new Damage(`found no end of the stream at byte ${at}`);
      const found = this.messageAt(at);
      if (found === null) break;
      const { place, metadata } = found;
      const message = parseMessage(metadata, this.table);
      if (isFirst !== (message.is === 'schema')) {
        throw new Damage(`found a ${message.is} message at byte ${at}`);
      }
      if (place.bodyAt + place.bodyBytes > this.input.bytes) {
        throw new Damage(
          `found the end of the file at byte ${this.input.bytes} within a batch, ` +
            `expected ${place.bodyAt + place.bodyBytes}`,
        );
      }
      if (message.is === 'schema') this.expectWords(message.dictionaryIds, dictionaries);
      if (message.is === 'dictionary') this.checkWords(message, place, dictionaries);
      if (message.is === 'batch') {
        if (dictionaries.size > 0) {
          throw new Damage(`found no dictionary ${[...dictionaries.keys()].join(', ')}`);
        }
        places.push(place);
        this.rowsFound += message.batch.rows;
      }
      isFirst = false;
      at = place.bodyAt + place.bodyBytes;
    }
    if (isFirst) throw new Damage('found no schema message');
    this.checkTail(at + PREFIX_BYTES);
  }

  private expectWords(
    ids: readonly (number | null)[],
    dictionaries: Map<number, readonly string[]>,
  ): void {
    for (const [index, id] of ids.entries()) {
      if (id === null) continue;
      if (dictionaries.has(id)) throw new Damage(`found dictionary ${id} in two columns`);
      dictionaries.set(id, this.table.columns[index]?.words ?? []);
    }
  }

  /** A file of a later build may know more words, never others in these places. */
  private checkWords(
    message: { readonly id: number; readonly batch: BatchHeader },
    place: Place,
    dictionaries: Map<number, readonly string[]>,
  ): void {
    const expected = dictionaries.get(message.id);
    if (expected === undefined) throw new Damage(`found dictionary ${message.id}, not in schema`);
    const words = decodeWords(message.batch, this.input.read(place.bodyAt, place.bodyBytes));
    for (let i = 0; i < Math.min(words.length, expected.length); i++) {
      if (words[i] !== expected[i]) {
        throw new Damage(
          `found word ${i} ${shown(words[i] ?? '')}, expected ${shown(expected[i] ?? '')}`,
        );
      }
    }
    dictionaries.delete(message.id);
  }

  /** After the stream only the footer may follow. */
  private checkTail(at: number): void {
    const { bytes } = this.input;
    const footerBytes = bytes - TAIL_BYTES - at;
    if (footerBytes <= 0) {
      throw new Damage(`found the end of the file at byte ${bytes}, expected a footer`);
    }
    const tail = this.input.read(bytes - TAIL_BYTES, TAIL_BYTES);
    if (!isMagic(tail, 4)) throw new Damage(`found no ${MAGIC} at the end of the file`);
    if (i32At(tail, 0) !== footerBytes) {
      throw new Damage(`found a footer of ${i32At(tail, 0)} bytes, expected ${footerBytes}`);
    }
  }

  /**
   * The batches by the footer, or null where any number does not fit: batches must follow each
   * other without a hole up to the end of the stream, so that no flipped bit can exchange two.
   */
  private listed(): Block[] | null {
    const { bytes } = this.input;
    let blocks: Block[] = [];
    const damage = this.attempt(() => {
      this.checkStart();
      const tail = this.input.read(Math.max(0, bytes - TAIL_BYTES), TAIL_BYTES);
      const footerBytes = i32At(tail, 0);
      const footerAt = bytes - TAIL_BYTES - footerBytes;
      if (!isMagic(tail, 4) || footerBytes <= 0 || footerAt < STREAM_START) {
        throw new Damage('found no footer');
      }
      blocks = parseFooter(this.input.read(footerAt, footerBytes));
      let at = this.afterSchema();
      for (const block of blocks) {
        if (block.offset !== at || block.metadataBytes <= PREFIX_BYTES) {
          throw new Damage(`found batch at byte ${block.offset}, expected ${at}`);
        }
        at += block.metadataBytes + block.bodyBytes;
      }
      if (this.messageAt(at) !== null || at + PREFIX_BYTES !== footerAt) {
        throw new Damage(`found no end of the stream at byte ${at}`);
      }
    });
    return damage === null ? blocks : null;
  }

  private afterSchema(): number {
    const found = this.messageAt(STREAM_START);
    if (found === null || parseMessage(found.metadata, this.table).is !== 'schema') {
      throw new Damage('found no schema message');
    }
    return found.place.bodyAt + found.place.bodyBytes;
  }
}
