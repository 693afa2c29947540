/**
 * What a crash report holds. It is plain data: JSON.stringify() of it is the format that
 * docs/crash-report.md describes, and every rendering is made from it alone. Raise the version when
 * a reader of the old one would misread the new one; further fields are not a new version.
 */
import type { MarkKind } from '@backtrail/recorder/trace';

export const CRASH_REPORT_FORMAT = 'backtrail-crash-report';
export const CRASH_REPORT_VERSION = 1;

/** Lower case, e.g. `0x401136`. */
export type HexAddress = `0x${string}`;

/** A line of a source file. */
export interface CrashSource {
  /** Path where the program was compiled. */
  readonly file: string;
  /** From 1; null for code that belongs to no line. */
  readonly line: number | null;
  /** From 1; null where it is not known. */
  readonly column: number | null;
  /** The line itself, if the file is on this machine; else null. */
  readonly text: string | null;
}

/** An address and what is there. */
export interface CrashPlace {
  readonly address: HexAddress;
  /** `main+0x12`, `libc.so.6+0x1234`, or the address itself where no module is mapped. */
  readonly symbol: string;
  /** Null where no line is known. */
  readonly source: CrashSource | null;
}

/** What ended the run. */
export interface CrashEnd {
  /**
   * - `signal`: killed by a signal. `exit`: it ended by itself, or asked for its end.
   * - `stopped`: firmware that told the board to stop.
   * - `unknown`: nobody saw the end. `running`: the trace is not closed.
   */
  readonly how: 'signal' | 'exit' | 'stopped' | 'unknown' | 'running';
  /** Exit status; null if it was not an exit. */
  readonly status: number | null;
  /** E.g. `SIGSEGV`; null if it was no signal. */
  readonly signal: string | null;
  readonly number: number | null;
  /** Signal code; null where it is not known. */
  readonly code: number | null;
  /** What the code says, in words; null where it says nothing. */
  readonly codeSays: string | null;
  readonly faultAddress: HexAddress | null;
  /** Why the run ended, in words, where the guest did not end it itself. */
  readonly note: string | null;
  /** Why recording stopped before the guest did, a word of the manifest; else null. */
  readonly recordingStopped: string | null;
  /** Whether an instruction raised the signal (it was not sent), and the trace reaches to it. */
  readonly isFault: boolean;
  /** Whether it went wrong: a signal, a status other than 0, or an end that nobody asked for. */
  readonly isFailure: boolean;
}

/** One instruction. */
export interface CrashInstruction {
  readonly address: HexAddress;
  /** E.g. `ld a0, 0(a1)`; its bytes where they cannot be disassembled. */
  readonly text: string;
  /** Null where that is not known. */
  readonly hasRun: boolean | null;
}

/** Where control was when the run ended. */
export interface CrashWhere {
  /**
   * - `instruction`: exactly there.
   * - `block`: somewhere in `code`; the engine does not tell where.
   * - `arrival`: at the target of the last transfer, nothing is known of what came then.
   */
  readonly known: 'instruction' | 'block' | 'arrival';
  readonly place: CrashPlace;
  /** False: no instruction was ever executed there. */
  readonly isCode: boolean;
  /** Instructions of its block from where it was entered; the one in question is the last. */
  readonly code: readonly CrashInstruction[];
  /** Instructions left out before those of `code`. */
  readonly omitted: number;
  /** Whether the last of `code` goes to an address that only the run could tell. */
  readonly endsIndirect: boolean;
  /** Where it is to go if it is a return and its caller is known; else null. */
  readonly returnsTo: CrashPlace | null;
}

/** A transfer, or several over one edge. */
export interface CrashTransferRow {
  readonly row: 'transfer';
  /** Of the newest of `times`. */
  readonly seq: number;
  readonly edge: number;
  readonly cause: string | null;
  readonly kind: string | null;
  readonly source: CrashPlace | null;
  readonly target: CrashPlace;
  /** Text of the instruction at the source; null where it is not known. */
  readonly instruction: string | null;
  /** Instructions that ran from the target to the next transfer; null where not known. */
  readonly instructions: number | null;
  /** How often it was taken one after the other; least and most, over the rounds of a loop. */
  readonly times: readonly [number, number];
}

/** Rounds of a loop, made one. */
export interface CrashLoopRow {
  readonly row: 'loop';
  /** Of its newest transfer. */
  readonly seq: number;
  /** In all rounds together. */
  readonly transfers: number;
  readonly times: readonly [number, number];
  /** True: it reaches back beyond what was looked at. */
  readonly isCut: boolean;
  /** The newest round, newest first. */
  readonly body: readonly CrashRow[];
}

/** Something that happened between two transfers. */
export interface CrashMarkRow {
  readonly row: 'mark';
  /** Of the next transfer at that moment. */
  readonly seq: number;
  readonly kind: MarkKind;
  readonly number: number | null;
  readonly code: number | null;
  readonly address: HexAddress | null;
  readonly place: CrashPlace | null;
  readonly detail: string | null;
  /** `SIGSEGV`, `load access fault`, `machine timer`; null where it has no name. */
  readonly name: string | null;
}

/** Lost transfers. */
export interface CrashGapRow {
  readonly row: 'gap';
  /** First lost. */
  readonly seq: number;
  readonly transfers: number;
}

export type CrashRow = CrashTransferRow | CrashLoopRow | CrashMarkRow | CrashGapRow;

/** A function that was inlined. */
export interface CrashInline {
  readonly function: string | null;
  /** Where control is in it: the instruction's line, or the call of the function before. */
  readonly source: CrashSource | null;
}

/** An open call. */
export interface CrashFrame {
  /** 0 is the innermost. */
  readonly level: number;
  readonly place: CrashPlace;
  /** Functions inlined there, innermost first; the frame's own function is not among them. */
  readonly inlined: readonly CrashInline[];
  /** How it was entered, in the words of docs/stack.md. */
  readonly entered: string;
  /** Of the transfer that entered it. */
  readonly seq: number;
  /** Where it was entered; null where that is not known. */
  readonly entry: CrashPlace | null;
  /** How control came into another function than the one that was entered; else null. */
  readonly moved: CrashMove | null;
}

/** Control went on in another function, in the same frame. */
export interface CrashMove {
  /** `tail-jump`, `broken-return`, `restorer`, `return`, `redirect`. */
  readonly how: string;
  readonly seq: number;
  readonly source: CrashPlace;
  readonly target: CrashPlace;
}

/** The calls that were open at the end. */
export interface CrashStack {
  readonly depth: number;
  readonly frames: readonly CrashFrame[];
  /** Frames left out between an inner and the outer part of `frames`. */
  readonly omitted: number;
  /** Whether the outermost is where the vCPU began. */
  readonly isBottomKnown: boolean;
  /** Other stacks that wait: coroutines, tasks. */
  readonly parked: number;
}

/** A return that went where no open call came from. */
export interface CrashBrokenReturn {
  readonly seq: number;
  readonly source: CrashPlace;
  readonly target: CrashPlace;
  /** Where it should have gone; null where that is not known. */
  readonly expected: CrashPlace | null;
  readonly callSite: CrashPlace | null;
  /** Of the call of the function that returned. */
  readonly calledSeq: number;
}

/** All of them. */
export interface CrashBrokenReturns {
  /** In what was looked at. */
  readonly count: number;
  /** The oldest ones, oldest first. */
  readonly first: readonly CrashBrokenReturn[];
  /** The newest one, if it is not in `first`. */
  readonly last: CrashBrokenReturn | null;
}

/** A jump that went where no program goes on purpose. */
export interface CrashWildJump {
  /**
   * - `nowhere`: nothing was ever executed at the target.
   * - `data`: the target lies in a variable.
   * - `outside`: the target lies in no mapped file, and code ran there.
   * - `middle`: the target lies within an instruction that was executed as another one.
   * - `inside`: a call arrived within a function, not at its start.
   */
  readonly how: 'nowhere' | 'data' | 'outside' | 'middle' | 'inside';
  readonly seq: number;
  readonly edge: number;
  readonly kind: string | null;
  readonly source: CrashPlace | null;
  readonly target: CrashPlace;
  /** Text of the instruction at the source; null where it is not known. */
  readonly instruction: string | null;
  /** Of `middle`: the instruction that it lies within. */
  readonly within: CrashInstruction | null;
}

/** The last of its kind before what ended the run. */
export interface CrashEvent {
  readonly kind: 'signal' | 'interrupt' | 'exception';
  readonly number: number | null;
  readonly name: string | null;
  readonly place: CrashPlace | null;
  readonly address: HexAddress | null;
  /** Of the transfer to its handler. */
  readonly seq: number;
  /** Transfers of this vCPU since. */
  readonly transfersAgo: number;
  /** Whether its handler had not returned; null where that is not known. */
  readonly isOpen: boolean | null;
}

/** Blocks of one function that ran for the first time, one after the other. */
export interface CrashFirstRun {
  /** Where the newest of them begins. */
  readonly place: CrashPlace;
  readonly blocks: number;
  /** Of the next transfer when the oldest and the newest of them ran first. */
  readonly seqs: readonly [number, number];
}

/** A function, in the place in the tree where it ran. */
export interface CrashFlame {
  readonly name: string;
  /** Times it was entered in this part of the run. */
  readonly calls: number;
  /** Instructions in it and in what it called. */
  readonly instructions: number;
  readonly children: readonly CrashFlame[];
}

/** One stay in a function. */
export interface CrashSpan {
  readonly name: string;
  /** 0 is the outermost. */
  readonly depth: number;
  /** Instructions since the beginning of the part, when it was entered and when it was left. */
  readonly from: number;
  readonly to: number;
  /** Of the transfer that entered it, or with which the part began. */
  readonly seq: number;
}

/** The last part of the run, as charts show it. */
export interface CrashRecent {
  readonly firstSeq: number;
  readonly seqEnd: number;
  readonly instructions: number;
  /** Outermost function first; what is too small to be seen is left out. */
  readonly flame: CrashFlame;
  /** The newest stretch of it, in order of `from`. */
  readonly spans: readonly CrashSpan[];
  /** Of the first transfer of that stretch. */
  readonly spansFrom: number;
  /** Instructions in it. */
  readonly spanInstructions: number;
}

/** Another vCPU, or thread. */
export interface CrashOther {
  readonly vcpu: number;
  /** That can be read. */
  readonly transfers: number;
  /** Where it ended; null where that is not known. */
  readonly place: CrashPlace | null;
}

/** Something that this report cannot tell. */
export interface CrashUnknown {
  readonly code:
    | 'fault-pc'
    | 'end'
    | 'losses'
    | 'calls'
    | 'not-whole'
    | 'partial'
    | 'no-disassembly'
    | 'no-symbols'
    | 'damaged'
    | 'filter';
  readonly says: string;
}

/** A command to run next. */
export interface CrashNext {
  readonly says: string;
  /** Words after `backtrail`. */
  readonly words: readonly string[];
}

/** The trace that the report is about. */
export interface CrashTrace {
  /** As it was given. */
  readonly directory: string;
  readonly state: 'complete' | 'partial';
  readonly command: readonly string[];
  /** ISO 8601, UTC. */
  readonly started: string;
  /** `embedded` or `qemu`. */
  readonly engine: string;
  readonly engineVersion: string;
  /** `user` or `system`. */
  readonly mode: string;
  /** Instruction set of the guest. */
  readonly isa: string;
  /** Of all vCPUs. */
  readonly transfers: number;
  readonly vcpus: number;
}

/** The first call of a function by which a kernel gives up; of whole machines with symbols. */
export interface CrashPanic {
  /** `panic`, `oops_begin`, … */
  readonly name: string;
  readonly vcpu: number;
  /** Of the transfer that arrived there. */
  readonly seq: number;
  /** Where it was called; null where that is not known. */
  readonly caller: CrashPlace | null;
}

/** The whole. */
export interface CrashReport {
  readonly format: typeof CRASH_REPORT_FORMAT;
  readonly version: typeof CRASH_REPORT_VERSION;
  readonly trace: CrashTrace;
  /** The vCPU, or thread, that the report is about. */
  readonly vcpu: number;
  /** seq after its last transfer. */
  readonly seqEnd: number;
  /** Transfers of it that can be read. */
  readonly vcpuTransfers: number;
  /** What the search for broken returns went through: all from this seq on. */
  readonly callsFromSeq: number;
  readonly end: CrashEnd;
  /** In order of time. */
  readonly panics: readonly CrashPanic[];
  /** Null where nothing is known of it. */
  readonly where: CrashWhere | null;
  /** Newest first. */
  readonly transfers: readonly CrashRow[];
  /** Null where the trace does not tell calls from jumps. */
  readonly stack: CrashStack | null;
  readonly brokenReturns: CrashBrokenReturns | null;
  /** Newest first. */
  readonly wildJumps: readonly CrashWildJump[];
  /** Newest first; at most one of each kind. */
  readonly events: readonly CrashEvent[];
  /** Newest first. */
  readonly firstRuns: readonly CrashFirstRun[];
  readonly recent: CrashRecent | null;
  readonly others: readonly CrashOther[];
  readonly unknown: readonly CrashUnknown[];
  readonly next: readonly CrashNext[];
}
