/**
 * The Arrow tables of a trace, one sentence per column. This is the single source: the writer, the
 * reader, the SQL tables and docs/trace-format.md follow it.
 */
import { CAUSES, HOST_HOWS, KINDS, MARK_KINDS, SYMBOL_TYPES } from './vocabulary.ts';

/** Bump when a reader of the old version would misread the new one. */
export const TRACE_VERSION = 1;
export const TRACE_FORMAT = 'backtrail-trace';

/** `code`: a dictionary column, index uint8, values utf8, all `words` in order. */
export type ColumnType = 'u16' | 'u32' | 'u64' | 'i64' | 'utf8' | 'binary' | 'code';

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  readonly nullable: boolean;
  /** Not in every file of this version: where it is missing all its rows are null. */
  readonly isLater?: true;
  /** The words of a `code` column. */
  readonly words?: readonly string[];
  /** One sentence: meaning, unit, range, what null says. */
  readonly says: string;
}

export interface TableSchema<Name extends TableName = TableName> {
  readonly name: Name;
  readonly says: string;
  readonly columns: readonly Column[];
}

export type TableName =
  | 'transfers'
  | 'segments'
  | 'edges'
  | 'blocks'
  | 'marks'
  | 'modules'
  | 'symbols'
  | 'sources'
  | 'lines'
  | 'inlines';

const column = (name: string, type: ColumnType, says: string): Column => ({
  name,
  type,
  nullable: false,
  says,
});
const nullable = (name: string, type: ColumnType, says: string): Column => ({
  name,
  type,
  nullable: true,
  says,
});
/** A column that was added to the format: traces that were made before have none. */
const later = (name: string, type: ColumnType, says: string): Column => ({
  ...nullable(name, type, says),
  isLater: true,
});
const words = (
  name: string,
  list: readonly string[],
  isNullable: boolean,
  says: string,
): Column => ({ name, type: 'code', nullable: isNullable, words: list, says });

export const TRANSFERS: TableSchema<'transfers'> = {
  name: 'transfers',
  says:
    'Every transfer, in order within a vCPU; one record batch is one segment. In a file that was ' +
    'begun when there were at most 65,536 edges the column is uint16.',
  columns: [column('edge', 'u32', 'The edge that was taken: a row number of edges.')],
};

/** Edge numbers that fit into 16 bits: half the bytes, and a third of them once compressed. */
export const NARROW_EDGES_MAX = 65_536;

/**
 * The same in a file that was begun when there were at most NARROW_EDGES_MAX edges. Which of the
 * two a file is, its Arrow schema says; docs/decisions/0006-narrow-edge-numbers.md says why.
 */
export const TRANSFERS_NARROW: TableSchema<'transfers'> = {
  ...TRANSFERS,
  columns: [column('edge', 'u16', 'The edge that was taken: a row number of edges.')],
};

export const SEGMENTS: TableSchema<'segments'> = {
  name: 'segments',
  says: 'One row per segment, in the order in which segments were published.',
  columns: [
    column('segment', 'u32', 'Row number, from 0.'),
    column('vcpu', 'u32', 'The vCPU whose transfers it holds.'),
    column('first_seq', 'u64', 'seq of its first transfer.'),
    column('rows', 'u32', 'Number of transfers in it.'),
    column('file', 'u32', 'Number of the file under transfers/.'),
    column('batch', 'u32', 'Record batch within that file, from 0.'),
    column(
      'instructions_before',
      'u64',
      'Instructions this vCPU had retired when the first transfer of the segment landed.',
    ),
    column('time_first_ns', 'u64', 'Host monotonic clock when the segment was opened, ns.'),
    column('time_last_ns', 'u64', 'Host monotonic clock when the segment was published, ns.'),
  ],
};

export const EDGES: TableSchema<'edges'> = {
  name: 'edges',
  says: 'One row per distinct transfer, guest and host terms together.',
  columns: [
    column('edge', 'u32', 'Row number, from 0.'),
    nullable(
      'source',
      'u64',
      'Guest address that control left; null for the first instruction of a vCPU.',
    ),
    column('target', 'u64', 'Guest address that control arrived at.'),
    words('cause', CAUSES, true, 'Why control moved; null where it cannot be told.'),
    words('kind', KINDS, true, 'Finer than cause; null where there is nothing finer.'),
    nullable(
      'source_block',
      'u32',
      'Block that control left; null where source is, or where a signal came in another one.',
    ),
    nullable(
      'target_block',
      'u32',
      'Block that control arrived at; null if a signal came before its first instruction ran.',
    ),
    nullable('host_source', 'u64', 'Host address of the jump instruction; null where none exists.'),
    nullable('host_target', 'u64', 'Host address of the code of the target block.'),
    words('host_how', HOST_HOWS, true, 'How control moved in host code; null where unknown.'),
    column('count', 'u64', 'How often it was taken; 0 in a trace that was not closed properly.'),
  ],
};

export const BLOCKS: TableSchema<'blocks'> = {
  name: 'blocks',
  says: 'One row per translated block that ran; changed or retranslated code is a new block.',
  columns: [
    column('block', 'u32', 'Row number, from 0.'),
    column('pc', 'u64', 'Guest address of its first instruction.'),
    column('size', 'u32', 'Guest code bytes.'),
    column('instructions', 'u32', 'Guest instructions.'),
    column('instruction_sizes', 'binary', 'Size in bytes of each instruction, one byte each.'),
    column('code', 'binary', 'The guest code bytes as they were translated.'),
    nullable('host_pc', 'u64', 'Host address of its translated code.'),
    nullable('host_size', 'u32', 'Host code bytes.'),
    nullable('host_code', 'binary', 'The host code bytes, where kept.'),
    column('born_vcpu', 'u32', 'vCPU that ran it first.'),
    column('born_seq', 'u64', 'seq of the next transfer when it ran for the first time.'),
    later(
      'privilege',
      'u32',
      'Privilege level it runs at, of a whole machine: RISC-V 0 user, 1 supervisor, 3 machine; ' +
        'x86 the ring; AArch64 the exception level. Null where it is not known.',
    ),
    later(
      'text',
      'utf8',
      'A line for each instruction, as QEMU disassembles it; null where the code says it all.',
    ),
  ],
};

export const MARKS: TableSchema<'marks'> = {
  name: 'marks',
  says: 'Rare facts with a position.',
  columns: [
    column('mark', 'u32', 'Row number, from 0.'),
    column('vcpu', 'u32', 'The vCPU it happened on.'),
    column('seq', 'u64', 'seq of the next transfer at that moment.'),
    column('time_ns', 'u64', 'Host monotonic clock, ns.'),
    words('kind', MARK_KINDS, false, 'What happened.'),
    nullable('pc', 'u64', 'Guest address it belongs to.'),
    nullable(
      'number',
      'i64',
      'Signal or system call number, thread or process id, lost transfers, instructions retired.',
    ),
    nullable('code', 'i64', 'Signal code, system call result, or file offset of a mapping.'),
    nullable(
      'address',
      'u64',
      'Fault address, start of the mapped range, or the address space: satp, the table that CR3 ' +
        'names, TTBR0.',
    ),
    nullable('size', 'u64', 'Bytes of the mapped range.'),
    nullable('detail', 'utf8', 'Path or reason in words.'),
  ],
};

export const MODULES: TableSchema<'modules'> = {
  name: 'modules',
  says: 'ELF files that were mapped, over time.',
  columns: [
    column('module', 'u32', 'Row number, from 0.'),
    column('path', 'utf8', 'Path as the guest mapped it.'),
    nullable('build_id', 'utf8', 'GNU build id, lower-case hex; null where the file has none.'),
    column('base', 'u64', 'Add this to an address of the ELF file to get a guest address.'),
    column('start', 'u64', 'First mapped guest address.'),
    column('size', 'u64', 'Bytes from the first to the last mapped address.'),
    column('mapped_vcpu', 'u32', 'vCPU that mapped it.'),
    column('mapped_seq', 'u64', 'seq of the next transfer of that vCPU when it was mapped.'),
    column('mapped_ns', 'u64', 'Host monotonic clock when it was mapped, ns.'),
    nullable('unmapped_ns', 'u64', 'When it was unmapped; null if it stayed to the end.'),
  ],
};

export const SYMBOLS: TableSchema<'symbols'> = {
  name: 'symbols',
  says: 'Symbols of those modules, sorted by module, then address.',
  columns: [
    column('module', 'u32', 'Row number of modules; a file mapped twice has its symbols once.'),
    column('address', 'u64', 'Address as in the ELF file; add the base of the module.'),
    column('size', 'u64', 'Bytes; 0 where the file does not say.'),
    column('name', 'utf8', 'Name as in the ELF file, not demangled.'),
    words('type', SYMBOL_TYPES, false, 'What it names.'),
  ],
};

export const SOURCES: TableSchema<'sources'> = {
  name: 'sources',
  says:
    'Source files that lines and inlines name. These three tables have no file where no source ' +
    'line is known.',
  columns: [
    column('source', 'u32', 'Row number, from 0.'),
    column('path', 'utf8', 'Path where the program was compiled; not to be opened unasked.'),
  ],
};

export const LINES: TableSchema<'lines'> = {
  name: 'lines',
  says:
    'Source lines of the code in blocks, by the line tables of the modules; sorted by module, ' +
    'then address.',
  columns: [
    column('module', 'u32', 'Row number of modules; a file mapped twice has its lines once.'),
    column('address', 'u64', 'Address as in the ELF file; add the base of the module.'),
    column('size', 'u64', 'Bytes of code, at least 1.'),
    nullable('source', 'u32', 'Row number of sources; null where the line table names no file.'),
    column('line', 'u32', 'Line, from 1; 0 for code that belongs to no line.'),
    column('line_column', 'u32', 'Column in the line, from 1; 0 where it is not known.'),
    column('is_statement', 'u32', '1 if the compiler advises a breakpoint at the address, else 0.'),
  ],
};

export const INLINES: TableSchema<'inlines'> = {
  name: 'inlines',
  says:
    'Functions that were inlined into the code in blocks; sorted by module, address, then depth. ' +
    'One that lies in several pieces has a row for each.',
  columns: [
    column('module', 'u32', 'Row number of modules; a file mapped twice has its rows once.'),
    column('address', 'u64', 'Address as in the ELF file; add the base of the module.'),
    column('size', 'u64', 'Bytes of code, at least 1.'),
    column(
      'depth',
      'u32',
      '1 for a function inlined into a symbol, 2 for one inlined into that, ….',
    ),
    column('name', 'utf8', 'Name of the function, not demangled; empty where it has none.'),
    nullable('call_source', 'u32', 'Row number of sources, where it is called; null if unknown.'),
    column('call_line', 'u32', 'Line of the call, from 1; 0 where it is not known.'),
    column('call_column', 'u32', 'Column of the call, from 1; 0 where it is not known.'),
  ],
};

export const TABLES: readonly TableSchema[] = [
  TRANSFERS,
  SEGMENTS,
  EDGES,
  BLOCKS,
  MARKS,
  MODULES,
  SYMBOLS,
  SOURCES,
  LINES,
  INLINES,
];
