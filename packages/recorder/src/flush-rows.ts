/** Log records of the ring as rows of the trace: the one place that knows both shapes. */
import type { LogBlock, LogEdge, LogMark } from './ring/log.ts';
import { NO_CODE } from './ring/words.ts';
import { packBytes } from './trace/columns.ts';
import type { BlockRows, EdgeRows, MarkRows } from './trace/rows.ts';

export function edgeRows(edges: readonly LogEdge[]): EdgeRows {
  const count = edges.length;
  const rows = {
    count,
    source: new BigUint64Array(count),
    hasSource: new Uint8Array(count),
    target: new BigUint64Array(count),
    cause: new Uint8Array(count),
    kind: new Uint8Array(count),
    sourceBlock: new Uint32Array(count),
    targetBlock: new Uint32Array(count),
    hostSource: new BigUint64Array(count),
    hasHostSource: new Uint8Array(count),
    hostTarget: new BigUint64Array(count),
    hasHostTarget: new Uint8Array(count),
    hostHow: new Uint8Array(count),
  };
  for (const [i, edge] of edges.entries()) {
    rows.source[i] = edge.source ?? 0n;
    rows.hasSource[i] = edge.source === null ? 0 : 1;
    rows.target[i] = edge.target;
    rows.cause[i] = edge.cause;
    rows.kind[i] = edge.kind;
    rows.sourceBlock[i] = edge.sourceBlock;
    rows.targetBlock[i] = edge.targetBlock;
    rows.hostSource[i] = edge.hostSource;
    rows.hasHostSource[i] = edge.hostSource === 0n ? 0 : 1;
    rows.hostTarget[i] = edge.hostTarget;
    rows.hasHostTarget[i] = edge.hostTarget === 0n ? 0 : 1;
    rows.hostHow[i] = edge.hostHow;
  }
  return rows;
}

export function blockRows(blocks: readonly LogBlock[]): BlockRows {
  const count = blocks.length;
  const rows = {
    count,
    pc: new BigUint64Array(count),
    size: new Uint32Array(count),
    instructions: new Uint32Array(count),
    instructionSizes: packBytes(blocks.map((block) => block.instructionSizes)),
    code: packBytes(blocks.map((block) => block.code)),
    hostPc: new BigUint64Array(count),
    hasHostPc: new Uint8Array(count),
    hostSize: new Uint32Array(count),
    hostCode: packBytes(blocks.map((block) => block.hostCode)),
    hasHostCode: new Uint8Array(count),
    bornVcpu: new Uint32Array(count),
    bornSeq: new Float64Array(count),
    privilege: new Uint32Array(count),
    hasPrivilege: new Uint8Array(count),
    text: blocks.map((block) => block.text),
  };
  for (const [i, block] of blocks.entries()) {
    rows.pc[i] = block.pc;
    rows.size[i] = block.code.length;
    rows.instructions[i] = block.instructions;
    rows.hostPc[i] = block.hostPc;
    rows.hasHostPc[i] = block.hostPc === 0n ? 0 : 1;
    rows.hostSize[i] = block.hostSize;
    rows.hasHostCode[i] = block.hostCode.length === 0 ? 0 : 1;
    rows.bornVcpu[i] = block.bornVcpu;
    rows.bornSeq[i] = block.bornSeq;
    rows.privilege[i] = block.privilege === NO_CODE ? 0 : block.privilege;
    rows.hasPrivilege[i] = block.privilege === NO_CODE ? 0 : 1;
  }
  return rows;
}

/** A mark without its number: the writer gives it. */
export type MarkRow = Omit<LogMark, 'mark'>;

export function markRows(marks: readonly MarkRow[]): MarkRows {
  const count = marks.length;
  const rows = {
    count,
    vcpu: new Uint32Array(count),
    seq: new Float64Array(count),
    timeNs: new BigUint64Array(count),
    kind: new Uint8Array(count),
    pc: new BigUint64Array(count),
    hasPc: new Uint8Array(count),
    number: new BigInt64Array(count),
    hasNumber: new Uint8Array(count),
    code: new BigInt64Array(count),
    hasCode: new Uint8Array(count),
    address: new BigUint64Array(count),
    hasAddress: new Uint8Array(count),
    size: new BigUint64Array(count),
    hasSize: new Uint8Array(count),
    detail: marks.map((mark) => mark.detail),
  };
  for (const [i, mark] of marks.entries()) {
    rows.vcpu[i] = mark.vcpu;
    rows.seq[i] = mark.seq;
    rows.timeNs[i] = mark.timeNs;
    rows.kind[i] = mark.kind;
    rows.pc[i] = mark.pc ?? 0n;
    rows.hasPc[i] = mark.pc === null ? 0 : 1;
    rows.number[i] = mark.number ?? 0n;
    rows.hasNumber[i] = mark.number === null ? 0 : 1;
    rows.code[i] = mark.code ?? 0n;
    rows.hasCode[i] = mark.code === null ? 0 : 1;
    rows.address[i] = mark.address ?? 0n;
    rows.hasAddress[i] = mark.address === null ? 0 : 1;
    rows.size[i] = mark.size ?? 0n;
    rows.hasSize[i] = mark.size === null ? 0 : 1;
  }
  return rows;
}
