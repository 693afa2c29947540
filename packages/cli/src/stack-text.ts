/** What `backtrail stack` prints: a frame a line, and what was out of the ordinary; or JSON. */
import type { BrokenReturn, FrameMove, NamedFrame, SourceFrame } from '@backtrail/analyzer';
import { jsonText } from './backward-text.ts';
import type { Output } from './io.ts';
import { lineText } from './last-text.ts';
import type { StackAnswer } from './stack.ts';
import { tellEnd } from './summary.ts';
import { cut, formatCount, plural, printable, type TableColumn, table } from './text.ts';

const SYMBOL_COLUMNS_MAX = 60;

const COLUMNS: readonly TableColumn[] = [
  { title: '#', align: 'right' },
  { title: 'in', align: 'left' },
  { title: 'line', align: 'left' },
  { title: 'entered by', align: 'left' },
  { title: 'seq', align: 'right' },
];
const LINE = COLUMNS.findIndex(({ title }) => title === 'line');

const MOVES: Readonly<Record<FrameMove, string>> = {
  'tail-jump': 'jumped to',
  'broken-return': 'RETURNED ASTRAY to',
  restorer: 'its handler returned to',
  return: 'returned, to where nothing is known, to',
  redirect: 'made by a handler to go on at',
};

const name = (symbol: string): string => cut(printable(symbol), SYMBOL_COLUMNS_MAX);

const inlined = (of: NamedFrame): readonly SourceFrame[] =>
  of.sources.filter((one) => one.isInlined);

/** A frame, the functions inlined in it above it, and how it went on below it. */
function rowsOf(of: NamedFrame): string[][] {
  const number = String(of.level);
  const inner = inlined(of).map((source, i) => {
    const label = name(source.function ?? '?');
    return [i === 0 ? number : '', `${label} (inlined)`, lineText(source), '', ''];
  });
  const { length } = inner;
  const line = lineText(of.sources[length] ?? null);
  const first = [length === 0 ? number : '', name(of.place.symbol), line];
  const rows = [...inner, [...first, of.entered, formatCount(of.seq)]];
  if (of.moved === null) return rows;
  const from = name(of.movedFrom?.symbol ?? '?');
  const to = name(of.movedTo?.symbol ?? '?');
  rows.push(['', `  ${from} ${MOVES[of.moved.how]} ${to}`, '', '', formatCount(of.moved.seq)]);
  return rows;
}

function framesText({ frames, stack }: StackAnswer, out: Output): string[] {
  const fitted = (line: string): string => (out.isTerminal ? cut(line, out.columns) : line);
  const rows = frames.map(rowsOf);
  const hasLines = rows.some((list) => list.some((cells) => cells[LINE] !== ''));
  const isShown = (_cell: unknown, column: number): boolean => hasLines || column !== LINE;
  const cells = rows.flat().map((list) => list.filter(isShown));
  const [title = '', ...lines] = table(COLUMNS.filter(isShown), cells);
  const text = [out.paint('bold', fitted(title))];
  let next = 0;
  rows.forEach((list, i) => {
    const before = frames[i - 1];
    if (before !== undefined && (frames[i]?.level ?? 0) !== before.level + 1) {
      text.push(`   … ${plural(stack.omitted, 'frame')} in between; more with -n`);
    }
    for (const _row of list) {
      const line = fitted(lines[next++] ?? '');
      text.push(line.includes('RETURNED ASTRAY') ? out.paint('red', line) : line);
    }
  });
  return text;
}

function bottomText({ stack }: StackAnswer): string[] {
  const lines: string[] = [];
  if (!stack.isBottomKnown) {
    lines.push('What lies below is not known: transfers before are missing.');
  }
  if (stack.parked > 0) {
    const waiting = plural(stack.parked, 'other stack waits', 'other stacks wait');
    lines.push(`${waiting} to be gone on with (coroutines, tasks, interrupted programs).`);
  }
  return lines;
}

function brokenText(answer: StackAnswer, out: Output): string[] {
  const { brokenReturns, symbolizer } = answer;
  const [first] = brokenReturns.first;
  if (first === undefined) return ['Every return of the run went back to where a call came from.'];
  const place = (address: bigint): string => name(symbolizer.format(address));
  const tell = (of: BrokenReturn): string => {
    const expected = of.expected === null ? '' : `, not to ${place(of.expected)}`;
    const called = of.callSite === null ? '' : ` (called at ${formatCount(of.calledSeq)})`;
    const went = `${place(of.source)} → ${place(of.target)}`;
    return `  ${formatCount(of.seq)}: ${went}${expected}${called}`;
  };
  const list = [...brokenReturns.first, ...brokenReturns.last];
  const left = brokenReturns.count - list.length;
  const lines = list.map(tell);
  if (left > 0) lines.splice(brokenReturns.first.length, 0, `  … ${plural(left, 'more')} …`);
  const title = `${plural(brokenReturns.count, 'return')} did not go back to the caller:`;
  return [out.paint('red', title), ...lines];
}

export function stackText(answer: StackAnswer, out: Output): string {
  const { trace, stack, counts } = answer;
  const last = trace.seqEnd(stack.vcpu) - 1;
  const moment = stack.seq === last ? `${formatCount(last)}, the last one` : formatCount(stack.seq);
  const frames = plural(stack.depth, 'frame');
  const others = [
    counts.unwound > 0 ? plural(counts.unwound, 'jump out of frames', 'jumps out of frames') : '',
    counts.switched > 0 ? plural(counts.switched, 'switch of stacks', 'switches of stacks') : '',
    counts.redirected > 0 ? plural(counts.redirected, 'redirection') : '',
  ].filter((text) => text !== '');
  return `${[
    `${tellEnd(trace.manifest)}.`,
    `vCPU ${stack.vcpu} after transfer ${moment}: ${frames}, innermost first.`,
    '',
    ...framesText(answer, out),
    '',
    ...bottomText(answer),
    ...brokenText(answer, out),
    ...(others.length === 0 ? [] : [`In the whole run: ${others.join(', ')}.`]),
  ].join('\n')}\n`;
}

/** One JSON object; addresses as 0x…. */
export function stackJson({ trace, stack, frames, brokenReturns, counts }: StackAnswer): string {
  const { frames: _plain, ...moment } = stack;
  const text = jsonText({
    directory: trace.directory,
    state: trace.state,
    end: trace.manifest.end,
    ...moment,
    frames,
    brokenReturns,
    counts,
  });
  return `${JSON.stringify(JSON.parse(text), null, 2)}\n`;
}
