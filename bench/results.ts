/** What bench/results.json holds: figures as they were measured, from which report.ts writes. */

/** One tool on the program of bench/peers.ts. */
export interface PeerRow {
  readonly name: string;
  /** What it keeps of a run, in a few words. */
  readonly keeps: string;
  /** Null where it was measured; else why not. */
  readonly problem: string | null;
  /** Rounds of the program in the longest run, and how often each run was made. */
  readonly rounds: number;
  readonly repeats: number;
  /** Of a run of no round: what it takes to start and end, seconds. */
  readonly startSeconds: number;
  /** Of one round, without start and end; medians. */
  readonly roundSeconds: number;
  /** What one round adds to what it leaves on disk, bytes; null: it leaves nothing of that kind. */
  readonly roundBytes: number | null;
  /** Of one round, of the instruction set that it runs. */
  readonly roundTransfers: number;
  readonly roundInstructions: number;
}

/** One trace, and what was asked of it; seconds, medians. */
export interface GrowthRow {
  readonly transfers: number;
  readonly bytes: number;
  readonly record: number;
  readonly index: number;
  readonly info: number;
  readonly back: number;
  readonly stack: number;
  readonly last: number;
  readonly sqlCounted: number;
  readonly sqlRead: number;
  /** In one process that has the trace open: a step back, and the search to the beginning. */
  readonly step: number;
  readonly search: number;
}

export interface Part<Row> {
  /** Day of the measurement, `YYYY-MM-DD`. */
  readonly date: string;
  /** Processors, memory, kernel and versions, in a sentence. */
  readonly machine: string;
  readonly rows: readonly Row[];
}

export interface Results {
  readonly peers: Part<PeerRow>;
  readonly growth: Part<GrowthRow>;
}
