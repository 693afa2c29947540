/**
 * What is shown of bench/results.json: tables in bench/results.md between marks, and charts. Made
 * anew without measuring anew: `npm run bench -- --report`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { type Bar, barChart, type Curve, curveChart } from './charts.ts';
import type { GrowthRow, Part, PeerRow, Results } from './results.ts';

const NATIVE = 'native';

const isOurs = ({ name }: PeerRow): boolean => name.startsWith('backtrail');

const nanoseconds = (row: PeerRow): number => (row.roundSeconds / row.roundTransfers) * 1e9;

/** Two digits that count, and no exponent. */
function short(value: number): string {
  if (value === 0) return '0';
  if (value >= 99.5) return Math.round(value).toLocaleString('en');
  return value >= 9.95
    ? value.toFixed(0)
    : value >= 0.995
      ? value.toFixed(1)
      : value.toPrecision(2);
}

const bytesText = (value: number): string => `${short(value)} B`;
const times = (value: number): string => `${short(value)}×`;

function secondsText(value: number): string {
  if (value >= 1) return `${short(value)} s`;
  return value >= 1e-3 ? `${short(value * 1e3)} ms` : `${short(value * 1e6)} µs`;
}

/** A power of ten beside an axis. */
function tick(value: number): string {
  if (value >= 1e9) return `${Math.round(value / 1e9)}G`;
  if (value >= 1e6) return `${Math.round(value / 1e6)}M`;
  return value >= 1e3 ? `${Math.round(value / 1e3)}k` : `${Number(value.toPrecision(1))}`;
}

function secondsTick(value: number): string {
  if (value >= 1 - 1e-9) return `${tick(value)} s`;
  return value >= 1e-3 - 1e-9 ? `${tick(value * 1e3)} ms` : `${tick(value * 1e6)} µs`;
}

const measured = (rows: readonly PeerRow[]): PeerRow[] =>
  rows.filter(({ problem, roundSeconds }) => problem === null && roundSeconds > 0);

function slowdown(rows: readonly PeerRow[], row: PeerRow): number {
  const native = rows.find(({ name }) => name === NATIVE);
  return row.roundSeconds / (native?.roundSeconds ?? Number.NaN);
}

function peersTable({ date, machine, rows }: Part<PeerRow>): string[] {
  const lines = [
    `Measured on ${date}: ${machine}.`,
    '',
    '| tool | what it keeps | ÷ native | ns/transfer | bytes/transfer | bytes/instruction | ' +
      'start and end |',
    '|---|---|---|---|---|---|---|',
  ];
  for (const row of rows) {
    const { name, keeps, problem, roundBytes, startSeconds } = row;
    if (problem !== null) {
      lines.push(`| ${name} | ${keeps} | not measured: ${problem} | | | | |`);
      continue;
    }
    const perUnit = (units: number): string =>
      roundBytes === null ? '' : short(roundBytes / units);
    const cells = [
      name,
      keeps,
      short(slowdown(rows, row)),
      short(nanoseconds(row)),
      perUnit(row.roundTransfers),
      perUnit(row.roundInstructions),
      secondsText(startSeconds),
    ];
    lines.push(`| ${cells.join(' | ')} |`);
  }
  return lines;
}

const byValue = (a: Bar, b: Bar): number => a.value - b.value;

function slowdownChart({ rows }: Part<PeerRow>): string {
  const bars = measured(rows)
    .filter(({ name }) => name !== NATIVE)
    .map((row): Bar => {
      const value = slowdown(rows, row);
      return { label: row.name, value, text: times(value), isOurs: isOurs(row) };
    });
  const title = 'Time of a run, as a multiple of the native one (less is better)';
  return barChart(title, bars.sort(byValue), (value) => `${tick(value)}×`);
}

function bytesChart({ rows }: Part<PeerRow>): string {
  const bars = measured(rows)
    .filter(({ roundBytes }) => (roundBytes ?? 0) > 0)
    .map((row): Bar => {
      const value = (row.roundBytes ?? 0) / row.roundTransfers;
      return { label: row.name, value, text: bytesText(value), isOurs: isOurs(row) };
    });
  return barChart(
    'Bytes for each transfer of the run (less is better)',
    bars.sort(byValue),
    (value) => `${tick(value)} B`,
  );
}

const ASKED: readonly (readonly [label: string, of: keyof GrowthRow])[] = [
  ['index, once', 'index'],
  ['SQL reading all', 'sqlRead'],
  ['SQL by counts', 'sqlCounted'],
  ['last: previous execution', 'last'],
  ['stack at the middle', 'stack'],
  ['info: open', 'info'],
  ['search to the start*', 'search'],
  ['one step back*', 'step'],
];

function growthChart({ rows }: Part<GrowthRow>): string {
  const curves = ASKED.map(
    ([label, of]): Curve => ({
      label,
      points: rows.map((row) => [row.transfers, Math.max(1e-6, row[of])]),
    }),
  );
  const title = 'Time to an answer, by length of the trace (* in a process that has it open)';
  return curveChart(title, 'transfers', curves, { x: tick, y: secondsTick });
}

function growthTable({ date, machine, rows }: Part<GrowthRow>): string[] {
  const names = ['record', ...ASKED.map(([label]) => label), 'trace'];
  const lines = [
    `Measured on ${date}: ${machine}.`,
    '',
    `| transfers | ${names.join(' | ')} |`,
    `|---|${names.map(() => '---|').join('')}`,
  ];
  for (const row of rows) {
    const cells = [row.record, ...ASKED.map(([, of]) => row[of])].map(secondsText);
    const size = `${(row.bytes / 2 ** 20).toFixed(2)} MiB`;
    lines.push(`| ${row.transfers.toLocaleString('en')} | ${cells.join(' | ')} | ${size} |`);
  }
  return lines;
}

function between(page: string, name: string, lines: readonly string[]): string {
  const [begin, end] = [`<!-- generated: ${name} -->`, `<!-- end: ${name} -->`];
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`bench/results.md: expected ${begin} … ${end}`);
  return `${page.slice(0, from + begin.length)}\n\n${lines.join('\n')}\n\n${page.slice(to)}`;
}

/** Files by name in bench/, as they should be. */
function render(results: Results, page: string): Record<string, string> {
  const withPeers = between(page, 'peers', peersTable(results.peers));
  return {
    'results.md': between(withPeers, 'growth', growthTable(results.growth)),
    'charts/slowdown.svg': slowdownChart(results.peers),
    'charts/bytes.svg': bytesChart(results.peers),
    'charts/growth.svg': growthChart(results.growth),
  };
}

const HERE = new URL('./', import.meta.url);

function read(file: URL): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** Writes what is not as it should be; with `isCheck` it says so instead. @returns their names. */
export function report(results: Results, isCheck: boolean): string[] {
  const files = render(results, read(new URL('results.md', HERE)));
  const stale = Object.entries(files).filter(([name, text]) => read(new URL(name, HERE)) !== text);
  if (!isCheck) for (const [name, text] of stale) writeFileSync(new URL(name, HERE), text);
  return stale.map(([name]) => name);
}
