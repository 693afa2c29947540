/** Checks of edges: ends inside their blocks, an instruction at the source that does just that. */
import {
  CAUSES,
  type Cause,
  HOST_HOWS,
  KINDS,
  type Kind,
  NO_CODE,
  NO_ROW,
  type Trace,
} from '@backtrail/recorder/trace';
import {
  type Classifier,
  classifierAt,
  FLOW_KINDS,
  PASSES,
  SEQUENTIAL,
} from '../disassembly/classify.ts';
import { type CodeIndex, distanceBytes } from '../path/code-index.ts';
import type { EdgeEnds } from '../path/hops.ts';
import { type Findings, hex } from './findings.ts';

/** Kinds that go with a cause; null is in the list where a cause may come without one. */
const KINDS_OF: Readonly<Record<Cause, readonly (Kind | null)[]>> = {
  jump: ['branch', 'jump', 'indirect-jump', 'call', 'indirect-call', 'return', 'trap-return'],
  exception: ['syscall', null],
  interrupt: [null],
  signal: ['signal-return', null],
  start: [null],
  filtered: [null],
};

/** Everything the checks of edges look at. */
export interface EdgeCheckInput {
  readonly trace: Trace;
  readonly code: CodeIndex;
  readonly ends: EdgeEnds;
  readonly classifier: Classifier | null;
  readonly findings: Findings;
}

export function checkEdges(input: EdgeCheckInput): void {
  const { edges } = input.trace;
  for (let edge = 0; edge < edges.count; edge++) {
    const causeCode = edges.cause[edge] ?? NO_CODE;
    const cause = CAUSES[causeCode] ?? null;
    const kind = KINDS[edges.kind[edge] ?? NO_CODE] ?? null;
    checkCause(input, edge, cause, kind);
    checkTarget(input, edge);
    const at = checkSource(input, edge, cause);
    if (at >= 0) checkInstruction(input, edge, cause, kind, at);
    checkHost(input, edge);
  }
}

/** `edge 7 (0x1000 → 0x2000)`. */
function name(trace: Trace, edge: number): string {
  const { edges } = trace;
  const source = edges.hasSource[edge] === 1 ? hex(edges.source[edge] ?? 0n) : 'nowhere';
  return `edge ${edge} (${source} → ${hex(edges.target[edge] ?? 0n)})`;
}

function checkCause(
  { trace, classifier, findings }: EdgeCheckInput,
  edge: number,
  cause: Cause | null,
  kind: Kind | null,
): void {
  const { edges } = trace;
  const causeCode = edges.cause[edge] ?? NO_CODE;
  const kindCode = edges.kind[edge] ?? NO_CODE;
  if (cause === null && causeCode !== NO_CODE) {
    const most = CAUSES.length - 1;
    findings.add('edge-cause', () => `${name(trace, edge)}: cause ${causeCode}, at most ${most}`);
    return;
  }
  if (kind === null && kindCode !== NO_CODE) {
    const most = KINDS.length - 1;
    findings.add('edge-kind', () => `${name(trace, edge)}: kind ${kindCode}, at most ${most}`);
    return;
  }
  const hasSource = edges.hasSource[edge] === 1;
  if (cause !== null && hasSource === (cause === 'start')) {
    findings.add(
      'edge-cause',
      () => `${name(trace, edge)}: cause ${cause} ${hasSource ? 'with' : 'without'} a source`,
    );
  }
  if (cause === null) return;
  const fits = KINDS_OF[cause].includes(kind) || (kind === null && classifier === null);
  if (!fits) {
    findings.add('edge-kind', () => `${name(trace, edge)}: cause ${cause}, kind ${kind ?? 'null'}`);
  }
}

function checkTarget({ trace, code, ends, findings }: EdgeCheckInput, edge: number): void {
  const block = trace.edges.targetBlock[edge] ?? NO_ROW;
  if (block === NO_ROW) return;
  if (block >= code.blockCount) {
    findings.add(
      'edge-target',
      () => `${name(trace, edge)}: target block ${block}, there are ${code.blockCount} blocks`,
    );
    return;
  }
  if (
    code.pc.high[block] !== ends.target.high[edge] ||
    code.pc.low[block] !== ends.target.low[edge]
  ) {
    findings.add(
      'edge-target',
      () =>
        `${name(trace, edge)}: target block ${block} starts at ` +
        hex(trace.blocks.pc[block] ?? 0n),
    );
  }
}

/** Which instruction of its block the source is; -1 where there is none to look at. */
function checkSource(
  { trace, code, ends, findings }: EdgeCheckInput,
  edge: number,
  cause: Cause | null,
): number {
  const { edges } = trace;
  if (edges.hasSource[edge] !== 1) return -1;
  const block = edges.sourceBlock[edge] ?? NO_ROW;
  if (block >= code.blockCount) {
    // A signal may come where no block ran: between two, or before the first of a target.
    if (block === NO_ROW && cause !== 'jump') return -1;
    findings.add(
      'edge-source',
      () =>
        `${name(trace, edge)}: source block ${block === NO_ROW ? 'null' : block}, ` +
        `there are ${code.blockCount} blocks`,
    );
    return -1;
  }
  const offset = distanceBytes(
    ends.source.high[edge] ?? 0,
    ends.source.low[edge] ?? 0,
    code.pc.high[block] ?? 0,
    code.pc.low[block] ?? 0,
  );
  const at = code.instructionAt(block, offset);
  const isEnd = at === code.instructionCount(block);
  if (at >= 0 && !(isEnd && ends.retired[edge] === 1)) return isEnd ? -1 : at;
  findings.add(
    'edge-source',
    () =>
      `${name(trace, edge)}: the source lies ${offset} bytes into block ${block} of ` +
      `${code.endBytes[block] ?? 0} bytes, ${isEnd ? 'its end' : 'no instruction boundary'}`,
  );
  return -1;
}

function checkInstruction(
  { trace, code, classifier, findings }: EdgeCheckInput,
  edge: number,
  cause: Cause | null,
  kind: Kind | null,
  at: number,
): void {
  if (classifier === null) return;
  const { blocks, edges } = trace;
  // What a fault or an interrupt stopped may be any instruction.
  const wanted = cause === 'jump' ? kind : kind === null ? null : 'syscall';
  if (wanted === null) return;
  const block = edges.sourceBlock[edge] ?? 0;
  const bytes = blocks.code(block);
  const sizes = blocks.instructionSizes(block);
  const own = classifierAt(classifier, blocks, block);
  if (own === null) return;
  const size = sizes[at] ?? 0;
  const offset = code.offsetBytes[(code.firstRow[block] ?? 0) + at] ?? 0;
  const flow = own.flow(bytes, offset, size);
  const found = flow === SEQUENTIAL ? null : (FLOW_KINDS[flow & ~PASSES] ?? null);
  if (found !== wanted) {
    findings.add(
      'edge-instruction',
      () =>
        `${name(trace, edge)}: recorded as ${wanted}, the bytes ` +
        `${Buffer.from(bytes.subarray(offset, offset + size)).toString('hex')} are ` +
        `${found ?? 'sequential'}`,
    );
    return;
  }
  if (cause !== 'jump') return;
  const target = own.target(bytes, offset, size, edges.source[edge] ?? 0n);
  if (target !== null && target !== edges.target[edge]) {
    findings.add(
      'edge-direct-target',
      () => `${name(trace, edge)}: the instruction goes to ${hex(target)}`,
    );
  }
}

function checkHost({ trace, code, findings }: EdgeCheckInput, edge: number): void {
  const { blocks, edges } = trace;
  const source = edges.sourceBlock[edge] ?? NO_ROW;
  const target = edges.targetBlock[edge] ?? NO_ROW;
  const how = HOST_HOWS[edges.hostHow[edge] ?? NO_CODE] ?? null;
  const hostSource = edges.hostSource[edge] ?? 0n;
  const hostTarget = edges.hostTarget[edge] ?? 0n;
  const hasSource = edges.hasHostSource[edge] === 1;
  if (hasSource && how === 'main-loop') {
    findings.add(
      'edge-host',
      () => `${name(trace, edge)}: host source ${hex(hostSource)}, though main-loop has none`,
    );
  }
  if (hasSource && source < code.blockCount && blocks.hasHostPc[source] === 1) {
    const start = blocks.hostPc[source] ?? 0n;
    const end = start + BigInt(blocks.hostSize[source] ?? 0);
    if (hostSource < start || hostSource >= end) {
      findings.add(
        'edge-host',
        () =>
          `${name(trace, edge)}: host source ${hex(hostSource)}, ` +
          `block ${source} has ${hex(start)} to ${hex(end)}`,
      );
    }
  }
  if (edges.hasHostTarget[edge] !== 1 || target >= code.blockCount) return;
  const hostPc = blocks.hostPc[target] ?? 0n;
  if (blocks.hasHostPc[target] === 1 && hostPc !== hostTarget) {
    findings.add(
      'edge-host',
      () =>
        `${name(trace, edge)}: host target ${hex(hostTarget)}, ` +
        `block ${target} is at ${hex(hostPc)}`,
    );
  }
}
