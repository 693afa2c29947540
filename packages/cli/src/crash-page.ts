/**
 * A crash report as a page: sections of sentences, listings and tables, which text, Markdown and
 * HTML are made from. What does not apply is left away.
 */
import type {
  CrashBrokenReturn,
  CrashEnd,
  CrashEvent,
  CrashReport,
  CrashWhere,
  CrashWildJump,
} from '@backtrail/analyzer';
import { stackBlocks, transferTable } from './crash-tables.ts';
import { describeStop, tellEnd } from './summary.ts';
import { fileLine, formatCount, plural, shellWords, type TableColumn } from './text.ts';

/** Words as they are, or something of the program: a name, an address. */
export type Span = string | { readonly code: string };
export type Sentence = readonly Span[];

/** A row of a table, or a note across it. */
export type PageRow =
  | { readonly cells: readonly string[]; readonly isBad?: boolean }
  | { readonly note: string; readonly isBad?: boolean };

export type Block =
  | { readonly kind: 'sentences'; readonly list: readonly Sentence[] }
  | {
      readonly kind: 'table';
      readonly columns: readonly TableColumn[];
      readonly rows: readonly PageRow[];
    }
  /** Instructions; `isHere` is the one in question. */
  | {
      readonly kind: 'code';
      readonly lines: readonly {
        readonly address: string;
        readonly text: string;
        readonly isHere: boolean;
      }[];
    }
  | {
      readonly kind: 'commands';
      readonly list: readonly { readonly says: string; readonly words: readonly string[] }[];
    };

export interface Section {
  /** For links within a page. */
  readonly id: string;
  readonly title: string;
  readonly blocks: readonly Block[];
}

export interface Page {
  readonly title: string;
  readonly isFailure: boolean;
  readonly head: readonly Sentence[];
  readonly sections: readonly Section[];
}

export function crashPage(report: CrashReport): Page {
  const sections = [
    whereSection(report),
    findingsSection(report),
    section('stack', 'Call stack', stackBlocks(report)),
    section('transfers', 'Last transfers, newest first', [transferTable(report)]),
    beforeSection(report),
    othersSection(report),
    section('unknown', 'Not known', sentencesOf(report.unknown.map(({ says }) => [says]))),
    section('next', 'Next', [{ kind: 'commands', list: report.next }]),
  ];
  return {
    title: titleOf(report),
    isFailure: report.end.isFailure,
    head: headOf(report),
    sections: sections.filter(({ blocks }) => blocks.length > 0),
  };
}

const section = (id: string, title: string, blocks: readonly Block[]): Section => ({
  id,
  title,
  blocks,
});

const sentencesOf = (list: readonly Sentence[]): Block[] =>
  list.length === 0 ? [] : [{ kind: 'sentences', list }];

const code = (text: string): Span => ({ code: text });

function titleOf({ trace, end }: CrashReport): string {
  if (end.how === 'stopped') {
    return `${shellWords(trace.command.slice(0, 1))} stopped the board with status ${end.status}`;
  }
  return tellEnd({ command: trace.command, end: manifestEnd(end), note: null });
}

/** As the manifest has it. */
function manifestEnd(end: CrashEnd): Parameters<typeof tellEnd>[0]['end'] {
  if (end.how === 'running') return null;
  if (end.signal !== null && end.number !== null) {
    return { how: 'signal', signal: end.signal, number: end.number };
  }
  return end.status === null ? { how: 'unknown' } : { how: 'exit', status: end.status };
}

function panicSentence({ name, vcpu, seq, caller }: CrashReport['panics'][number]): Sentence {
  const by: Span[] = caller === null ? [] : [' from ', code(caller.symbol)];
  return ['The kernel gave up: ', code(name), ` was called`, ...by, `, ${vcpu}:${seq}.`];
}

function headOf({ trace, vcpu, vcpuTransfers, end, panics }: CrashReport): Sentence[] {
  const list: Sentence[] = panics.map(panicSentence);
  if (end.note !== null) list.push([`It ended because ${end.note}.`]);
  if (end.code !== null && end.signal !== null) {
    const says = end.codeSays === null ? '' : `: ${end.codeSays}`;
    const address = end.faultAddress === null ? [] : ['; fault address ', code(end.faultAddress)];
    list.push([`${end.signal}, code ${end.code}${says}`, ...address, '.']);
  }
  if (end.recordingStopped !== null) {
    list.push([`Recording had stopped before ${describeStop(end.recordingStopped)}.`]);
  }
  const own = trace.vcpus === 1 ? '' : `, ${formatCount(vcpuTransfers)} of them by vCPU ${vcpu}`;
  const engine = `${trace.isa}, ${trace.mode} mode, ${trace.engine} ${trace.engineVersion}`;
  // Alone: how long it is must not decide where other lines are broken.
  list.push([code(trace.directory)]);
  list.push([`${plural(trace.transfers, 'transfer')}${own}; ${engine}.`]);
  return list;
}

const atSource = (place: CrashWhere['place']): Span[] => {
  const { source } = place;
  if (source === null) return [];
  return [' (', code(fileLine(source.file, source.line)), ')'];
};

function whereSection({ where, end }: CrashReport): Section {
  if (where === null) return section('where', '', []);
  const { isFault } = end;
  const ended = end.recordingStopped === null ? 'Where it ended' : 'Where recording stopped';
  const title = isFault ? 'Where it failed' : ended;
  const blocks: Block[] = [{ kind: 'sentences', list: [whereSentence(where, isFault)] }];
  if (where.code.length > 0) {
    const isKnown = where.known === 'instruction';
    const last = where.code.length - 1;
    const lines = where.code.map(({ address, text }, i) => ({
      address,
      text,
      isHere: isKnown && i === last,
    }));
    blocks.push({ kind: 'code', lines });
  }
  if (where.returnsTo !== null) {
    blocks.push(...sentencesOf([['Its return was to go to ', code(where.returnsTo.symbol), '.']]));
  }
  const text = where.place.source?.text ?? null;
  if (text !== null) blocks.push(...sentencesOf([['Source: ', code(text.trim())]]));
  return section('where', title, blocks);
}

function whereSentence({ known, place, isCode }: CrashWhere, isFault: boolean): Sentence {
  const at = [code(place.symbol), ...atSource(place)];
  const isNamed = place.symbol !== place.address;
  if (!isCode) {
    const outside = isNamed ? '' : ', outside of every mapped file';
    return ['Control arrived at ', ...at, `${outside}: nothing was ever executed there.`];
  }
  switch (known) {
    case 'instruction':
      return [
        isFault ? 'The instruction at ' : 'The last instruction: ',
        ...at,
        isFault ? ':' : '',
      ];
    case 'block':
      return ['In the block at ', ...at, ', at one of these instructions:'];
    case 'arrival':
      return ['Control arrived at ', ...at, '; how far it went from there is not known:'];
  }
}

function findingsSection(report: CrashReport): Section {
  const list: Sentence[] = [];
  const broken = report.brokenReturns;
  const first = broken?.first[0];
  if (broken !== null && first !== undefined) {
    list.push(brokenSentence(report, first, broken.count > 1 ? 'The first' : 'A'));
    for (const other of broken.first.slice(1)) list.push(brokenSentence(report, other, 'A'));
    if (broken.last !== null) list.push(brokenSentence(report, broken.last, 'The last'));
    if (broken.count > 1) {
      list.push([`${plural(broken.count, 'return')} went astray in all, one after the other.`]);
    }
  }
  const told = new Set(broken?.first.map(({ seq }) => seq) ?? []);
  for (const wild of report.wildJumps) {
    if (!told.has(wild.seq) || wild.how !== 'nowhere') list.push(wildSentence(report, wild));
  }
  const depth = report.stack?.depth ?? 0;
  if (depth >= DEEP) {
    list.push([`${formatCount(depth)} calls were open: a stack that overflows looks like that.`]);
  }
  return section('findings', 'Out of the ordinary', sentencesOf(list));
}

/** Calls: hardly any program means to go deeper. */
const DEEP = 5000;

/** `transfer 979, the last one`, `transfer 12, 967 before the end`. */
function momentText({ seqEnd }: CrashReport, seq: number): string {
  const before = seqEnd - 1 - seq;
  const ago = before <= 0 ? 'the last one' : `${formatCount(before)} before the last`;
  return `transfer ${seq}, ${ago}`;
}

function brokenSentence(report: CrashReport, broken: CrashBrokenReturn, which: string): Sentence {
  const { source, target, expected, callSite, calledSeq } = broken;
  const should: Span[] = expected === null ? [] : [' instead of ', code(expected.symbol)];
  const called: Span[] =
    callSite === null
      ? []
      : [' It had been called from ', code(callSite.symbol), ` (transfer ${calledSeq}).`];
  return [
    `${which} return that did not go back to its caller: `,
    code(source.symbol),
    ...atSource(source),
    ' returned to ',
    code(target.symbol),
    ...should,
    ` (${momentText(report, broken.seq)}).`,
    ...called,
    ...asText(target.address),
  ];
}

const WILD: Readonly<Record<CrashWildJump['how'], string>> = {
  nowhere: ', where nothing was ever executed',
  data: ', which is data',
  outside: ', in no mapped file, and code ran there',
  middle: ', within an instruction that was executed as another one',
  inside: ', within a function and not at its start',
};

function wildSentence(report: CrashReport, wild: CrashWildJump): Sentence {
  const { source, target, within, instruction } = wild;
  const by: Span[] = instruction === null ? [] : [code(instruction), ' at '];
  const from: Span[] =
    source === null
      ? ['A start']
      : [`A wild ${wild.kind ?? 'jump'}: `, ...by, code(source.symbol), ...atSource(source)];
  const inside: Span[] = within === null ? [] : [': ', code(`${within.address}  ${within.text}`)];
  return [
    ...from,
    ' went to ',
    code(target.symbol),
    WILD[wild.how],
    ...inside,
    ` (${momentText(report, wild.seq)}).`,
    ...asText(target.address),
  ];
}

function asText(address: string): Span[] {
  const letters = lettersOf(address);
  return letters === null ? [] : [' Read as text that address is ', code(letters), '.'];
}

/** An address that was text, as a little-endian machine reads it; null if it does not look it. */
function lettersOf(address: string): string | null {
  const digits = address.slice(2).padStart(16, '0');
  const bytes = (digits.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16)).reverse();
  const text = String.fromCharCode(...bytes).replace(/\0+$/, '');
  return text.length >= 4 && /^[\x20-\x7e]+$/.test(text) ? JSON.stringify(text) : null;
}

function beforeSection(report: CrashReport): Section {
  const blocks = sentencesOf(report.events.map((event) => eventSentence(report, event)));
  if (report.firstRuns.length > 0) {
    blocks.push(...sentencesOf([['Code that had never run before, newest first:']]), {
      kind: 'table',
      columns: [
        { title: 'transfers', align: 'right' },
        { title: 'blocks', align: 'right' },
        { title: 'in', align: 'left' },
      ],
      rows: report.firstRuns.map(({ place, blocks: count, seqs: [from, to] }) => ({
        cells: [from === to ? `${to}` : `${from}–${to}`, formatCount(count), place.symbol],
      })),
    });
  }
  return section('before', 'Before the end', blocks);
}

function eventSentence(report: CrashReport, event: CrashEvent): Sentence {
  const name = event.name === null ? '' : ` (${event.name})`;
  const at: Span[] = event.place === null ? [] : [' at ', code(event.place.symbol)];
  const handler =
    event.isOpen === null
      ? ''
      : event.isOpen
        ? '; its handler had not returned'
        : '; its handler had returned';
  return [
    `The last ${event.kind}: ${event.number ?? '?'}${name}`,
    ...at,
    `, ${momentText(report, event.seq)}${handler}.`,
  ];
}

function othersSection({ trace, others }: CrashReport): Section {
  const list = others.map(({ vcpu, transfers, place }): Sentence => {
    const at: Span[] =
      place === null ? [' ended, where is not known'] : [' ended at ', code(place.symbol)];
    return [`vCPU ${vcpu}`, ...at, `, ${plural(transfers, 'transfer')}; see --vcpu ${vcpu}.`];
  });
  const more = trace.vcpus - 1 - others.length;
  if (more > 0) list.push([`${plural(more, 'vCPU')} more: backtrail info lists them.`]);
  return section('others', 'Other vCPUs', sentencesOf(list));
}
