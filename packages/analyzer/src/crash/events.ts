/** What came from outside before the end, and what ran for the first time. */
import { MARK_KINDS, type MarkKind } from '@backtrail/recorder/trace';
import { isSameCode, visitCovering } from './covering.ts';
import { fatalMark } from './end.ts';
import type { CrashEvent, CrashFirstRun, CrashPlace } from './report.ts';
import { hexAddress, markNumber, type Scene } from './scene.ts';
import { eventName, isEnvironmentCall } from './words.ts';

const EVENTS = ['signal', 'interrupt', 'exception'] as const;
/** Blocks looked at, newest first. */
const BLOCKS_MAX = 2000;
/** Older ones than that are not "just before the end". */
const RECENT_TRANSFERS = 1 << 20;

/** The last signal, interrupt and exception before what ended the run; newest first. */
export function lastEvents(scene: Scene): Omit<CrashEvent, 'isOpen'>[] {
  const { marks } = scene.trace;
  const fatal = fatalMark(scene);
  const found: Omit<CrashEvent, 'isOpen'>[] = [];
  for (let mark = marks.count - 1; mark >= 0 && found.length < EVENTS.length; mark--) {
    if (marks.vcpu[mark] !== scene.vcpu || mark === fatal) continue;
    const kind = eventKind(MARK_KINDS[marks.kind[mark] ?? 0]);
    if (kind === null || found.some((one) => one.kind === kind)) continue;
    const number = markNumber(marks.number, marks.hasNumber, mark);
    if (kind === 'exception' && isEnvironmentCall(scene.isa, number)) continue;
    const seq = marks.seq[mark] ?? 0;
    found.push({
      kind,
      number,
      name: eventName(scene.isa, kind, number),
      place: marks.hasPc[mark] === 1 ? scene.place(marks.pc[mark] ?? 0n, marks.timeNs[mark]) : null,
      address: marks.hasAddress[mark] === 1 ? hexAddress(marks.address[mark] ?? 0n) : null,
      seq,
      transfersAgo: Math.max(0, scene.seqEnd - seq),
    });
  }
  return found;
}

function eventKind(kind: MarkKind | undefined): CrashEvent['kind'] | null {
  return EVENTS.find((event) => event === kind) ?? null;
}

/** @param groupsMax functions wanted. */
export function firstRuns(scene: Scene, groupsMax: number): CrashFirstRun[] {
  const { blocks } = scene.trace;
  const groups: { name: string; place: CrashPlace; blocks: number; seqs: [number, number] }[] = [];
  for (const block of newBlocks(scene)) {
    const seq = blocks.bornSeq[block] ?? 0;
    const pc = blocks.pc[block] ?? 0n;
    const place = scene.place(pc, scene.timeOf(seq));
    const name = scene.tools.symbolizer.at(pc)?.name ?? place.symbol;
    const last = groups.at(-1);
    if (last !== undefined && last.name === name) {
      last.blocks++;
      last.seqs[0] = seq;
    } else {
      if (groups.length === groupsMax) break;
      groups.push({ name, place, blocks: 1, seqs: [seq, seq] });
    }
  }
  return groups.map(({ place, blocks: count, seqs }) => ({ place, blocks: count, seqs }));
}

/**
 * Blocks whose code ran for the first time, newest first: not those that were translated anew, or
 * lie in a longer one that ran before.
 */
function newBlocks(scene: Scene): number[] {
  const { trace } = scene;
  const { blocks } = trace;
  const young: number[] = [];
  for (let block = blocks.count - 1; block >= 0 && young.length < BLOCKS_MAX; block--) {
    const seq = blocks.bornSeq[block] ?? 0;
    if (blocks.bornVcpu[block] !== scene.vcpu || seq > scene.seqEnd) continue;
    if (seq < scene.seqEnd - RECENT_TRANSFERS) break;
    young.push(block);
  }
  const known = new Set<number>();
  const at = new Map<bigint, number[]>();
  for (const block of young) {
    const pc = blocks.pc[block] ?? 0n;
    const there = at.get(pc);
    if (there === undefined) at.set(pc, [block]);
    else there.push(block);
  }
  visitCovering(trace, [...at.keys()], (pc, older, offset) => {
    for (const block of at.get(pc) ?? []) {
      if (older < block && isSameCode(trace, [block, 0], [older, offset])) known.add(block);
    }
  });
  return young.filter((block) => !known.has(block));
}
