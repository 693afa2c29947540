/** The last transfers of the run, newest first, loops folded, marks and gaps where they were. */
import { CAUSES, KINDS, MARK_KINDS, type MarkKind, NO_ROW } from '@backtrail/recorder/trace';
import { type Fold, foldLoops } from '../fold.ts';
import { isEndExact } from './end.ts';
import type { CrashMarkRow, CrashRow, CrashTransferRow } from './report.ts';
import { hexAddress, LAST_PART_TRANSFERS, markNumber, type Scene } from './scene.ts';
import { eventName } from './words.ts';

/** Folded first; more only if loops made these too short. */
const FIRST_TRY = 1 << 13;
/** What happens too often to be worth a line, or is told elsewhere. */
const HIDDEN: readonly MarkKind[] = [
  'map',
  'unmap',
  'syscall',
  'flush',
  'end',
  'thread-exit',
  'gap',
];

/** Something between two transfers. */
interface Between {
  readonly seq: number;
  readonly row: CrashRow;
}

/** A list to fold. */
interface Listed {
  /** Edges, and numbers above them for what lies between. */
  readonly list: Uint32Array;
  /** The same, edges that differ in host code alone made one. */
  readonly keys: Uint32Array;
  /** seq of each key. */
  readonly seqs: Float64Array;
  readonly between: readonly Between[];
}

/** @param rowsMax rows wanted on the top level and in loops together. */
export function lastTransfers(scene: Scene, rowsMax: number): CrashRow[] {
  for (let wanted = FIRST_TRY; ; wanted *= 8) {
    const from = Math.max(scene.lastFrom, scene.seqEnd - wanted);
    const listed = listBack(scene, from);
    const folds = foldLoops(listed.keys);
    const rows = takeRows(scene, listed, folds, rowsMax);
    const isEnough = rows.taken < folds.length;
    if (isEnough || from === scene.lastFrom || wanted >= LAST_PART_TRANSFERS) return rows.list;
  }
}

/** Everything from a seq on, newest first. */
function listBack(scene: Scene, from: number): Listed {
  const pieces = scene.lastPieces(from);
  const between = [...marksFrom(scene, from), ...gapsIn(scene, pieces)].sort(
    (a, b) => b.seq - a.seq,
  );
  const count = pieces.reduce((sum, { edges }) => sum + edges.length, between.length);
  const list = new Uint32Array(count);
  const seqs = new Float64Array(count);
  const edgeCount = scene.trace.edges.count;
  let at = 0;
  let next = 0;
  const passBetween = (seq: number): void => {
    for (; (between[next]?.seq ?? -1) > seq; next++) {
      seqs[at] = between[next]?.seq ?? 0;
      list[at++] = edgeCount + next;
    }
  };
  for (const { seq, edges } of pieces.reverse()) {
    for (let i = edges.length - 1; i >= 0; i--) {
      passBetween(seq + i);
      seqs[at] = seq + i;
      list[at++] = edges[i] ?? 0;
    }
  }
  passBetween(-1);
  return { list, keys: guestKeys(scene, list), seqs, between };
}

/** For each edge the first one of the list that is the same to the guest. */
function guestKeys({ trace }: Scene, list: Uint32Array): Uint32Array {
  const { source, target, cause, kind, count } = trace.edges;
  const known = new Uint32Array(count).fill(NO_ROW);
  const first = new Map<string, number>();
  return list.map((edge) => {
    if (edge >= count) return edge;
    const own = known[edge] ?? NO_ROW;
    if (own !== NO_ROW) return own;
    const terms = [source[edge], target[edge], cause[edge], kind[edge]].join();
    const key = first.get(terms) ?? edge;
    first.set(terms, key);
    known[edge] = key;
    return key;
  });
}

function gapsIn(scene: Scene, pieces: readonly { seq: number }[]): Between[] {
  const from = pieces[0]?.seq ?? 0;
  return scene.trace.gaps(scene.vcpu, from, scene.seqEnd).map(({ fromSeq, toSeq }) => ({
    // A gap stands before the transfer that follows it.
    seq: toSeq,
    row: { row: 'gap', seq: fromSeq, transfers: toSeq - fromSeq },
  }));
}

function marksFrom(scene: Scene, from: number): Between[] {
  const { marks } = scene.trace;
  const list: Between[] = [];
  // Newest first, so that those of one seq stay in that order when they are sorted.
  for (let mark = marks.count - 1; mark >= 0; mark--) {
    const seq = marks.seq[mark] ?? 0;
    const kind = MARK_KINDS[marks.kind[mark] ?? 0];
    if (marks.vcpu[mark] !== scene.vcpu || seq < from || kind === undefined) continue;
    if (!HIDDEN.includes(kind)) list.push({ seq, row: markRow(scene, mark, kind) });
  }
  return list;
}

function markRow(scene: Scene, mark: number, kind: MarkKind): CrashMarkRow {
  const { marks } = scene.trace;
  const number = markNumber(marks.number, marks.hasNumber, mark);
  return {
    row: 'mark',
    seq: marks.seq[mark] ?? 0,
    kind,
    number,
    code: markNumber(marks.code, marks.hasCode, mark),
    address: marks.hasAddress[mark] === 1 ? hexAddress(marks.address[mark] ?? 0n) : null,
    place: marks.hasPc[mark] === 1 ? scene.place(marks.pc[mark] ?? 0n, marks.timeNs[mark]) : null,
    detail: marks.detail(mark),
    name: eventName(scene.isa, kind, number),
  };
}

/** As many folds, from the newest on, as make about that many rows; never none. */
function takeRows(
  scene: Scene,
  listed: Listed,
  folds: readonly Fold[],
  rowsMax: number,
): { list: CrashRow[]; taken: number } {
  const list: CrashRow[] = [];
  let rows = 0;
  let taken = 0;
  for (const fold of folds) {
    const size = rowsOf(fold);
    if (taken > 0 && rows + size > rowsMax) break;
    rows += size;
    taken++;
    list.push(rowOf(scene, listed, fold));
    if (rows >= rowsMax) break;
  }
  return { list, taken };
}

const rowsOf = (fold: Fold): number => 1 + fold.body.reduce((sum, inner) => sum + rowsOf(inner), 0);

function rowOf(scene: Scene, listed: Listed, fold: Fold): CrashRow {
  const { list, seqs, between } = listed;
  const edgeCount = scene.trace.edges.count;
  const times: [number, number] = [fold.timesMin, fold.timesMax];
  if (fold.body.length > 0) {
    return {
      row: 'loop',
      seq: seqs[fold.at] ?? 0,
      transfers: fold.length,
      times,
      isCut: fold.at + fold.length === list.length && scene.lastFrom > 0,
      body: fold.body.map((inner) => rowOf(scene, listed, inner)),
    };
  }
  const key = list[fold.at] ?? 0;
  const other = between[key - edgeCount];
  if (key >= edgeCount && other !== undefined) return other.row;
  return transferRow(scene, seqs[fold.at] ?? 0, key, times);
}

export function transferRow(
  scene: Scene,
  seq: number,
  edge: number,
  times: readonly [number, number],
): CrashTransferRow {
  const { edges } = scene.trace;
  const timeNs = scene.timeOf(seq);
  const hasSource = edges.hasSource[edge] === 1;
  return {
    row: 'transfer',
    seq,
    edge,
    cause: CAUSES[edges.cause[edge] ?? 0] ?? null,
    kind: KINDS[edges.kind[edge] ?? 0] ?? null,
    source: hasSource ? scene.place(edges.source[edge] ?? 0n, timeNs) : null,
    target: scene.place(edges.target[edge] ?? 0n, timeNs),
    instruction: scene.sourceInstruction(edge),
    instructions: instructionsAfter(scene, seq),
    times,
  };
}

/** Null before a gap, at an end that nobody saw, and where the code does not fit. */
function instructionsAfter(scene: Scene, seq: number): number | null {
  const { trace, vcpu, path } = scene;
  if (seq + 1 === scene.seqEnd ? !isEndExact(scene) : trace.segmentAt(vcpu, seq + 1) < 0) {
    return null;
  }
  return scene.attempt(() => {
    let sum = 0;
    path.visitRuns(vcpu, seq, seq + 1, (_block, _row, length) => {
      sum += length;
      return false;
    });
    return sum;
  });
}
