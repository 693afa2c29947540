/** Checks of the recorded code: sizes that agree, instructions as long as their bits say. */
import type { Trace } from '@backtrail/recorder/trace';
import { type Classifier, classifierAt } from '../disassembly/classify.ts';
import { type Findings, hex } from './findings.ts';

/**
 * A block is written down before the transfers that lead to it, a jump and a signal at most. A stop
 * or a kill may come between.
 */
const TRANSFERS_TO_BLOCK_MAX = 2;

/**
 * An x86 block may end in a piece of an instruction: QEMU 7.2 gives one up that crosses into a page
 * it has not read yet, but still counts it in. So nothing is asked of the last one's operands.
 */
export function checkBlocks(trace: Trace, classifier: Classifier | null, findings: Findings): void {
  const { blocks } = trace;
  const isWhole = trace.state === 'complete' && lossless(trace);
  for (let block = 0; block < blocks.count; block++) {
    checkSizes(trace, block, findings);
    if (classifier !== null) checkCode(trace, block, classifier, findings);
    if (!isWhole) continue;
    const vcpu = blocks.bornVcpu[block] ?? 0;
    const seq = blocks.bornSeq[block] ?? 0;
    const end = trace.seqEnd(vcpu);
    if (seq > end + TRANSFERS_TO_BLOCK_MAX) {
      findings.add(
        'block-born',
        () =>
          `block ${block} at ${hex(blocks.pc[block] ?? 0n)}: born at vCPU ${vcpu} seq ${seq}, ` +
          `that vCPU ends at seq ${end}`,
      );
    }
  }
}

/** Whether no loss counter that takes transfers away has counted. */
export function lossless(trace: Trace): boolean {
  const { losses, recovered, stopped } = trace.manifest;
  // Of a recovery without the ring: names on disk go further than the streams.
  if (recovered && stopped === 'recorder-gone') return false;
  const { overwritten, unrecorded, damaged, vcpusUnrecorded } = losses;
  return overwritten + unrecorded + damaged + vcpusUnrecorded === 0;
}

function checkSizes(trace: Trace, block: number, findings: Findings): void {
  const { blocks } = trace;
  const sizes = blocks.instructionSizes(block);
  let sum = 0;
  let empty = sizes.length === 0;
  for (const size of sizes) {
    sum += size;
    if (size === 0) empty = true;
  }
  const size = blocks.size[block] ?? 0;
  const codeBytes = blocks.code(block).length;
  const count = blocks.instructions[block] ?? 0;
  if (!empty && sum === size && codeBytes === size && count === sizes.length) return;
  findings.add(
    'block-size',
    () =>
      `block ${block} at ${hex(blocks.pc[block] ?? 0n)}: size ${size}, code ${codeBytes} bytes, ` +
      `instruction sizes sum to ${sum}; ${count} instructions, ${sizes.length} sizes` +
      (empty ? ', one of them empty' : ''),
  );
}

function checkCode(trace: Trace, block: number, classifier: Classifier, findings: Findings): void {
  const { blocks } = trace;
  const code = blocks.code(block);
  const sizes = blocks.instructionSizes(block);
  const own = classifierAt(classifier, blocks, block);
  let at = 0;
  for (let i = 0; i < sizes.length; i++) {
    const found = sizes[i] ?? 0;
    const expected = at < code.length ? (own?.sizeBytes(code, at) ?? 0) : 0;
    if (expected !== 0 && expected !== found) {
      const here = at;
      findings.add(
        'block-code',
        () =>
          `block ${block}, instruction ${i} at ${hex((blocks.pc[block] ?? 0n) + BigInt(here))}: ` +
          `recorded as ${found} bytes, its bits say ${expected}`,
      );
      return;
    }
    at += found;
  }
}
