/** Renders the tables of docs/trace-format.md from the schema, between its markers. */
import { type Column, TABLES, type TableSchema } from '../packages/recorder/src/trace/schema.ts';
import { LOSS_COUNTERS } from '../packages/recorder/src/trace/stats.ts';

export const TRACE_FORMAT_PATH = 'docs/trace-format.md';

const ARROW_TYPES = {
  u16: 'uint16',
  u32: 'uint32',
  u64: 'uint64',
  i64: 'int64',
  utf8: 'utf8',
  binary: 'binary',
  code: '`dictionary<uint8, utf8>`',
};

function row(column: Column): string {
  const words =
    column.words === undefined ? '' : ` Words: ${column.words.map((w) => `\`${w}\``).join(', ')}.`;
  const isNullable = column.nullable ? 'yes' : '';
  const type = ARROW_TYPES[column.type];
  return `| \`${column.name}\` | ${type} | ${isNullable} | ${column.says}${words} |`;
}

function table({ name, says, columns }: TableSchema): string[] {
  const file = name === 'transfers' ? 'transfers/NNNNNN.arrow' : `${name}.arrow`;
  return [
    `### ${file}`,
    '',
    says,
    '',
    '| column | type | null | meaning |',
    '|---|---|---|---|',
    ...columns.map(row),
    '',
  ];
}

const losses = (): string[] => [
  '| counter | severity | its count, then | what to do |',
  '|---|---|---|---|',
  ...LOSS_COUNTERS.map((c) => `| \`${c.name}\` | ${c.severity} | ${c.says} | ${c.advice} |`),
  '',
];

const PARTS: Readonly<Record<string, () => string[]>> = {
  tables: () => TABLES.flatMap(table),
  losses,
};

/** The page with every generated part made anew. @throws Error if a marker is missing. */
export function renderTraceFormat(page: string): string {
  let out = page;
  for (const [name, render] of Object.entries(PARTS)) {
    const [start, end] = [`<!-- generated: ${name} -->\n`, `<!-- end: ${name} -->`];
    const [from, to] = [out.indexOf(start), out.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`${TRACE_FORMAT_PATH}: no markers for ${name}`);
    out = `${out.slice(0, from + start.length)}\n${render().join('\n')}\n${out.slice(to)}`;
  }
  return out;
}
