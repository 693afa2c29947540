/** The SQL tables of source lines and inlined functions. */
import { INLINES, LINES, NO_ROW, SOURCES } from '@backtrail/recorder/trace';
import { UBIGINT, VARCHAR } from '@duckdb/node-api';
import { newColumn, schemaColumns, type Table, type TableColumn } from './columns.ts';
import type { TableContext } from './context.ts';
import { fillNumbers, fillOrdinals, fillRowNumbers, fillText } from './vectors.ts';

type LazyContext = () => TableContext;

/** Addresses as the guest sees them, where the file was loaded first. */
function guestAddresses(
  { trace }: TableContext,
  rows: { readonly module: Uint32Array; readonly address: BigUint64Array },
): BigUint64Array {
  const { base } = trace.modules;
  return rows.address.map((address, row) => address + (base[rows.module[row] ?? 0] ?? 0n));
}

/** Columns of the schema, but for `address`, which is the guest's; then that of the file. */
function withGuestAddress(columns: readonly TableColumn[]): TableColumn[] {
  return columns.map((column) =>
    column.name === 'address'
      ? { ...column, says: 'Guest address of its first byte, where its file was loaded first.' }
      : column,
  );
}

const FILE_ADDRESS = newColumn('file_address', UBIGINT, 'Address as in the ELF file.');

/** The path of a row of sources; null where there is none. */
const pathsBy =
  (context: LazyContext, numbers: () => Uint32Array) =>
  (row: number): string | null => {
    const source = numbers()[row] ?? NO_ROW;
    return source === NO_ROW ? null : context().trace.sources.path(source);
  };

function sourcesTable(context: LazyContext): Table {
  const trace = () => context().trace;
  return {
    name: 'sources',
    says: 'Source files that lines and inlines name.',
    rows: () => trace().sources.count,
    rowsAbout: () => trace().manifest.totals.sources,
    columns: schemaColumns(SOURCES, {
      source: () => fillOrdinals(),
      path: () => fillText((row) => trace().sources.path(row)),
    }),
  };
}

function linesTable(context: LazyContext): Table {
  const lines = () => context().trace.lines;
  return {
    name: 'lines',
    says: LINES.says,
    rows: () => lines().count,
    rowsAbout: () => context().trace.manifest.totals.lines,
    columns: [
      ...withGuestAddress(
        schemaColumns(LINES, {
          module: () => fillNumbers(lines().module),
          address: () => fillNumbers(guestAddresses(context(), lines())),
          size: () => fillNumbers(lines().size),
          source: () => fillRowNumbers(lines().source),
          line: () => fillNumbers(lines().line),
          line_column: () => fillNumbers(lines().column),
          is_statement: () => fillNumbers(lines().isStatement),
        }),
      ),
      {
        ...newColumn('path', VARCHAR, 'Path of the source file; null where none is named.'),
        make: () => fillText(pathsBy(context, () => lines().source)),
      },
      { ...FILE_ADDRESS, make: () => fillNumbers(lines().address) },
    ],
  };
}

function inlinesTable(context: LazyContext): Table {
  const inlines = () => context().trace.inlines;
  return {
    name: 'inlines',
    says: INLINES.says,
    rows: () => inlines().count,
    rowsAbout: () => context().trace.manifest.totals.inlines,
    columns: [
      ...withGuestAddress(
        schemaColumns(INLINES, {
          module: () => fillNumbers(inlines().module),
          address: () => fillNumbers(guestAddresses(context(), inlines())),
          size: () => fillNumbers(inlines().size),
          depth: () => fillNumbers(inlines().depth),
          name: () => fillText((row) => inlines().name(row)),
          call_source: () => fillRowNumbers(inlines().callSource),
          call_line: () => fillNumbers(inlines().callLine),
          call_column: () => fillNumbers(inlines().callColumn),
        }),
      ),
      {
        ...newColumn('demangled', VARCHAR, 'Name as a programmer wrote it.'),
        make: () => fillText((row) => context().demangle(inlines().name(row))),
      },
      {
        ...newColumn('call_path', VARCHAR, 'Path of the source file of the call; null if unknown.'),
        make: () => fillText(pathsBy(context, () => inlines().callSource)),
      },
      { ...FILE_ADDRESS, make: () => fillNumbers(inlines().address) },
    ],
  };
}

export const sourceTables = (context: LazyContext): readonly Table[] => [
  sourcesTable(context),
  linesTable(context),
  inlinesTable(context),
];
