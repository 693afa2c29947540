/**
 * Disassembly around the cursor. `▸` is where it stands, `●` ran before it since the last transfer,
 * `○` runs after it before the next one.
 */
import { NO_ROW } from '@backtrail/analyzer';
import {
  fitted,
  formatCount,
  type Line,
  left,
  restyled,
  right,
  type Style,
  span,
} from '../line.ts';
import type { ListedInstruction } from '../listing.ts';
import { hex } from '../names.ts';
import type { WalkState } from '../walk-state.ts';
import type { World } from '../world.ts';

/** Instructions of one moment that are marked; more cannot be on a screen. */
const ROWS_MARKED = 1024;
/** Transfers that may be gone through to count; a longer way would be felt. */
const COUNTED_TRANSFERS_MAX = 1_000_000;
/** The share of the pane above the cursor. */
const ABOVE = 0.6;

export interface Focus {
  /** The instruction that is marked. */
  readonly pc: bigint;
  readonly block: number;
  /** What is to be said before the code. */
  readonly note: string;
  readonly mark: '▸' | '◂';
}

/** Where nothing ran, the instruction that control came from is what there is to see. */
export function focusOf(world: World, { position }: WalkState): Focus {
  const { edges } = world.trace;
  const { pc, row, block, edge } = position;
  if (row !== NO_ROW) return { pc, block, note: '', mark: '▸' };
  const from = edges.hasSource[edge] === 1 ? (edges.source[edge] ?? 0n) : null;
  const nothing = `nothing is known to have run at ${world.names.place(pc)}`;
  const isCode = world.listing.around(pc, NO_ROW, 1, position).some((one) => one.pc === pc);
  if (from === null || isCode) return { pc, block, note: isCode ? '' : nothing, mark: '▸' };
  return {
    pc: from,
    block: edges.sourceBlock[edge] ?? NO_ROW,
    note: `nothing at ${world.names.place(pc)}; control came from ${world.names.place(from)}`,
    mark: '◂',
  };
}

export function codeTitle(world: World, state: WalkState): string {
  const { note, pc } = focusOf(world, state);
  const timeNs = world.names.timeAt(state.position.vcpu, state.position.seq);
  const module = world.names.module(pc, timeNs);
  return `code: ${note === '' ? world.names.place(pc, timeNs) : note}${module && ` in ${module}`}`;
}

/** Marks of the instructions that ran since the last transfer. */
function marksOf(world: World, { position }: WalkState): Map<bigint, string> {
  const marks = new Map<bigint, string>();
  if (position.row === NO_ROW) return marks;
  const { code } = world.cursor;
  const rows = world.cursor.rows(ROWS_MARKED);
  const at = rows.indexOf(position.row);
  for (const [i, row] of rows.entries()) marks.set(code.pcOf(row), i < at ? '●' : '○');
  return marks;
}

/** How often each listed instruction ran up to the cursor; null where that is not known. */
function timesRan(world: World, listed: readonly ListedInstruction[]): number[] | null {
  const { rows, line } = world.listing.rowsOf(listed, world.cursor.code.firstRow);
  const counts = world.cursor.ranUpToHere(rows, COUNTED_TRANSFERS_MAX);
  if (counts === null) return null;
  const times = Array.from(listed, () => 0);
  counts.forEach((count, i) => {
    const at = line[i] ?? 0;
    times[at] = (times[at] ?? 0) + count;
  });
  return times;
}

const STYLES: Readonly<Record<string, Style | undefined>> = { '●': 'green', '○': 'cyan' };

function instructionLine(
  world: World,
  one: ListedInstruction,
  mark: string,
  addressColumns: number,
  ran: string,
): Line {
  return [
    span(` ${mark || ' '} `, STYLES[mark]),
    span(right(hex(one.pc), addressColumns), 'dim'),
    span(ran, 'dim'),
    span(`  ${world.instruction(one)}`, mark === '' ? 'dim' : undefined),
  ];
}

export function codePane(world: World, state: WalkState, columns: number, height: number): Line[] {
  const { vcpu, seq } = state.position;
  const focus = focusOf(world, state);
  const listed = world.listing.around(focus.pc, focus.block, height, { vcpu, seq });
  const marks = marksOf(world, state);
  const addressColumns = Math.max(6, ...listed.map(({ pc }) => hex(pc).length));
  const times = timesRan(world, listed);
  const timesColumns = Math.max(...(times ?? [0]).map((count) => formatCount(count).length)) + 3;
  const ranText = (count: number): string =>
    right(count === 0 ? '' : `${formatCount(count)}×`, timesColumns);
  const lines: Line[] = [];
  let current = -1;
  let end: bigint | null = null;
  let symbol: bigint | null = null;
  for (const [i, one] of listed.entries()) {
    if (end !== null && one.pc > end) {
      const text = `${formatCount(Number(one.pc - end))} bytes that did not run`;
      lines.push([span(`${' '.repeat(addressColumns + 3)}  ⋯ ${text}`, 'dim')]);
    }
    const here = world.names.symbol(one.pc);
    if (here !== null && here.start !== symbol) lines.push([span(`${here.name}:`, 'bold')]);
    symbol = here?.start ?? null;
    end = one.pc + BigInt(one.sizeBytes);
    const isCurrent = one.pc === focus.pc;
    if (isCurrent) current = lines.length;
    const mark = isCurrent ? focus.mark : (marks.get(one.pc) ?? '');
    const ran = times === null ? '' : ranText(times[i] ?? 0);
    const line = instructionLine(world, one, mark, addressColumns, ran);
    lines.push(isCurrent ? restyled(fitted(line, columns), 'inverse') : line);
  }
  if (lines.length === 0) lines.push([span(` no code was recorded at ${hex(focus.pc)}`)]);
  return window(lines, current, columns, height);
}

/** `height` lines of which one is the current one. */
export function window(
  lines: readonly Line[],
  current: number,
  columns: number,
  height: number,
): Line[] {
  const wanted = current - Math.floor(height * ABOVE);
  const from = Math.max(0, Math.min(wanted, lines.length - height));
  const shown = lines.slice(from, from + height);
  const blanks = Array.from({ length: height - shown.length }, (): Line => []);
  return [...shown, ...blanks].map((line) => fitted(line, columns));
}

/** A pane that has one thing to say. */
export const notePane = (text: string, columns: number, height: number): Line[] =>
  window([[span(` ${left(text, columns - 1)}`)]], 0, columns, height);
