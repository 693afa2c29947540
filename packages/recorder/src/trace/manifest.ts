/** What manifest.json holds; docs/trace-format.md explains each field. */
import type { TRACE_FORMAT } from './schema.ts';

/** How the run ended. */
export type End =
  | { readonly how: 'exit'; readonly status: number }
  | { readonly how: 'signal'; readonly signal: string; readonly number: number }
  /** The recorder was killed; nobody saw how the guest ended. */
  | { readonly how: 'unknown' };

/** A system call that the engine does not have, and how often it was answered with ENOSYS. */
export interface UnknownCall {
  readonly name: string;
  readonly count: number;
}

/** A file that names code of a whole machine. */
export interface SymbolFile {
  /** Absolute. */
  readonly path: string;
  /** `0x…`: to be added to its addresses. */
  readonly base: string;
}

/** Another process of the same run, and its trace. */
export interface Relative {
  readonly pid: number;
  /** From this trace: `../..`, `../123.trace` or `children/123.trace`. */
  readonly directory: string;
  /** The one took the place of the other (exec), in the same process; else it was forked. */
  readonly how?: 'exec';
}

export type KeepMode = 'all' | 'last';

/** Loss counters; every one is explained, with severity and advice, in stats.ts. */
export interface Losses {
  /** Transfers whose segment was reused in `--keep last`. */
  overwritten: number;
  /** Transfers after recording stopped because the recorder was gone or a table was full. */
  unrecorded: number;
  /** Transfers in whole segments that a truncated or damaged file no longer yields. */
  damaged: number;
  /** vCPUs that could not be recorded, more than the ring has slots for. */
  vcpusUnrecorded: number;
  /** Child processes that ran unrecorded. */
  forksUnrecorded: number;
  /** Programs that replaced the guest (exec) and ran unrecorded. */
  execsUnrecorded: number;
}

export interface Manifest {
  readonly format: typeof TRACE_FORMAT;
  readonly version: number;
  /** True only when the trace was closed properly: all tables whole, totals true. */
  complete: boolean;
  /** Set by `backtrail recover`. */
  recovered: boolean;
  engine: {
    name: string;
    version: string;
    /** Translator's host ISA, e.g. `x86_64`. */
    hostIsa: string;
    mode: 'user' | 'system';
  };
  guest: { isa: string; endian: 'little' | 'big'; addressBits: 32 | 64 };
  command: readonly string[];
  directory: string;
  /** ISO 8601, UTC. */
  started: string;
  /** Host monotonic clock, ns, as a decimal string. */
  startedNs: string;
  /** Wall time of the run in ns; null while it runs. */
  durationNs: number | null;
  end: End | null;
  /** Why the run ended, in words, where the guest did not end it itself; null: it did. */
  note: string | null;
  /** Counted by the embedded engine; none in a trace that was recovered. */
  unknownCalls: readonly UnknownCall[];
  /** Of a whole machine: what its symbols come from; they are read when the trace is closed. */
  symbolFiles?: readonly SymbolFile[];
  /** What recording began with, later than the run: `paused`, a function, an address. */
  start?: string;
  /** What of the code was recorded, as `--filter` has it; absent: all. */
  filter?: readonly string[];
  /** Process of the guest, where it has one of its own. */
  pid?: number;
  /** The process that forked this one; absent if it was started. */
  readonly parent?: Relative;
  /** Processes that this one forked and that are recorded, in order. */
  children?: readonly Relative[];
  keep: KeepMode;
  /** Why recording stopped before the guest did, or null. */
  stopped: string | null;
  ring: { bytes: number; segments: number; segmentTransfers: number };
  totals: {
    transfers: number;
    instructions: number;
    segments: number;
    edges: number;
    blocks: number;
    marks: number;
    modules: number;
    symbols: number;
    /** Of these three 0 in a trace that was made before there were such tables. */
    sources: number;
    lines: number;
    inlines: number;
    vcpus: number;
    /** Bytes of the whole directory but the manifest. */
    bytes: number;
    /** Times the guest waited for the recorder, ns, all vCPUs. */
    waitNs: number;
  };
  losses: Losses;
}

export const NO_LOSSES: Losses = {
  overwritten: 0,
  unrecorded: 0,
  damaged: 0,
  vcpusUnrecorded: 0,
  forksUnrecorded: 0,
  execsUnrecorded: 0,
};
