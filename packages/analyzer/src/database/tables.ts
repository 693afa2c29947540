/** The tables of a trace as SQL shows them: columns of the schema, and what follows from them. */
import {
  BLOCKS,
  EDGES,
  MARKS,
  MODULES,
  NO_ROW,
  SEGMENTS,
  SYMBOLS,
  type Trace,
} from '@backtrail/recorder/trace';
import { ENUM, UBIGINT, UINTEGER, UTINYINT, VARCHAR } from '@duckdb/node-api';
import { FLOW_KINDS } from '../disassembly/flow.ts';
import { guestNames } from '../guest-names.ts';
import { privilegeOf } from '../privilege.ts';
import {
  isPrivate,
  newColumn,
  schemaColumn,
  schemaColumns,
  type Table,
  tableScan,
} from './columns.ts';
import { once, type TableContext } from './context.ts';
import { flowsByRow } from './instructions.ts';
import { placeColumns, SYMBOL_SAYS } from './place-columns.ts';
import type { Scan, ScanColumn } from './scan.ts';
import { sourceTables } from './source-tables.ts';
import {
  fillBytes,
  fillCodes,
  fillNumbers,
  fillOrdinals,
  fillRowNumbers,
  fillText,
  fillWholeNumbers,
} from './vectors.ts';

type LazyContext = () => TableContext;

/** Columns of `transfers`; transfers.ts fills them by name. */
export const TRANSFER_COLUMNS: readonly ScanColumn[] = [
  newColumn('vcpu', UINTEGER, 'The vCPU that made the transfer.'),
  newColumn('seq', UBIGINT, "Position in that vCPU's stream, from 0."),
  schemaColumn(EDGES, 'source'),
  schemaColumn(EDGES, 'target'),
  schemaColumn(EDGES, 'cause'),
  schemaColumn(EDGES, 'kind'),
  newColumn('edge', UINTEGER, 'The edge that was taken: a row number of edges.'),
  schemaColumn(EDGES, 'host_source'),
  schemaColumn(EDGES, 'host_target'),
  newColumn('source_symbol', VARCHAR, `For source: the ${SYMBOL_SAYS}.`),
  newColumn('target_symbol', VARCHAR, `For target: the ${SYMBOL_SAYS}.`),
  newColumn(
    'time_ns',
    UBIGINT,
    'Estimate of the host monotonic clock, ns: on a line between the first and last time of ' +
      'its segment.',
  ),
];

/** A guess for DuckDB's planner. */
const INSTRUCTIONS_A_BLOCK = 5;

const TRANSFERS_SAYS = 'Every transfer, ordered by vCPU, then seq.';

/** By edge; NO_ROW where it is not known. */
const privilegesOf = (trace: Trace): Uint32Array =>
  trace.edges.targetBlock
    .subarray(0, trace.edges.count)
    .map((block) => privilegeOf(trace, block) ?? NO_ROW);

function edgesTable(context: LazyContext): Table {
  const trace = () => context().trace;
  const placesOf = (end: 'source' | 'target') =>
    placeColumns(end, `${end}_`, () => {
      const { columns, pool } = context().edgePlaces();
      return { place: columns[end], texts: pool.words };
    });
  return {
    name: 'edges',
    says: EDGES.says,
    rows: () => trace().edges.count,
    rowsAbout: () => trace().manifest.totals.edges,
    columns: [
      ...schemaColumns(EDGES, {
        edge: () => fillOrdinals(),
        source: () => fillNumbers(trace().edges.source, trace().edges.hasSource),
        target: () => fillNumbers(trace().edges.target),
        cause: () => fillCodes(trace().edges.cause),
        kind: () => fillCodes(trace().edges.kind),
        source_block: () => fillRowNumbers(trace().edges.sourceBlock),
        target_block: () => fillRowNumbers(trace().edges.targetBlock),
        host_source: () => fillNumbers(trace().edges.hostSource, trace().edges.hasHostSource),
        host_target: () => fillNumbers(trace().edges.hostTarget, trace().edges.hasHostTarget),
        host_how: () => fillCodes(trace().edges.hostHow),
        count: () => fillWholeNumbers(trace().edges.taken),
      }),
      {
        ...newColumn(
          'privilege',
          UINTEGER,
          'Privilege level at the target, as in blocks; null where it is not known.',
        ),
        make: () => fillRowNumbers(privilegesOf(trace())),
      },
      ...placesOf('source'),
      ...placesOf('target'),
    ],
  };
}

function blocksTable(context: LazyContext): Table {
  const trace = () => context().trace;
  return {
    name: 'blocks',
    says: BLOCKS.says,
    rows: () => trace().blocks.count,
    rowsAbout: () => trace().manifest.totals.blocks,
    columns: [
      ...schemaColumns(BLOCKS, {
        block: () => fillOrdinals(),
        pc: () => fillNumbers(trace().blocks.pc),
        size: () => fillNumbers(trace().blocks.size),
        instructions: () => fillNumbers(trace().blocks.instructions),
        instruction_sizes: () => fillBytes((row) => trace().blocks.instructionSizes(row)),
        code: () => fillBytes((row) => trace().blocks.code(row)),
        host_pc: () => fillNumbers(trace().blocks.hostPc, trace().blocks.hasHostPc),
        host_size: () => fillNumbers(trace().blocks.hostSize, trace().blocks.hasHostPc),
        host_code: () => fillBytes((row) => trace().blocks.hostCode(row)),
        born_vcpu: () => fillNumbers(trace().blocks.bornVcpu),
        born_seq: () => fillWholeNumbers(trace().blocks.bornSeq),
        privilege: () => fillNumbers(trace().blocks.privilege, trace().blocks.hasPrivilege),
        text: () => fillText((row) => trace().blocks.text(row)),
      }),
      ...placeColumns('pc', '', () => {
        const { columns, pool } = context().blockPlaces();
        return { place: columns.pc, texts: pool.words };
      }),
    ],
  };
}

function instructionsTable(context: LazyContext): Table {
  const index = () => context().instructions();
  return {
    name: 'instructions',
    says: 'Every instruction of the recorded blocks, once per address, ordered by it.',
    rows: () => index().count,
    rowsAbout: () => context().trace.manifest.totals.blocks * INSTRUCTIONS_A_BLOCK,
    columns: [
      {
        ...newColumn('pc', UBIGINT, 'Guest address of its first byte.'),
        make: () => fillNumbers(index().pc),
      },
      { ...newColumn('size', UTINYINT, 'Bytes.'), make: () => fillNumbers(index().size) },
      {
        ...newColumn('block', UINTEGER, 'The newest block that has it: a row of blocks.'),
        make: () => fillNumbers(index().block),
      },
      {
        ...newColumn(
          'kind',
          ENUM(FLOW_KINDS),
          'What its bits say it may do to control; null if the next instruction always follows, ' +
            'and where the instruction set is not one of x86, RISC-V and AArch64.',
        ),
        make: () => fillCodes(flowsByRow(context().trace, index())),
      },
      {
        ...newColumn(
          'executed',
          UBIGINT,
          'How often it ran; from the counts of edges, so 0 in a trace that was not closed. At ' +
            'most this often where code was replaced by instructions of other sizes.',
        ),
        make: () => fillWholeNumbers(index().executed),
      },
      ...placeColumns('pc', '', () => {
        const { columns, pool } = context().instructionPlaces();
        return { place: columns.pc, texts: pool.words };
      }),
    ],
  };
}

function marksTable(context: LazyContext): Table {
  const trace = () => context().trace;
  return {
    name: 'marks',
    says: MARKS.says,
    rows: () => trace().marks.count,
    rowsAbout: () => trace().manifest.totals.marks,
    columns: [
      ...schemaColumns(MARKS, {
        mark: () => fillOrdinals(),
        vcpu: () => fillNumbers(trace().marks.vcpu),
        seq: () => fillWholeNumbers(trace().marks.seq),
        time_ns: () => fillNumbers(trace().marks.timeNs),
        kind: () => fillCodes(trace().marks.kind),
        pc: () => fillNumbers(trace().marks.pc, trace().marks.hasPc),
        number: () => fillNumbers(trace().marks.number, trace().marks.hasNumber),
        code: () => fillNumbers(trace().marks.code, trace().marks.hasCode),
        address: () => fillNumbers(trace().marks.address, trace().marks.hasAddress),
        size: () => fillNumbers(trace().marks.size, trace().marks.hasSize),
        detail: () => fillText((row) => trace().marks.detail(row)),
      }),
      ...placeColumns('pc', '', () => {
        const { columns, pool } = context().markPlaces();
        return { place: columns.pc, texts: pool.words };
      }),
    ],
  };
}

function modulesTable(context: LazyContext): Table {
  const trace = () => context().trace;
  return {
    name: 'modules',
    says: MODULES.says,
    rows: () => trace().modules.count,
    rowsAbout: () => trace().manifest.totals.modules,
    columns: schemaColumns(MODULES, {
      module: () => fillOrdinals(),
      path: () => fillText((row) => trace().modules.path(row)),
      build_id: () => fillText((row) => trace().modules.buildId(row)),
      base: () => fillNumbers(trace().modules.base),
      start: () => fillNumbers(trace().modules.start),
      size: () => fillNumbers(trace().modules.size),
      mapped_vcpu: () => fillNumbers(trace().modules.mappedVcpu),
      mapped_seq: () => fillWholeNumbers(trace().modules.mappedSeq),
      mapped_ns: () => fillNumbers(trace().modules.mappedNs),
      unmapped_ns: () => fillNumbers(trace().modules.unmappedNs, trace().modules.hasUnmappedNs),
    }),
  };
}

function symbolsTable(context: LazyContext): Table {
  const trace = () => context().trace;
  const guestAddresses = (): BigUint64Array => {
    const { symbols, modules } = trace();
    const baseOf = (row: number) => modules.base[symbols.module[row] ?? 0] ?? 0n;
    return symbols.address.map((address, row) => address + baseOf(row));
  };
  const columns = schemaColumns(SYMBOLS, {
    module: () => fillNumbers(trace().symbols.module),
    address: () => fillNumbers(guestAddresses()),
    size: () => fillNumbers(trace().symbols.size),
    name: () => fillText((row) => trace().symbols.name(row)),
    type: () => fillCodes(trace().symbols.type),
  });
  return {
    name: 'symbols',
    says: SYMBOLS.says,
    rows: () => trace().symbols.count,
    rowsAbout: () => trace().manifest.totals.symbols,
    columns: [
      ...columns.map((column) =>
        column.name === 'address'
          ? { ...column, says: 'Guest address of its first byte.' }
          : column,
      ),
      {
        ...newColumn(
          'demangled',
          VARCHAR,
          'Name as a programmer wrote it; the same as name where that is not mangled.',
        ),
        make: () => fillText((row) => context().demangle(trace().symbols.name(row))),
      },
      {
        ...newColumn('file_address', UBIGINT, 'Address as in the ELF file.'),
        make: () => fillNumbers(trace().symbols.address),
      },
    ],
  };
}

function segmentsTable(context: LazyContext): Table {
  const trace = () => context().trace;
  return {
    name: 'segments',
    says: SEGMENTS.says,
    rows: () => trace().segments.count,
    rowsAbout: () => trace().manifest.totals.segments,
    columns: schemaColumns(SEGMENTS, {
      segment: () => fillOrdinals(),
      vcpu: () => fillNumbers(trace().segments.vcpu),
      first_seq: () => fillWholeNumbers(trace().segments.firstSeq),
      rows: () => fillNumbers(trace().segments.rows),
      file: () => fillNumbers(trace().segments.file),
      batch: () => fillNumbers(trace().segments.batch),
      instructions_before: () => fillWholeNumbers(trace().segments.instructionsBefore),
      time_first_ns: () => fillNumbers(trace().segments.timeFirstNs),
      time_last_ns: () => fillNumbers(trace().segments.timeLastNs),
    }),
  };
}

/**
 * All but `transfers`, which has no rows in memory. The context is asked for when a query needs an
 * array; names, types and sentences need none.
 */
export function traceTables(context: LazyContext): readonly Table[] {
  return [
    edgesTable(context),
    blocksTable(context),
    instructionsTable(context),
    marksTable(context),
    modulesTable(context),
    symbolsTable(context),
    ...sourceTables(context),
    segmentsTable(context),
  ];
}

/** `_guest_names()`: what the guest calls the numbers of signals and system calls. */
export function guestNamesScan(trace: Trace): Scan {
  const names = once(() => guestNames(trace.manifest.guest.isa));
  return tableScan({
    name: 'guest_names',
    says: '',
    rows: () => names().length,
    rowsAbout: () => 500,
    columns: [
      {
        ...newColumn('kind', VARCHAR, '`signal` or `syscall`.'),
        make: () => fillText((row) => names()[row]?.kind ?? null),
      },
      {
        ...newColumn('number', UINTEGER, 'Its number.'),
        make: () => fillNumbers(Uint32Array.from(names(), ({ number }) => number)),
      },
      {
        ...newColumn('name', VARCHAR, 'Its name.'),
        make: () => fillText((row) => names()[row]?.name ?? null),
      },
    ],
  });
}

export interface TableDescription {
  readonly name: string;
  readonly says: string;
  readonly columns: readonly ScanColumn[];
}

/** What users can read from, with a sentence for each column. */
export function describeTables(): TableDescription[] {
  const tables = traceTables(() => {
    throw new Error('a description reads no trace');
  });
  const transfers = { name: 'transfers', says: TRANSFERS_SAYS, columns: TRANSFER_COLUMNS };
  return [transfers, ...tables].map(({ name, says, columns }) => ({
    name,
    says,
    columns: columns.filter((column) => !isPrivate(column.name)),
  }));
}
