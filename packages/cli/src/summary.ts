/** What a trace holds and how its run ended: as an object for --json, as text for people. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  bitsPerTransfer,
  describeLosses,
  type End,
  type Loss,
  MARK_KINDS,
  type Manifest,
  type Relative,
  type Trace,
} from '@backtrail/recorder/trace';
import { filteredTransfers, filterRows } from './filter-text.ts';
import type { Output } from './io.ts';
import {
  fields,
  formatBytes,
  formatCount,
  formatDuration,
  plural,
  printable,
  shellWords,
  significant,
  type TableColumn,
  table,
} from './text.ts';

export interface VcpuSummary {
  readonly vcpu: number;
  /** Transfers that can be read. */
  readonly transfers: number;
  /** seq of the first one that can be read. */
  readonly firstSeq: number;
  /** seq after the last one. */
  readonly seqEnd: number;
  readonly segments: number;
}

export interface TraceSummary {
  readonly directory: string;
  readonly state: Trace['state'];
  readonly recovered: boolean;
  readonly formatVersion: number;
  readonly command: readonly string[];
  readonly workingDirectory: string;
  readonly engine: Manifest['engine'];
  /** Whether any transfer has an address of the translator's code; not where QEMU hides these. */
  readonly hasHostTerms: boolean;
  readonly guest: Manifest['guest'];
  readonly started: string;
  readonly durationNs: number | null;
  readonly end: End | null;
  /** Why it ended, where the guest did not end itself. */
  readonly note: string | null;
  /** Of the guest, where it was a process of its own. */
  readonly pid: number | null;
  /** Who forked it, and whom it forked: directories from this one. */
  readonly parent: Relative | null;
  readonly children: readonly Relative[];
  readonly keep: Manifest['keep'];
  readonly stopped: string | null;
  /** What recording began with, later than the run; null: with the run. */
  readonly start: string | null;
  /** What of the code was recorded, as --filter has it; null: all. */
  readonly filter: readonly string[] | null;
  /** Transfers that stand for what the filter left out. */
  readonly filtered: number;
  readonly ring: Manifest['ring'];
  /** As the recorder counted; in a partial trace as far as they can be read. */
  readonly totals: Manifest['totals'];
  readonly bitsPerTransfer: number | null;
  readonly losses: readonly Loss[];
  /** System calls that the engine does not have and answered with ENOSYS. */
  readonly unknownCalls: readonly {
    readonly name: string;
    /** Null: the trace was not closed, and nobody knows how often. */
    readonly count: number | null;
  }[];
  readonly vcpus: readonly VcpuSummary[];
  readonly problems: readonly string[];
}

/** Files in the folder of a trace that are no part of its size. */
const isNotCounted = (name: string): boolean =>
  name.startsWith('manifest.') || name.startsWith('index.cache');
/** Folder of traces of their own. */
const CHILDREN_FOLDER = 'children';

/** Bytes of all files below a folder but the manifest, as a complete trace counts them. */
function directoryBytes(directory: string): number {
  let bytes = 0;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) {
      if (entry.name !== CHILDREN_FOLDER) bytes += directoryBytes(path);
    }
    if (entry.isFile() && !isNotCounted(entry.name)) bytes += statSync(path).size;
  }
  return bytes;
}

/** Totals of a trace that nobody closed: what can be counted without reading transfers. */
function partialTotals(trace: Trace): Manifest['totals'] {
  return {
    ...trace.manifest.totals,
    transfers: trace.transfers,
    segments: trace.segments.count,
    edges: trace.edges.count,
    blocks: trace.blocks.count,
    marks: trace.marks.count,
    modules: trace.modules.count,
    symbols: trace.symbols.count,
    sources: trace.sources.count,
    lines: trace.lines.count,
    inlines: trace.inlines.count,
    vcpus: trace.vcpus.length,
    bytes: directoryBytes(trace.directory),
  };
}

function vcpuSummaries(trace: Trace): VcpuSummary[] {
  const { firstSeq, rows } = trace.segments;
  return trace.vcpus.map((vcpu) => {
    const segments = trace.segmentsOf(vcpu);
    let transfers = 0;
    for (const segment of segments) transfers += rows[segment] ?? 0;
    return {
      vcpu,
      transfers,
      firstSeq: firstSeq[segments[0] ?? 0] ?? 0,
      seqEnd: trace.seqEnd(vcpu),
      segments: segments.length,
    };
  });
}

/** ENOSYS of Linux, as a call returns it. */
const NO_SUCH_CALL = -38n;

/** Counts are in the manifest; each has a mark where it was made first. */
function unknownCalls({ manifest, marks }: Trace): TraceSummary['unknownCalls'] {
  if (manifest.unknownCalls.length > 0) return manifest.unknownCalls;
  const kind = MARK_KINDS.indexOf('syscall');
  const names = new Set<string>();
  for (let mark = 0; mark < marks.count; mark++) {
    if (marks.kind[mark] !== kind || marks.hasCode[mark] !== 1) continue;
    if (marks.code[mark] !== NO_SUCH_CALL) continue;
    names.add(marks.detail(mark) ?? `call ${marks.number[mark] ?? 0n}`);
  }
  return [...names].map((name) => ({ name, count: null }));
}

/** `socket (3 times), splice (once): the engine has none of these and answered ENOSYS`. */
export function describeUnknownCalls(calls: TraceSummary['unknownCalls']): string {
  const each = calls.map(({ name, count }) => {
    const times = count === 1 ? 'once' : `${formatCount(count ?? 0)} times`;
    return count === null ? printable(name) : `${printable(name)} (${times})`;
  });
  return `${each.join(', ')}: the engine has no such call and answered ENOSYS`;
}

export function summarize(trace: Trace): TraceSummary {
  const { manifest } = trace;
  const totals = trace.state === 'complete' ? manifest.totals : partialTotals(trace);
  return {
    directory: trace.directory,
    state: trace.state,
    recovered: manifest.recovered,
    formatVersion: manifest.version,
    command: manifest.command,
    workingDirectory: manifest.directory,
    engine: manifest.engine,
    hasHostTerms: trace.edges.hasHostTarget.some((has) => has === 1),
    guest: manifest.guest,
    started: manifest.started,
    durationNs: manifest.durationNs,
    end: manifest.end,
    note: manifest.note,
    pid: manifest.pid ?? null,
    parent: manifest.parent ?? null,
    children: manifest.children ?? [],
    keep: manifest.keep,
    stopped: manifest.stopped,
    start: manifest.start ?? null,
    filter: manifest.filter ?? null,
    filtered: filteredTransfers(trace),
    ring: manifest.ring,
    totals,
    bitsPerTransfer: bitsPerTransfer({ ...manifest, totals }),
    losses: describeLosses(manifest),
    unknownCalls: unknownCalls(trace),
    vcpus: vcpuSummaries(trace),
    problems: trace.problems,
  };
}

/** How a run ended, without remarks: `killed by SIGSEGV (signal 11)`. */
function endWords({ end, note }: Pick<Manifest, 'end' | 'note'>): string {
  if (end === null) return 'still running, or its recorder was killed';
  switch (end.how) {
    case 'exit':
      return `exited with status ${end.status}`;
    case 'signal':
      return `killed by ${printable(end.signal)} (signal ${end.number})`;
    case 'unknown':
      return note === null ? 'unseen: its recorder was killed first' : 'unseen';
  }
}

/** How a run ended, and why, where the guest did not end itself. */
export function describeEnd(manifest: Pick<Manifest, 'end' | 'note'>): string {
  const { note } = manifest;
  const words = endWords(manifest);
  if (note === null) return words;
  return `${words}${manifest.end?.how === 'unknown' ? ': ' : '; '}${printable(note)}`;
}

/** The same as a sentence without its full stop: `./a.out was killed by SIGSEGV (signal 11)`. */
export function tellEnd(manifest: Pick<Manifest, 'command' | 'end' | 'note'>): string {
  const { command, end } = manifest;
  const verb = { exit: '', signal: 'was ', unknown: 'ended ', none: 'is ' }[end?.how ?? 'none'];
  const how = end?.how === 'unknown' ? describeEnd(manifest) : endWords(manifest);
  return `${shellWords(command.slice(0, 1))} ${verb}${how}`;
}

/** What --max-transfers and the like cut off. The words are those of the manifest. */
const STOPPED: Readonly<Record<string, string>> = {
  'max-transfers': 'at the number of transfers given by --max-transfers',
  trigger: 'at the trigger given by --trigger',
  asked: 'when that was asked for',
  'recorder-gone': 'when the recorder was gone',
  'no-space': 'when the ring found no space to grow',
  'edges-full': 'when there were more distinct transfers than the trace can number',
};

export function describeStop(reason: string): string {
  return STOPPED[reason] ?? `because of "${printable(reason)}"`;
}

export function describeLoss(loss: Loss): string {
  return `${formatCount(loss.count)} ${loss.says} ${loss.advice}`;
}

const VCPU_COLUMNS: readonly TableColumn[] = [
  { title: 'vCPU', align: 'right' },
  { title: 'transfers', align: 'right' },
  { title: 'first seq', align: 'right' },
  { title: 'last seq', align: 'right' },
  { title: 'segments', align: 'right' },
];

/** vCPUs beyond these are counted, not listed; --json has all. */
const VCPUS_SHOWN_MAX = 32;

function vcpuLines(vcpus: readonly VcpuSummary[]): string[] {
  const rows = vcpus
    .slice(0, VCPUS_SHOWN_MAX)
    .map(({ vcpu, transfers, firstSeq, seqEnd, segments }) =>
      [vcpu, transfers, firstSeq, seqEnd - 1, segments].map(formatCount),
    );
  const more = vcpus.length - VCPUS_SHOWN_MAX;
  return [...table(VCPU_COLUMNS, rows), ...(more > 0 ? [`and ${plural(more, 'vCPU')} more`] : [])];
}

function totalRows(summary: TraceSummary): (readonly [string, string])[] {
  const { totals, guest } = summary;
  const per = totals.transfers === 0 ? 0 : totals.instructions / totals.transfers;
  const counted = totals.instructions > 0;
  const bits = summary.bitsPerTransfer;
  const rate =
    summary.durationNs === null || summary.durationNs === 0
      ? ''
      : `, ${formatCount(totals.transfers / (summary.durationNs / 1e9))} a second`;
  return [
    ['transfers', `${formatCount(totals.transfers)}${rate}`],
    [
      'instructions',
      counted
        ? `${formatCount(totals.instructions)}, ${significant(per)} for each transfer`
        : 'not counted: the trace was not closed',
    ],
    ['edges', `${formatCount(totals.edges)} distinct transfers`],
    ['blocks', `${formatCount(totals.blocks)} of ${printable(guest.isa)} code`],
    ['marks', formatCount(totals.marks)],
    [
      'modules',
      `${formatCount(totals.modules)} with ${plural(totals.symbols, 'symbol')}` +
        (totals.lines === 0
          ? ''
          : ` and source lines for ${plural(totals.lines, 'stretch', 'stretches')} of code`),
    ],
    [
      'size',
      formatBytes(totals.bytes) +
        (bits === null ? '' : `, ${significant(bits)} bits for each transfer`),
    ],
  ];
}

function headRows(summary: TraceSummary): (readonly [string, string])[] {
  const { engine, guest, ring, totals } = summary;
  const state =
    summary.state === 'partial'
      ? 'partial: not closed, or still being recorded'
      : summary.recovered
        ? 'complete, recovered after a kill'
        : 'complete';
  const started = printable(summary.started).replace('T', ' ').replace('Z', ' UTC');
  const ran = summary.durationNs === null ? '' : `, ran ${formatDuration(summary.durationNs)}`;
  const waited =
    totals.waitNs === 0 ? '' : `; the program waited ${formatDuration(totals.waitNs)} for it`;
  return [
    ['trace', `${printable(summary.directory)} (format ${summary.formatVersion})`],
    ['state', state],
    ['command', shellWords(summary.command)],
    ['in', printable(summary.workingDirectory)],
    ['ended', describeEnd(summary)],
    ['started', `${started}${ran}`],
    ...(summary.start === null
      ? []
      : ([['recorded', `from ${startWords(summary.start)} on`]] as const)),
    ...filterRows(summary.filter, summary.filtered),
    [
      'engine',
      printable(`${engine.name} ${engine.version}, ${engine.mode} mode, on ${engine.hostIsa}`),
    ],
    ...(summary.hasHostTerms || totals.edges === 0 || engine.name !== 'qemu'
      ? []
      : ([['host terms', 'none: this QEMU does not export them (backtrail doctor)']] as const)),
    ['guest', `${printable(guest.isa)}, ${guest.endian}-endian, ${guest.addressBits}-bit`],
    [
      'ring',
      `${formatBytes(ring.bytes)} in ${plural(ring.segments, 'segment')} of ` +
        `${plural(ring.segmentTransfers, 'transfer')}, keep ${summary.keep}${waited}`,
    ],
  ];
}

/** As --start has it. */
const startWords = (start: string): string =>
  start === 'paused' ? 'where "backtrail start" was' : printable(start);

/** Children beyond these are counted, not listed; --json has all. */
const CHILDREN_SHOWN_MAX = 16;

function processRows(summary: TraceSummary): (readonly [string, string])[] {
  const { pid, parent, children, directory } = summary;
  const rows: (readonly [string, string])[] = [];
  // Links are of the form that a reader checks: `..` and names of numbers.
  const there = (relative: Relative): string => shellWords([join(directory, relative.directory)]);
  if (pid !== null) {
    const how = parent?.how === 'exec' ? 'executed' : 'forked';
    const from = parent === null ? '' : `, ${how} by ${parent.pid}: ${there(parent)}`;
    rows.push(['process', `${pid}${from}`]);
  }
  for (const [label, how] of [
    ['forked', undefined],
    ['executed', 'exec'],
  ] as const) {
    const those = children.filter((child) => child.how === how);
    if (those.length === 0) continue;
    const shown = those.slice(0, CHILDREN_SHOWN_MAX).map(there);
    const more = those.length - shown.length;
    rows.push([
      label,
      [...shown, ...(more > 0 ? [`and ${plural(more, 'more', 'more')}`] : [])].join('\n'),
    ]);
  }
  return rows;
}

/** The page that `backtrail info` prints. */
export function summaryText(summary: TraceSummary, out: Output): string {
  const losses = summary.losses.map((loss) => {
    const paint = loss.severity === 'data-loss' ? 'red' : 'yellow';
    const text = describeLoss(loss);
    return loss.severity === 'info' ? text : out.paint(paint, text);
  });
  const rows: (readonly [string, string])[] = [
    ...headRows(summary),
    ...processRows(summary),
    ...totalRows(summary),
  ];
  if (summary.stopped !== null) {
    rows.push(['stopped', `recording ended ${describeStop(summary.stopped)}`]);
  }
  rows.push(['losses', losses.length === 0 ? 'none' : losses.join('\n')]);
  if (summary.unknownCalls.length > 0) {
    rows.push(['no such call', describeUnknownCalls(summary.unknownCalls)]);
  }
  if (summary.problems.length > 0) {
    const problems = summary.problems.map((problem) => out.paint('red', printable(problem)));
    rows.push(['problems', problems.join('\n')]);
  }
  return `${fields(rows)}\n${vcpuLines(summary.vcpus).join('\n')}\n`;
}
