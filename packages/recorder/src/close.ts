/** The end of a run, or of a recovery: what is left goes to disk, modules are read, totals told. */
import { existsSync } from 'node:fs';
import { guestOfIsa } from './elf/machines.ts';
import type { GuestEnd } from './engines/engine.ts';
import { unmappedModules } from './filter.ts';
import type { Flusher } from './flush.ts';
import type { MarkRow } from './flush-rows.ts';
import { collectModules, type MapEvent } from './modules.ts';
import { withPerfMap } from './perf-map.ts';
import { symbolMaps, withSymbolLists } from './symbol-files.ts';
import type { End, Manifest } from './trace/manifest.ts';
import { MARK_KINDS } from './trace/vocabulary.ts';
import type { BlockExtents, TraceWriter } from './trace/writer.ts';

/** /proc/PID/maps, where the plugin reads, writes a line break in a name as \012 (proc(5)). */
const realPath = (path: string): string =>
  path.includes('\\012') && !existsSync(path) ? path.replaceAll('\\012', '\n') : path;

/** The module map of a run from its map and unmap marks. */
export function mapEvents(marks: readonly MarkRow[]): MapEvent[] {
  return marks.map((mark) => ({
    kind: MARK_KINDS[mark.kind] === 'unmap' ? 'unmap' : 'map',
    vcpu: mark.vcpu,
    seq: mark.seq,
    timeNs: mark.timeNs,
    address: mark.address ?? 0n,
    size: mark.size ?? 0n,
    fileOffset: mark.code ?? 0n,
    path: realPath(mark.detail ?? ''),
  }));
}

/**
 * Reads symbols and source lines of what was mapped, finishes the trace, tells what is missing.
 * @param guestPid whose names of code made at run time are looked for; null for none.
 */
export function finishTrace(
  writer: TraceWriter,
  maps: readonly MarkRow[],
  guestPid: number | null = null,
): readonly string[] {
  const clock = { monotonicNs: process.hrtime.bigint(), wallMs: Date.now() };
  const blocks = (): Iterable<BlockExtents> => writer.blockExtents();
  const { started, startedNs, symbolFiles = [] } = writer.manifest;
  const events = [...symbolMaps(symbolFiles, BigInt(startedNs)), ...mapEvents(maps)];
  const collected = withSymbolLists(collectModules(events, { clock, blocks }), symbolFiles);
  const startedMs = Date.parse(started);
  const { modules, symbols, code, problems } =
    guestPid === null ? collected : withPerfMap(collected, { pid: guestPid, startedMs, blocks });
  const name = Array.from({ length: symbols.count }, (_, symbol) => symbols.name(symbol));
  writer.finish(modules, { ...symbols, name }, code);
  return [...unmappedModules(writer.manifest.filter ?? [], modules.path), ...problems];
}

/** How a guest ended, if somebody saw; `unknown` of a process that others wait for. */
export type SeenEnd =
  | GuestEnd
  | {
      readonly how: 'unknown';
      readonly note?: string;
      /** Why recording stopped before the process did. */
      readonly stopped?: 'trigger' | 'asked';
    };

/** As the manifest has it. */
function endOf(end: SeenEnd | null): End {
  if (end === null || end.how === 'unknown') return { how: 'unknown' };
  if (end.how === 'exit') return { how: 'exit', status: end.status };
  return { how: 'signal', signal: end.signal, number: end.number };
}

/** Of a whole machine: what its engine cannot know. */
function untold({ guest }: Flusher): string[] {
  if (guest === null || !guest.system || guest.tellsTraps) return [];
  return [
    `found no way to tell interrupts and exceptions of ${guest.isa} under this QEMU: indirect ` +
      'transfers have no cause. docs/qemu.md lists the machines for which they are told.',
  ];
}

const stopOf = (end: SeenEnd | null): string | null =>
  end?.how === 'unknown' ? (end.stopped ?? null) : null;

/** Calls that the engine does not have; only the embedded one counts them. */
const callsOf = (end: SeenEnd | null): Manifest['unknownCalls'] =>
  end === null || end.how === 'unknown' ? [] : (end.unknownCalls ?? []);

/** What became of the processes that one forked, and of what it executed in its own place. */
export interface Followed {
  /** Forked children that are in traces of their own. */
  readonly forks: number;
  /** Programs executed that are. */
  readonly execs: number;
  /** Rings that were made for forked children; null where nobody told them from others. */
  readonly rings: number | null;
}

/** Takes what the ring still holds, fills the manifest, closes the trace. The guest is gone. */
export function closeTrace(
  writer: TraceWriter,
  flusher: Flusher,
  end: SeenEnd | null,
  followed: Followed | null = null,
): readonly string[] {
  const now = process.hrtime.bigint();
  const state = flusher.finish(now);
  const { manifest } = writer;
  const how: End = endOf(end);
  manifest.end = how;
  manifest.note = end?.note ?? null;
  manifest.unknownCalls = callsOf(end);
  manifest.durationNs = end === null ? null : Number(now - BigInt(manifest.startedNs));
  manifest.stopped = stopOf(end) ?? (state.stopped === 'running' ? null : state.stopped);
  manifest.totals.waitNs = state.waitNs;
  manifest.totals.vcpus = state.vcpus;
  manifest.totals.instructions = flusher.instructions;
  manifest.losses.overwritten = state.overwritten;
  // What --max-transfers or a trigger cut off was asked for: it is told as `stopped`.
  const isAskedFor = state.stopped === 'max-transfers' || stopOf(end) !== null;
  manifest.losses.unrecorded = isAskedFor ? 0 : state.unrecorded;
  manifest.losses.vcpusUnrecorded = state.vcpusUnrecorded;
  // A fork may fail after a ring was made for it: then nobody ran, and the guest was told so.
  const { forks, execs, rings } = followed ?? { forks: 0, execs: 0, rings: null };
  const ringless = Math.max(0, state.forks - (rings ?? state.children));
  manifest.losses.forksUnrecorded = Math.max(ringless, flusher.forks - forks);
  manifest.losses.execsUnrecorded = Math.max(0, flusher.execs - execs);
  if (flusher.guest !== null) {
    const { isa } = flusher.guest;
    // What was executed may be for another kind of machine than what executed it.
    const isOther = manifest.parent?.how === 'exec' && isa !== manifest.guest.isa;
    manifest.guest = isOther ? guestOfIsa(isa) : { ...manifest.guest, isa };
  }
  // Under QEMU in user mode the guest's process is QEMU's; elsewhere it has none of its own.
  const isProcess = manifest.engine.name === 'qemu' && manifest.engine.mode === 'user';
  if (isProcess && state.pid !== 0) manifest.pid = state.pid;
  const problems = finishTrace(writer, flusher.maps, isProcess ? state.pid : null);
  return [
    ...(end === null || end.how === 'unknown' || end.note === undefined
      ? []
      : [`the run ended: ${end.note}`]),
    ...untold(flusher),
    ...problems,
  ];
}
