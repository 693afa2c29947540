/** What a check may find. One table: code, how grave, what it says about the trace. */
export type Severity = 'error' | 'warning';

/**
 * `error`: the trace contradicts itself or the code it recorded. `warning`: something is missing,
 * and the trace says so itself.
 */
export const CHECK_CODES = {
  'trace-partial': ['warning', 'The trace was not closed properly; totals are not compared.'],
  'trace-problem': ['warning', 'The reader found a part missing or damaged.'],
  'table-unreadable': ['error', 'A table cannot be read.'],
  'isa-unknown': ['warning', 'No classifier for this guest: code is not compared with causes.'],
  'block-size': ['error', 'Sizes of a block disagree: code, size, instruction sizes.'],
  'block-code': ['error', 'The bytes of an instruction do not make one of its recorded size.'],
  'block-born': ['error', 'A block was born on a vCPU or at a seq that the trace does not have.'],
  'edge-cause': ['error', 'Cause and the presence of a source disagree, or it is no cause.'],
  'edge-kind': ['error', 'The kind does not go with the cause, or is missing.'],
  'edge-source': ['error', 'The source is no instruction of its source block.'],
  'edge-target': ['error', 'The target is not the start of its target block.'],
  'edge-instruction': ['error', 'The instruction at the source does something else.'],
  'edge-direct-target': ['error', 'The instruction at the source goes to another address.'],
  'edge-host': ['error', 'Host addresses lie outside the host code of the blocks.'],
  'edge-count': ['error', 'An edge was not taken as often as its row says.'],
  'transfer-edge': ['error', 'A transfer names an edge that does not exist.'],
  'transfer-start': [
    'error',
    'A start is not the first transfer of its vCPU, or is missing there.',
  ],
  'hop-unreachable': ['error', 'Sequential execution does not lead from a target to the source.'],
  'hop-passes': ['error', 'The way from a target to the next source passes over a transfer.'],
  'segment-unreadable': ['error', 'The transfers of a segment cannot be read.'],
  'segment-rows': ['error', 'A segment holds more or fewer transfers than its row says.'],
  'segment-place': ['error', 'Two segments name the same record batch.'],
  'segment-time': ['error', 'Times of segments run backward.'],
  'segment-instructions': ['error', 'Instructions counted by the recorder differ from the path.'],
  'seq-hole': ['error', 'Transfers are missing, and neither a gap nor a loss counter says so.'],
  'seq-overlap': ['error', 'Two segments of a vCPU hold the same seq.'],
  'mark-seq': ['error', 'A mark lies past the last transfer of its vCPU.'],
  'end-unreachable': ['error', 'The path does not lead from the last target to the end.'],
  'end-instructions': ['error', 'Instructions at the end of a vCPU differ from the path.'],
  'symbol-module': ['error', 'A symbol belongs to no module, or symbols are not sorted.'],
  'source-line': [
    'error',
    'Lines or inlined functions belong to no module, cover nothing, overlap or are not sorted.',
  ],
  total: ['error', 'A total of the manifest differs from what is there.'],
} as const satisfies Readonly<Record<string, readonly [Severity, string]>>;

export type CheckCode = keyof typeof CHECK_CODES;

/** A moment: the transfer a finding is about. */
export interface Moment {
  readonly vcpu: number;
  readonly seq: number;
}

export interface Finding {
  readonly code: CheckCode;
  readonly severity: Severity;
  /** One line: where, and the numbers that disagree. */
  readonly message: string;
  readonly at?: Moment;
}

/** Keeps the first findings of each code, counts all. */
export class Findings {
  readonly list: Finding[] = [];
  readonly counts = new Map<CheckCode, number>();
  readonly #perCodeMax: number;

  constructor(perCodeMax: number) {
    this.#perCodeMax = perCodeMax;
  }

  /** @param message is called only if the finding is kept: making it is the dear part. */
  add(code: CheckCode, message: () => string, at?: Moment): void {
    const count = (this.counts.get(code) ?? 0) + 1;
    this.counts.set(code, count);
    if (count > this.#perCodeMax) return;
    const severity = CHECK_CODES[code][0];
    this.list.push({ code, severity, message: message(), ...(at === undefined ? {} : { at }) });
  }

  countOf(severity: Severity): number {
    let sum = 0;
    for (const [code, count] of this.counts) if (CHECK_CODES[code][0] === severity) sum += count;
    return sum;
  }
}

export const hex = (address: bigint): string => `0x${address.toString(16)}`;

/** What went wrong, in one line, whatever was thrown. */
export function reasonOf(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return text.split('\n', 1)[0] ?? '';
}
