/**
 * The one page that a person reads first after a crash, as data: what ended the run and where,
 * which way control came there, the calls that were open, and what of it was out of the ordinary.
 * docs/crash-report.md describes it as JSON.
 *
 * Nothing here goes through the whole run but the search for broken returns, and that only where
 * the run is short or an index helps.
 */
import type { Trace } from '@backtrail/recorder/trace';
import { nextSteps, unknowns } from './crash/advice.ts';
import { type Calls, type CallsOptions, crashCalls } from './crash/calls.ts';
import { crashEnd, crashWhere, mayHaveReturned } from './crash/end.ts';
import { firstRuns, lastEvents } from './crash/events.ts';
import { type FirstCall, firstCalls, toldPanic } from './crash/panic.ts';
import { recentPart } from './crash/recent.ts';
import {
  CRASH_REPORT_FORMAT,
  CRASH_REPORT_VERSION,
  type CrashOther,
  type CrashPlace,
  type CrashReport,
  type CrashWhere,
} from './crash/report.ts';
import { Scene } from './crash/scene.ts';
import { lastTransfers } from './crash/transfers.ts';
import { wildJumps } from './crash/wild.ts';
import { createDisassembler } from './disassembly/capstone.ts';
import type { TraceIndex } from './index/trace-index.ts';
import { endPc } from './path.ts';
import { createDemangler } from './symbols/demangle.ts';
import { createSourceLocator } from './symbols/source-locator.ts';
import { createSourceReader } from './symbols/source-text.ts';
import { createSymbolizer } from './symbols/symbolizer.ts';
import { storedIndex } from './trace-index.ts';

export interface CrashOptions {
  /** Null or left out: the one that ended the run, whose kernel gave up, or that ended last. */
  readonly vcpu?: number | null;
  /** Rows of transfers wanted; 20 if left out. */
  readonly rows?: number;
  /** Left out: the one that is kept beside the trace, if there is one. */
  readonly index?: TraceIndex | null;
  /**
   * Calls of a run of which more transfers than that would have to be read are followed in its last
   * part alone; 33,554,432 if left out.
   */
  readonly callTransfersMax?: number;
  /** Read lines of source files that the trace names from this machine. */
  readonly readsSource?: boolean;
}

const ROWS_DEFAULT = 20;
const FIRST_RUNS_MAX = 5;
const WILD_JUMPS_MAX = 4;
const OTHERS_MAX = 8;

/** @throws BacktrailError E_EMPTY, E_VCPU */
export async function crashReport(trace: Trace, options: CrashOptions = {}): Promise<CrashReport> {
  const demangler = createDemangler();
  const demangle = (name: string): string => demangler.demangle(name);
  const symbolizer = createSymbolizer(trace, { demangle });
  const disassembler = await createDisassembler(trace.manifest.guest.isa);
  try {
    const panicked = firstCalls(trace);
    // What gave up last is what the run ended with.
    const scene = new Scene(trace, options.vcpu ?? panicked.at(-1)?.vcpu ?? null, {
      symbolizer,
      locator: createSourceLocator(trace, symbolizer, { demangle }),
      sourceReader: options.readsSource === true ? createSourceReader() : null,
      disassembler,
    });
    const { index = storedIndex(trace)?.index ?? null } = options;
    const transfersMax = options.callTransfersMax ?? null;
    return reportOf(scene, panicked, options.rows ?? ROWS_DEFAULT, { index, transfersMax });
  } finally {
    disassembler?.[Symbol.dispose]();
  }
}

function reportOf(
  scene: Scene,
  panicked: readonly FirstCall[],
  rows: number,
  callsOptions: CallsOptions,
): CrashReport {
  const { trace, vcpu, seqEnd } = scene;
  const { manifest } = trace;
  const where = crashWhere(scene);
  const pc = where === null || where.known === 'block' ? null : BigInt(where.place.address);
  const calls = crashCalls(scene, pc, callsOptions);
  const panics = panicked.map((first) => toldPanic(scene, first));
  const found: Omit<CrashReport, 'unknown' | 'next'> = {
    format: CRASH_REPORT_FORMAT,
    version: CRASH_REPORT_VERSION,
    trace: {
      directory: trace.directory,
      state: trace.state,
      command: manifest.command,
      started: manifest.started,
      engine: manifest.engine.name,
      engineVersion: manifest.engine.version,
      mode: manifest.engine.mode,
      isa: scene.isa,
      transfers: trace.transfers,
      vcpus: trace.vcpus.length,
    },
    vcpu,
    seqEnd,
    vcpuTransfers: transfersOf(trace, vcpu),
    callsFromSeq: calls?.fromSeq ?? seqEnd,
    end: panics.length === 0 ? crashEnd(scene) : { ...crashEnd(scene), isFailure: true },
    panics,
    where: where === null ? null : { ...where, returnsTo: returnsTo(scene, where, calls) },
    transfers: lastTransfers(scene, rows),
    stack: calls?.stack ?? null,
    brokenReturns: calls?.broken ?? null,
    wildJumps: wildJumps(scene, WILD_JUMPS_MAX),
    events: eventsOf(scene, calls),
    firstRuns: firstRuns(scene, FIRST_RUNS_MAX),
    recent: calls === null ? null : scene.attempt(() => recentPart(scene, calls.machineAt)),
    others: others(scene),
  };
  const isWhole = calls?.isWhole ?? false;
  return {
    ...found,
    unknown: unknowns(scene, found, isWhole),
    next: nextSteps(found, isWhole),
  };
}

function returnsTo(
  scene: Scene,
  where: Omit<CrashWhere, 'returnsTo'>,
  calls: Calls | null,
): CrashPlace | null {
  const address = calls?.returnAddress ?? null;
  return address !== null && mayHaveReturned(scene, where) ? scene.place(address) : null;
}

function eventsOf(scene: Scene, calls: Calls | null): CrashReport['events'] {
  return lastEvents(scene).map((event) => ({
    ...event,
    isOpen: calls === null ? null : calls.openSeqs.has(event.seq),
  }));
}

/** Transfers of a vCPU that can be read. */
function transfersOf(trace: Trace, vcpu: number): number {
  let sum = 0;
  for (const segment of trace.segmentsOf(vcpu)) sum += trace.segments.rows[segment] ?? 0;
  return sum;
}

/** Where the other vCPUs were, as far as that is known; those that did most. */
function others(scene: Scene): CrashOther[] {
  const { trace } = scene;
  const list = trace.vcpus.filter((vcpu) => vcpu !== scene.vcpu);
  const counted = list.map((vcpu) => ({ vcpu, transfers: transfersOf(trace, vcpu) }));
  const busiest = counted.sort((a, b) => b.transfers - a.transfers).slice(0, OTHERS_MAX);
  return busiest.map(({ vcpu, transfers }) => {
    const pc = endPc(trace, vcpu, trace.seqEnd(vcpu));
    return { vcpu, transfers, place: pc === null ? null : scene.place(pc) };
  });
}
