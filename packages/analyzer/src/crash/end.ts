/** What ended the run, and where control was then. */
import { BacktrailError, MARK_KINDS, NO_ROW } from '@backtrail/recorder/trace';
import { classifierAt, createClassifier, type FlowKind } from '../disassembly/classify.ts';
import { endMark, type PathRun } from '../path.ts';
import { withSymbols } from '../symbols/operands.ts';
import type { CrashEnd, CrashInstruction, CrashWhere } from './report.ts';
import { hexAddress, markNumber, type Scene } from './scene.ts';
import { signalCodeSays } from './words.ts';

/** Instructions shown before the one in question. */
const BEFORE_MAX = 7;
const SIGNAL = MARK_KINDS.indexOf('signal');

/** The mark of the signal that killed the guest; -1 if the engine left none. */
export function fatalMark({ trace, vcpu, seqEnd }: Scene): number {
  const { manifest, marks } = trace;
  if (manifest.end?.how !== 'signal') return -1;
  const number = BigInt(manifest.end.number);
  for (let mark = marks.count - 1; mark >= 0; mark--) {
    if (marks.kind[mark] !== SIGNAL || marks.vcpu[mark] !== vcpu) continue;
    return marks.seq[mark] === seqEnd && marks.number[mark] === number ? mark : -1;
  }
  return -1;
}

export function crashEnd(scene: Scene): CrashEnd {
  const { manifest, marks, state } = scene.trace;
  const { end, engine } = manifest;
  const common = { note: manifest.note, recordingStopped: manifest.stopped };
  const none = {
    status: null,
    signal: null,
    number: null,
    code: null,
    codeSays: null,
    faultAddress: null,
    isFault: false,
  };
  if (end === null || end.how === 'unknown') {
    const how = end === null && state === 'partial' ? 'running' : 'unknown';
    return { ...none, ...common, how, isFailure: how === 'unknown' || manifest.note !== null };
  }
  if (end.how === 'exit') {
    // Of a whole machine under QEMU the status is that of QEMU, whoever ended it.
    const isBoard = engine.mode === 'system' && engine.name === 'embedded';
    const how = isBoard && manifest.note === null ? 'stopped' : 'exit';
    const isFailure = end.status !== 0 || manifest.note !== null;
    return { ...none, ...common, how, status: end.status, isFailure };
  }
  const mark = fatalMark(scene);
  const code = mark < 0 ? null : markNumber(marks.code, marks.hasCode, mark);
  const hasAddress = mark >= 0 && marks.hasAddress[mark] === 1;
  return {
    ...common,
    how: 'signal',
    status: null,
    signal: end.signal,
    number: end.number,
    code,
    codeSays: signalCodeSays(end.signal, code),
    faultAddress: hasAddress ? hexAddress(marks.address[mark] ?? 0n) : null,
    // Of what failed after recording had stopped the trace knows nothing.
    isFault: manifest.stopped === null && isFault(end.signal, code),
    isFailure: true,
  };
}

/** Signals that instructions raise. */
const FAULTS: readonly string[] = ['SIGSEGV', 'SIGBUS', 'SIGILL', 'SIGFPE', 'SIGTRAP', 'SIGSYS'];

/** Codes up to 0 are those of signals that were sent (siginfo.h: SI_FROMUSER). */
const isFault = (signal: string, code: number | null): boolean =>
  FAULTS.includes(signal) && (code === null || code > 0);

/** Part of a block: its first instruction in question, and what is known of the last. */
interface Stretch {
  readonly block: number;
  /** Where it was entered. */
  readonly from: bigint;
  /** The last one; null: to the end of the block. */
  readonly to: bigint | null;
}

/**
 * Whether the `end` mark names the last instruction. Of a guest that QEMU killed, and of a machine
 * under QEMU, it names only the block in which that is.
 */
export function isEndExact({ trace, vcpu, seqEnd }: Scene): boolean {
  const { end, engine } = trace.manifest;
  const isCall = engine.mode === 'user' && end?.how === 'exit';
  return endMark(trace, vcpu, seqEnd) >= 0 && (engine.name === 'embedded' || isCall);
}

/** Without `returnsTo`, for which the call stack is needed. */
type Where = Omit<CrashWhere, 'returnsTo'>;

export function crashWhere(scene: Scene): Where | null {
  const { trace, vcpu, seqEnd } = scene;
  const { marks, edges } = trace;
  const fatal = fatalMark(scene);
  if (fatal >= 0 && marks.hasPc[fatal] === 1) {
    const pc = marks.pc[fatal] ?? 0n;
    const ran = crashEnd(scene).isFault ? null : lastInstruction(scene);
    return ran === null ? exactly(scene, pc, false) : exactly(scene, ran, true);
  }
  const mark = endMark(trace, vcpu, seqEnd);
  const pc = mark < 0 ? null : (marks.pc[mark] ?? 0n);
  const hasRun = trace.manifest.end?.how === 'exit' ? true : null;
  if (pc !== null && isEndExact(scene)) return exactly(scene, pc, hasRun);
  if (pc !== null) return withinBlock(scene, pc);
  const edge = trace.edgeAt(vcpu, seqEnd - 1);
  if (edge === NO_ROW) return null;
  const target = edges.target[edge] ?? 0n;
  const block = edges.targetBlock[edge] ?? NO_ROW;
  return {
    known: 'arrival',
    place: scene.place(target),
    isCode: block < trace.blocks.count,
    ...listing(scene, { block, from: target, to: null }, null),
  };
}

function exactly(scene: Scene, pc: bigint, hasRun: boolean | null): Where {
  const block = blockWith(scene, pc);
  const run = lastRun(scene);
  const from = run !== null && run.block === block ? run.pc : (scene.trace.blocks.pc[block] ?? pc);
  return {
    known: 'instruction',
    place: scene.place(pc),
    isCode: block !== NO_ROW,
    ...listing(scene, { block, from: from <= pc ? from : pc, to: pc }, hasRun),
  };
}

function withinBlock(scene: Scene, pc: bigint): Where {
  const block = blockWith(scene, pc);
  const listed = listing(scene, { block, from: pc, to: null }, null);
  // Where there is one instruction, it is that one: unless it went on, and the next one failed.
  const isOne = listed.code.length === 1 && !listed.endsIndirect;
  return {
    known: isOne ? 'instruction' : 'block',
    place: scene.place(pc),
    isCode: block !== NO_ROW,
    ...listed,
  };
}

/** The last part of a block that is known to have run. */
function lastRun({ path, vcpu, seqEnd }: Scene): PathRun | null {
  try {
    return path.runsAt(vcpu, seqEnd - 1).at(-1) ?? null;
  } catch (error) {
    if (error instanceof BacktrailError) return null;
    throw error;
  }
}

/** Address of the last instruction that ran: a signal that was sent comes after it. */
function lastInstruction(scene: Scene): bigint | null {
  const run = lastRun(scene);
  return run === null ? null : scene.path.code.pcOf(run.firstRow + run.length - 1);
}

/** The block that control was in last and that has an instruction at `pc`; NO_ROW for none. */
function blockWith(scene: Scene, pc: bigint): number {
  const { trace, vcpu, seqEnd, path } = scene;
  const { blocks, edges } = trace;
  const has = (block: number): boolean => {
    if (block >= blocks.count) return false;
    const offset = pc - (blocks.pc[block] ?? 0n);
    if (offset < 0n || offset >= BigInt(blocks.size[block] ?? 0)) return false;
    return path.code.instructionAt(block, Number(offset)) >= 0;
  };
  const arrived = edges.targetBlock[trace.edgeAt(vcpu, seqEnd - 1)] ?? NO_ROW;
  for (const block of [lastRun(scene)?.block ?? NO_ROW, arrived]) if (has(block)) return block;
  for (let block = blocks.count - 1; block >= 0; block--) if (has(block)) return block;
  return NO_ROW;
}

function listing(
  scene: Scene,
  { block, from, to }: Stretch,
  lastHasRun: boolean | null,
): Pick<CrashWhere, 'code' | 'omitted' | 'endsIndirect'> {
  const { blocks } = scene.trace;
  const code: CrashInstruction[] = [];
  const { symbolizer } = scene.tools;
  if (block >= blocks.count) return { code, omitted: 0, endsIndirect: false };
  const bytes = blocks.code(block);
  const start = blocks.pc[block] ?? 0n;
  let at = 0;
  for (const size of blocks.instructionSizes(block)) {
    const pc = start + BigInt(at);
    if (to !== null && pc > to) break;
    const own = bytes.subarray(at, at + size);
    at += size;
    if (pc < from) continue;
    const text = withSymbols(scene.instruction(block, pc) ?? bytesText(own), symbolizer);
    const hasRun = to === null ? null : pc < to ? true : lastHasRun;
    code.push({ address: hexAddress(pc), text, hasRun });
  }
  const omitted = to === null ? 0 : Math.max(0, code.length - BEFORE_MAX - 1);
  return { code: code.slice(omitted), omitted, endsIndirect: isIndirect(lastKind(scene, block)) };
}

const bytesText = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');

const INDIRECT: readonly (FlowKind | null)[] = ['return', 'indirect-call', 'indirect-jump'];
const isIndirect = (kind: FlowKind | null): boolean => INDIRECT.includes(kind);

/** What the last instruction of a block does. */
function lastKind({ trace, isa }: Scene, block: number): FlowKind | null {
  const sizes = trace.blocks.instructionSizes(block);
  const last = sizes.at(-1) ?? 0;
  const bytes = trace.blocks.code(block);
  const at = bytes.length - last;
  const classifier = createClassifier(isa);
  const own = classifier === null ? null : classifierAt(classifier, trace.blocks, block);
  return own?.classify(bytes, at, last, 0n).kind ?? null;
}

/** Whether control was last in a block that ends with a return, and may have run it. */
export function mayHaveReturned(scene: Scene, where: Where): boolean {
  if (where.known !== 'block' || !where.isCode) return false;
  return lastKind(scene, blockWith(scene, BigInt(where.place.address))) === 'return';
}
