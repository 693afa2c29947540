/** Columns → the table interfaces of trace.ts. Each function is the twin of one in rows.ts. */
import { asWholeNumbers, type ByteRows, bytesAt, type ColumnData } from './columns.ts';
import { Damage } from './flatbuffer.ts';
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
import {
  type BlockTable,
  type EdgeTable,
  type InlineTable,
  type LineTable,
  type MarkTable,
  type ModuleTable,
  NO_ROW,
  type SegmentTable,
  type SourceTable,
  type SymbolTable,
} from './trace.ts';

/** The rows of a table's file, all batches together. */
export interface TableRows {
  readonly count: number;
  /** In the order of schema.ts. */
  readonly columns: readonly ColumnData[];
}

/** Columns by name, with the type the caller expects. */
class Columns {
  private readonly table: TableSchema;
  private readonly rows: TableRows;

  constructor(table: TableSchema, rows: TableRows) {
    this.table = table;
    this.rows = rows;
  }

  private column(name: string): ColumnData {
    const column = this.rows.columns[this.table.columns.findIndex((c) => c.name === name)];
    if (column === undefined) throw new RangeError(`${this.table.name} has no column ${name}`);
    return column;
  }

  private wrong(name: string): TypeError {
    return new TypeError(`${this.table.name}.${name} is of type ${this.column(name).type}`);
  }

  u32(name: string): Uint32Array {
    const column = this.column(name);
    if (column.type !== 'u32') throw this.wrong(name);
    return column.values;
  }

  u64(name: string): BigUint64Array {
    const column = this.column(name);
    if (column.type !== 'u64') throw this.wrong(name);
    return column.values;
  }

  i64(name: string): BigInt64Array {
    const column = this.column(name);
    if (column.type !== 'i64') throw this.wrong(name);
    return column.values;
  }

  code(name: string): Uint8Array {
    const column = this.column(name);
    if (column.type !== 'code') throw this.wrong(name);
    return column.values;
  }

  bytes(name: string): ByteRows {
    const column = this.column(name);
    if (column.type !== 'utf8' && column.type !== 'binary') throw this.wrong(name);
    return column.values;
  }

  /** @throws Damage if a number is beyond 2^53 - 1. */
  whole(name: string): Float64Array {
    const numbers = asWholeNumbers(this.u64(name));
    if (numbers === null) throw new Damage(`found a ${name} beyond 2^53 - 1`);
    return numbers;
  }

  /** 1 where a value is. */
  has(name: string): Uint8Array {
    return this.column(name).valid ?? new Uint8Array(this.rows.count).fill(1);
  }

  /** Row numbers of another table, NO_ROW for null. */
  rowNumbers(name: string): Uint32Array {
    const values = this.u32(name);
    const { valid } = this.column(name);
    if (valid !== null)
      for (let i = 0; i < values.length; i++) if (valid[i] === 0) values[i] = NO_ROW;
    return values;
  }

  text(name: string): (row: number) => string | null {
    const rows = this.bytes(name);
    const { valid } = this.column(name);
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    return (row) => (valid?.[row] === 0 ? null : decoder.decode(bytesAt(rows, row)));
  }
}

/** @throws Damage, as all functions below, if a number cannot be. */
export function segmentTable(rows: TableRows): SegmentTable {
  const of = new Columns(SEGMENTS, rows);
  return {
    count: rows.count,
    vcpu: of.u32('vcpu'),
    firstSeq: of.whole('first_seq'),
    rows: of.u32('rows'),
    file: of.u32('file'),
    batch: of.u32('batch'),
    instructionsBefore: of.whole('instructions_before'),
    timeFirstNs: of.u64('time_first_ns'),
    timeLastNs: of.u64('time_last_ns'),
  };
}

export function edgeTable(rows: TableRows): EdgeTable {
  const of = new Columns(EDGES, rows);
  return {
    count: rows.count,
    source: of.u64('source'),
    hasSource: of.has('source'),
    target: of.u64('target'),
    cause: of.code('cause'),
    kind: of.code('kind'),
    sourceBlock: of.rowNumbers('source_block'),
    targetBlock: of.rowNumbers('target_block'),
    hostSource: of.u64('host_source'),
    hasHostSource: of.has('host_source'),
    hostTarget: of.u64('host_target'),
    hasHostTarget: of.has('host_target'),
    hostHow: of.code('host_how'),
    taken: of.whole('count'),
  };
}

export function blockTable(rows: TableRows): BlockTable {
  const of = new Columns(BLOCKS, rows);
  const code = of.bytes('code');
  const instructionSizes = of.bytes('instruction_sizes');
  const hostCode = of.bytes('host_code');
  const hasHostCode = of.has('host_code');
  return {
    count: rows.count,
    pc: of.u64('pc'),
    size: of.u32('size'),
    instructions: of.u32('instructions'),
    code: (block) => bytesAt(code, block),
    instructionSizes: (block) => bytesAt(instructionSizes, block),
    hostPc: of.u64('host_pc'),
    hasHostPc: of.has('host_pc'),
    hostSize: of.u32('host_size'),
    hostCode: (block) => (hasHostCode[block] === 1 ? bytesAt(hostCode, block) : null),
    bornVcpu: of.u32('born_vcpu'),
    bornSeq: of.whole('born_seq'),
    privilege: of.u32('privilege'),
    hasPrivilege: of.has('privilege'),
    text: of.text('text'),
  };
}

export function markTable(rows: TableRows): MarkTable {
  const of = new Columns(MARKS, rows);
  return {
    count: rows.count,
    vcpu: of.u32('vcpu'),
    seq: of.whole('seq'),
    timeNs: of.u64('time_ns'),
    kind: of.code('kind'),
    pc: of.u64('pc'),
    hasPc: of.has('pc'),
    number: of.i64('number'),
    hasNumber: of.has('number'),
    code: of.i64('code'),
    hasCode: of.has('code'),
    address: of.u64('address'),
    hasAddress: of.has('address'),
    size: of.u64('size'),
    hasSize: of.has('size'),
    detail: of.text('detail'),
  };
}

export function moduleTable(rows: TableRows): ModuleTable {
  const of = new Columns(MODULES, rows);
  const path = of.text('path');
  return {
    count: rows.count,
    path: (module) => path(module) ?? '',
    buildId: of.text('build_id'),
    base: of.u64('base'),
    start: of.u64('start'),
    size: of.u64('size'),
    mappedVcpu: of.u32('mapped_vcpu'),
    mappedSeq: of.whole('mapped_seq'),
    mappedNs: of.u64('mapped_ns'),
    unmappedNs: of.u64('unmapped_ns'),
    hasUnmappedNs: of.has('unmapped_ns'),
  };
}

export function symbolTable(rows: TableRows): SymbolTable {
  const of = new Columns(SYMBOLS, rows);
  const name = of.text('name');
  return {
    count: rows.count,
    module: of.u32('module'),
    address: of.u64('address'),
    size: of.u64('size'),
    type: of.code('type'),
    name: (symbol) => name(symbol) ?? '',
  };
}

export function sourceTable(rows: TableRows): SourceTable {
  const path = new Columns(SOURCES, rows).text('path');
  return { count: rows.count, path: (source) => path(source) ?? '' };
}

export function lineTable(rows: TableRows): LineTable {
  const of = new Columns(LINES, rows);
  return {
    count: rows.count,
    module: of.u32('module'),
    address: of.u64('address'),
    size: of.u64('size'),
    source: of.rowNumbers('source'),
    line: of.u32('line'),
    column: of.u32('line_column'),
    isStatement: of.u32('is_statement'),
  };
}

export function inlineTable(rows: TableRows): InlineTable {
  const of = new Columns(INLINES, rows);
  const name = of.text('name');
  return {
    count: rows.count,
    module: of.u32('module'),
    address: of.u64('address'),
    size: of.u64('size'),
    depth: of.u32('depth'),
    name: (inline) => name(inline) ?? '',
    callSource: of.rowNumbers('call_source'),
    callLine: of.u32('call_line'),
    callColumn: of.u32('call_column'),
  };
}
