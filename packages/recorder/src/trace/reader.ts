/**
 * Opens a trace for reading. Opening reads the manifest; a table is read when first asked for, a
 * segment when its edges are. What is damaged or missing is told in `problems`, never served.
 */
import fs from 'node:fs';
import { BacktrailError } from '../errors.ts';
import { readManifest, tablePath, transfersPath } from './directory.ts';
import { Damage } from './flatbuffer.ts';
import { TableFile } from './input.ts';
import { LruCache } from './lru-cache.ts';
import type { Manifest } from './manifest.ts';
import {
  BLOCKS,
  EDGES,
  INLINES,
  LINES,
  MARKS,
  MODULES,
  SEGMENTS,
  SOURCES,
  SYMBOLS,
  type TableSchema,
} from './schema.ts';
import { SegmentIndex } from './segment-index.ts';
import { SegmentReader } from './segment-reader.ts';
import { clearMissing, counted, keptSegments } from './soundness.ts';
import { firstRows, keptRows, noRows, readTable, type Wrong } from './table-file.ts';
import * as tables from './tables.ts';
import type {
  BlockTable,
  EdgeTable,
  InlineTable,
  LineTable,
  MarkTable,
  ModuleTable,
  SegmentTable,
  SourceTable,
  SymbolTable,
  Trace,
} from './trace.ts';
import { openTransfers } from './transfers.ts';

/** Files under transfers/ whose list of batches is kept: a few KiB each. */
const FILES_KEPT = 256;

type TableKey = Exclude<TableSchema['name'], 'transfers'>;

/**
 * Opens a trace directory. Nothing stays open between calls.
 * @throws BacktrailError E_NO_TRACE, E_READ, E_TRACE_VERSION, E_TRACE_DAMAGED
 */
export function openTrace(directory: string): Trace {
  const { manifest, state } = readManifest(directory);
  return new TraceReader(directory, manifest, state);
}

/**
 * Reads every byte of a trace.
 * @returns one line for each thing found missing, truncated or damaged, with its remedy.
 */
export function verifyTrace(trace: Trace): string[] {
  const found = new Set<string>();
  void [trace.edges, trace.blocks, trace.marks, trace.modules, trace.symbols];
  void [trace.sources, trace.lines, trace.inlines];
  for (let segment = 0; segment < trace.segments.count; segment++) {
    try {
      trace.readSegment(segment);
    } catch (error) {
      if (!(error instanceof BacktrailError)) throw error;
      found.add(error.message);
    }
  }
  return [...new Set([...trace.problems, ...found])];
}

/** Tables whose structure is looked at although nobody has asked for their rows. */
const INSPECTED = [EDGES, BLOCKS, MARKS, MODULES, SYMBOLS, SOURCES, LINES, INLINES] as const;

/** Tables that have no file where they have no rows. */
const OPTIONAL: readonly TableKey[] = ['sources', 'lines', 'inlines'];
const NO_FILE: Wrong = { says: 'found no such file', isOpenEnded: false };

class TraceReader implements Trace {
  readonly directory: string;
  readonly manifest: Manifest;
  readonly state: 'complete' | 'partial';
  private readonly found = new Set<string>();
  private readonly read: {
    segments?: SegmentTable;
    edges?: EdgeTable;
    blocks?: BlockTable;
    marks?: MarkTable;
    modules?: ModuleTable;
    symbols?: SymbolTable;
    sources?: SourceTable;
    lines?: LineTable;
    inlines?: InlineTable;
    index?: SegmentIndex;
  } = {};
  private readonly inspected = new Set<TableKey>();
  private readonly files = new LruCache<number, TableFile | string>(FILES_KEPT);
  private readonly transfersOf: SegmentReader;

  constructor(directory: string, manifest: Manifest, state: 'complete' | 'partial') {
    this.directory = directory;
    this.manifest = manifest;
    this.state = state;
    this.transfersOf = new SegmentReader({
      segments: () => this.segments,
      file: (number) => this.transfersFile(number),
      check: (edges) => this.checkEdges(edges),
      damaged: (segment, says) => this.damaged(segment, says),
    });
    if (state === 'partial') {
      this.problem(
        directory,
        'found manifest.partial.json: not closed, or still being recorded, expected manifest.json',
      );
    }
  }

  /** Looks at the structure of all files that have not been read; reads no body but segments'. */
  get problems(): readonly string[] {
    void this.segments;
    for (const table of INSPECTED) this.inspect(table);
    return [...this.found];
  }

  get transfers(): number {
    const { rows } = this.segments;
    let sum = 0;
    for (let i = 0; i < rows.length; i++) sum += rows[i] ?? 0;
    return sum;
  }

  get segments(): SegmentTable {
    this.read.segments ??= this.readSegments();
    return this.read.segments;
  }

  get edges(): EdgeTable {
    this.read.edges ??= this.wholeEdges();
    return this.read.edges;
  }

  get blocks(): BlockTable {
    this.read.blocks ??= this.table(BLOCKS, tables.blockTable);
    return this.read.blocks;
  }

  get marks(): MarkTable {
    this.read.marks ??= this.table(MARKS, tables.markTable);
    return this.read.marks;
  }

  get modules(): ModuleTable {
    this.read.modules ??= this.table(MODULES, tables.moduleTable);
    return this.read.modules;
  }

  get symbols(): SymbolTable {
    this.read.symbols ??= this.owned(SYMBOLS, tables.symbolTable);
    return this.read.symbols;
  }

  get sources(): SourceTable {
    this.read.sources ??= this.table(SOURCES, tables.sourceTable);
    return this.read.sources;
  }

  get lines(): LineTable {
    this.read.lines ??= this.withSources(this.owned(LINES, tables.lineTable), 'source', 'lines');
    return this.read.lines;
  }

  get inlines(): InlineTable {
    const { read } = this;
    const owned = (): InlineTable => this.owned(INLINES, tables.inlineTable);
    read.inlines ??= this.withSources(owned(), 'callSource', 'inlines');
    return read.inlines;
  }

  get vcpus(): readonly number[] {
    return this.index.vcpus;
  }

  segmentAt(vcpu: number, seq: number): number {
    return this.index.at(vcpu, seq);
  }

  segmentsOf(vcpu: number): Uint32Array {
    return this.index.of(vcpu);
  }

  seqEnd(vcpu: number): number {
    return this.index.seqEnd(vcpu);
  }

  readSegment(segment: number): Uint32Array {
    this.expectSegment(segment);
    return this.transfersOf.read(segment);
  }

  readEdges(segment: number, from: number, to: number): Uint32Array {
    this.expectSegment(segment);
    return this.transfersOf.slice(segment, from, to);
  }

  private expectSegment(segment: number): void {
    const { count, rows } = this.segments;
    if (rows[segment] !== undefined) return;
    const says = `found no segment ${segment}, expected 0 to ${count - 1}`;
    throw new BacktrailError('E_INTERNAL', `${this.directory}: ${says}`);
  }

  private get index(): SegmentIndex {
    this.read.index ??= new SegmentIndex(this.segments);
    return this.read.index;
  }

  private damaged(segment: number, says: string): BacktrailError {
    const path = transfersPath(this.directory, this.segments.file[segment] ?? 0);
    const line = this.problem(path, `segment ${segment}: ${says}`);
    return new BacktrailError('E_TRACE_DAMAGED', line);
  }

  /** The writer never names an edge that is not there; damage to edges.arrow may. */
  private checkEdges(edges: Uint16Array | Uint32Array): void {
    const { count } = this.edges;
    if (this.state === 'complete' && count === this.manifest.totals.edges) return;
    for (let i = 0; i < edges.length; i++) {
      const edge = edges[i] ?? 0;
      if (edge >= count) throw new Damage(`found edge ${edge}, expected below ${count}`);
    }
  }

  /** @returns the file, or what is wrong with it. */
  private transfersFile(number: number): TableFile | string {
    return this.files.get(number, () => {
      const path = transfersPath(this.directory, number);
      if (!fs.existsSync(path)) return 'found no such file';
      const { file } = openTransfers(path);
      file.release();
      return file;
    });
  }

  /** Only segments whose batch is there by the structure of its file. */
  private readSegments(): SegmentTable {
    const rows = this.rowsOf(SEGMENTS);
    const all = this.sound(SEGMENTS, rows, tables.segmentTable);
    const { kept, lost } = keptSegments(all, (number) => this.transfersFile(number));
    for (const [number, sum] of lost) {
      const file = this.transfersFile(number);
      const says = typeof file === 'string' ? file : (file.damage ?? 'found too few batches');
      this.problem(
        transfersPath(this.directory, number),
        `${says}; ${counted(sum.segments, 'segment')}, ${counted(sum.transfers, 'transfer')} ` +
          'cannot be read',
      );
    }
    const table = lost.size === 0 ? all : tables.segmentTable(keptRows(SEGMENTS, rows, kept));
    this.checkTransfers(table);
    return table;
  }

  private checkTransfers(segments: SegmentTable): void {
    const expected = this.manifest.totals.transfers;
    const found = segments.rows.reduce((sum, rows) => sum + rows, 0);
    if (this.state === 'complete' && found !== expected) {
      this.problem(this.directory, `found ${counted(found, 'transfer')}, expected ${expected}`);
    }
  }

  /** Blocks that are gone become null: nobody is to index past the table. */
  private wholeEdges(): EdgeTable {
    const edges = this.table(EDGES, tables.edgeTable);
    const { count } = this.blocks;
    const cut = clearMissing(edges.sourceBlock, count) + clearMissing(edges.targetBlock, count);
    if (cut > 0) {
      this.problem(
        tablePath(this.directory, 'blocks'),
        `found ${count} blocks; ${cut} edges name others, which are served without a block`,
      );
    }
    return edges;
  }

  /** A table sorted by module; rows of modules that are gone are left out. */
  private owned<T extends { readonly module: Uint32Array }>(
    table: TableSchema<TableKey>,
    make: (rows: tables.TableRows) => T,
  ): T {
    return this.table(table, (rows) => {
      const whole = make(rows);
      const { count } = this.modules;
      const end = whole.module.findIndex((number) => number >= count);
      if (end < 0) return whole;
      this.problem(
        tablePath(this.directory, 'modules'),
        `found ${count} modules; ${rows.count - end} ${table.name} name others, which are left out`,
      );
      return make(firstRows(rows, end));
    });
  }

  /** Source files that are gone become null. */
  private withSources<Key extends string, T extends Readonly<Record<Key, Uint32Array>>>(
    table: T,
    key: Key,
    name: string,
  ): T {
    const { count } = this.sources;
    const cut = clearMissing(table[key], count);
    if (cut > 0) {
      this.problem(
        tablePath(this.directory, 'sources'),
        `found ${count} source files; ${cut} ${name} name others, and are served without`,
      );
    }
    return table;
  }

  private table<T>(table: TableSchema<TableKey>, make: (rows: tables.TableRows) => T): T {
    return this.sound(table, this.rowsOf(table), make);
  }

  private sound<T>(
    table: TableSchema,
    rows: tables.TableRows,
    make: (rows: tables.TableRows) => T,
  ): T {
    try {
      return make(rows);
    } catch (error) {
      if (!(error instanceof Damage)) throw error;
      this.problem(`${this.directory}/${table.name}.arrow`, error.message);
      return make(noRows(table));
    }
  }

  private rowsOf(table: TableSchema<TableKey>): tables.TableRows {
    const path = tablePath(this.directory, table.name);
    this.inspected.add(table.name);
    if (this.isOptional(table) && !fs.existsSync(path)) return noRows(table);
    const { rows, damage } = readTable(path, table);
    this.judge(table, rows.count, damage);
    return rows;
  }

  /** Whether a table may have no file: none was written, or not yet. */
  private isOptional(table: TableSchema<TableKey>): boolean {
    return OPTIONAL.includes(table.name) && this.manifest.totals[table.name] === 0;
  }

  /** Goes through the headers of a file that has not been read. */
  private inspect(table: TableSchema<TableKey>): void {
    if (this.inspected.has(table.name)) return;
    this.inspected.add(table.name);
    const path = tablePath(this.directory, table.name);
    if (!fs.existsSync(path)) {
      this.judge(table, 0, this.isOptional(table) ? null : NO_FILE);
      return;
    }
    const file = new TableFile(path, table);
    file.release();
    const { damage, isOpenEnded } = file;
    this.judge(table, file.rows, damage === null ? null : { says: damage, isOpenEnded });
  }

  private judge(table: { name: TableKey }, rows: number, wrong: Wrong | null): void {
    const path = tablePath(this.directory, table.name);
    const total = this.manifest.totals[table.name];
    if (this.state === 'partial') {
      // Modules and symbols are written at the end; a file without its end is what a kill leaves.
      const isUsual = wrong?.isOpenEnded === true || !fs.existsSync(path);
      if (wrong !== null && !isUsual) {
        this.problem(path, `${wrong.says}; the first ${counted(rows, 'row')} can be read`);
      }
    } else if (wrong !== null) {
      this.problem(path, `${wrong.says}; ${rows} of ${counted(total, 'row')} can be read`);
    } else if (rows !== total) {
      this.problem(path, `found ${counted(rows, 'row')}, expected ${total}`);
    }
  }

  /** @returns the line that was added. */
  private problem(path: string, says: string): string {
    const line = `${path}: ${says}. To keep what is whole: backtrail recover ${this.directory}`;
    this.found.add(line);
    return line;
  }
}
