/** Jumps that went where no program goes on purpose. */
import { KINDS, type Kind, NO_ROW, SYMBOL_TYPES } from '@backtrail/recorder/trace';
import { isSameCode, visitCovering } from './covering.ts';
import type { CrashInstruction, CrashWildJump } from './report.ts';
import { hexAddress, type Scene } from './scene.ts';
import { transferRow } from './transfers.ts';

/** Where only the run decides where control goes. */
const INDIRECT: readonly (Kind | undefined)[] = ['indirect-jump', 'indirect-call', 'return'];
const OBJECT = SYMBOL_TYPES.indexOf('object');
const FUNCTION = SYMBOL_TYPES.indexOf('function');
const INDIRECT_CALL = KINDS.indexOf('indirect-call');
/** Hand-written code may call where no function begins: only what came last is suspicious. */
const INSIDE_TRANSFERS = 4096;
/**
 * More blocks than that outside of files, or a larger share of all, are no accident: the program
 * makes code, or its files are not known.
 */
const GENERATED_BLOCKS = 64;
const GENERATED_SHARE = 1 / 2;

type How = CrashWildJump['how'];

/** An edge of the last part, and when it was taken last. */
interface Suspect {
  readonly edge: number;
  readonly seq: number;
}

/** @param jumpsMax jumps wanted, the newest ones. */
export function wildJumps(scene: Scene, jumpsMax: number): CrashWildJump[] {
  const suspects = indirectEdges(scene);
  const middles = inMiddle(scene, suspects);
  const isGenerating = isCodeGenerated(scene, suspects);
  const found: CrashWildJump[] = [];
  for (const suspect of suspects) {
    if (found.length === jumpsMax) break;
    const within = middles.get(suspect.edge) ?? null;
    const how = within === null ? howWild(scene, suspect, isGenerating) : 'middle';
    if (how === null) continue;
    const { seq, edge } = suspect;
    const { kind, source, target, instruction } = transferRow(scene, seq, edge, [1, 1]);
    found.push({ how, seq, edge, kind, source, target, instruction, within });
  }
  return found;
}

/** Distinct ones of the last part, newest first. */
function indirectEdges(scene: Scene): Suspect[] {
  const { edges } = scene.trace;
  const seen = new Uint8Array(edges.count);
  const list: Suspect[] = [];
  for (const piece of scene.lastPieces().reverse()) {
    for (let i = piece.edges.length - 1; i >= 0; i--) {
      const edge = piece.edges[i] ?? 0;
      if (seen[edge] !== 0) continue;
      seen[edge] = 1;
      if (INDIRECT.includes(KINDS[edges.kind[edge] ?? 0])) {
        list.push({ edge, seq: piece.seq + i });
      }
    }
  }
  return list;
}

function howWild(scene: Scene, { edge, seq }: Suspect, isGenerating: boolean): How | null {
  const { edges, blocks } = scene.trace;
  const target = edges.target[edge] ?? 0n;
  if (isWithin(scene, target, OBJECT)) return 'data';
  if ((edges.targetBlock[edge] ?? NO_ROW) >= blocks.count) {
    // A signal may have come before the first instruction there; then code ran there later.
    const { code } = scene.path;
    const [high, low] = [Number(target >> 32n), Number(BigInt.asUintN(32, target))];
    return code.groupAt(high, low) === NO_ROW ? 'nowhere' : null;
  }
  if (scene.tools.symbolizer.moduleAt(target) < 0) {
    return isGenerating || endsSignal(scene, edge) ? null : 'outside';
  }
  const isLate = edges.kind[edge] === INDIRECT_CALL && seq >= scene.seqEnd - INSIDE_TRANSFERS;
  if (!isLate || !isWithin(scene, target, FUNCTION)) return null;
  return (scene.tools.symbolizer.at(target)?.offset ?? 0n) > 0n ? 'inside' : null;
}

/** Whether an address lies in what a symbol of that type names. */
function isWithin({ tools, trace }: Scene, address: bigint, type: number): boolean {
  const { symbols } = trace;
  const place = tools.symbolizer.at(address);
  if (place === null || place.symbol === null || symbols.type[place.symbol] !== type) return false;
  return place.offset < (symbols.size[place.symbol] ?? 0n);
}

/** Whether the target is the code that returns from a signal handler: the kernel put it there. */
function endsSignal(scene: Scene, edge: number): boolean {
  const { edges } = scene.trace;
  const block = edges.targetBlock[edge] ?? NO_ROW;
  const kind = KINDS.indexOf('signal-return');
  for (let other = 0; other < edges.count; other++) {
    if (edges.kind[other] === kind && edges.sourceBlock[other] === block) return true;
  }
  return false;
}

/** Whether so much ran outside of files that it must have been made by the program. */
function isCodeGenerated(scene: Scene, suspects: readonly Suspect[]): boolean {
  const { blocks, edges } = scene.trace;
  const isOutside = (pc: bigint): boolean => scene.tools.symbolizer.moduleAt(pc) < 0;
  if (!suspects.some(({ edge }) => isOutside(edges.target[edge] ?? 0n))) return false;
  const most = Math.min(GENERATED_BLOCKS, blocks.count * GENERATED_SHARE);
  let outside = 0;
  for (let block = 0; block < blocks.count && outside <= most; block++) {
    if (isOutside(blocks.pc[block] ?? 0n)) outside++;
  }
  return outside > most;
}

/** Of edges that arrive within an instruction that was executed as another one: that one. */
function inMiddle(scene: Scene, suspects: readonly Suspect[]): Map<number, CrashInstruction> {
  const { trace, path } = scene;
  const { edges, blocks } = trace;
  const arrivals = new Map<bigint, { edge: number; block: number }[]>();
  for (const { edge } of suspects) {
    const block = edges.targetBlock[edge] ?? NO_ROW;
    if (block >= blocks.count) continue;
    const target = edges.target[edge] ?? 0n;
    const there = arrivals.get(target);
    if (there === undefined) arrivals.set(target, [{ edge, block }]);
    else there.push({ edge, block });
  }
  const found = new Map<number, CrashInstruction>();
  visitCovering(trace, [...arrivals.keys()], (target, block, offset) => {
    if (path.code.instructionAt(block, offset) >= 0) return;
    const pc = instructionAround(scene, block, offset);
    for (const { edge, block: arrived } of arrivals.get(target) ?? []) {
      if (found.has(edge) || !isSameCode(trace, [arrived, 0], [block, offset])) continue;
      const text = scene.instruction(block, pc) ?? '';
      found.set(edge, { address: hexAddress(pc), text, hasRun: true });
    }
  });
  return found;
}

/** Address of the instruction of a block that holds an offset. */
function instructionAround({ trace }: Scene, block: number, offset: number): bigint {
  let at = 0;
  for (const size of trace.blocks.instructionSizes(block)) {
    if (at + size > offset) break;
    at += size;
  }
  return (trace.blocks.pc[block] ?? 0n) + BigInt(at);
}
