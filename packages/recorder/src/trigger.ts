/**
 * What ends a recording early: an address or a function that is executed for the first time, a
 * signal, an exception. It is looked for in the log of the ring, which names each block where it
 * first ran and each mark where it happened, so that the guest pays nothing for it.
 */
import { BacktrailError } from './errors.ts';
import type { LogBatch, LogBlock, LogMark } from './ring/log.ts';
import { MARK_KINDS } from './trace/vocabulary.ts';

export type TriggerSpec =
  | { readonly on: 'exit' }
  | { readonly on: 'signal' | 'exception'; readonly number: bigint }
  | { readonly on: 'address'; readonly pc: bigint }
  | { readonly on: 'symbol'; readonly name: string };

/** Where and when it came. */
export interface TriggerFired {
  readonly vcpu: number;
  /** Of the transfer that came next. */
  readonly seq: number;
  readonly pc: bigint | null;
  readonly timeNs: bigint;
}

/** Addresses of a symbol in what is mapped by now. */
export type SymbolAddresses = (name: string, maps: readonly LogMark[]) => readonly bigint[];

/** @throws BacktrailError E_TRIGGER */
export function parseTrigger(text: string): TriggerSpec {
  if (text === 'exit') return { on: 'exit' };
  const numbered = /^(signal|exception):(\d{1,9}|0x[0-9a-f]{1,16})$/i.exec(text);
  if (numbered !== null) {
    const [, word = '', digits = ''] = numbered;
    const on = word.toLowerCase() === 'signal' ? 'signal' : 'exception';
    return { on, number: BigInt(digits) };
  }
  if (/^0x[0-9a-f]{1,16}$/i.test(text)) return { on: 'address', pc: BigInt(text) };
  const isName = text !== '' && !/^\d|^(?:signal|exception):/i.test(text);
  if (isName) return { on: 'symbol', name: text };
  throw new BacktrailError(
    'E_TRIGGER',
    `--trigger: found "${text}", expected a function, an address such as 0x401136, signal:11, ` +
      'exception:5 or exit.',
  );
}

export class Trigger {
  readonly spec: TriggerSpec;
  readonly #addressesOf: SymbolAddresses;
  readonly #maps: LogMark[] = [];
  #addresses: readonly bigint[];
  #fired: TriggerFired | null = null;

  constructor(spec: TriggerSpec, addressesOf: SymbolAddresses) {
    this.spec = spec;
    this.#addressesOf = addressesOf;
    this.#addresses = spec.on === 'address' ? [spec.pc] : [];
  }

  get fired(): TriggerFired | null {
    return this.#fired;
  }

  /** Looks through what the log says next. */
  take(batch: LogBatch): void {
    if (this.#fired !== null) return;
    this.#noteMaps(batch.marks);
    const block = batch.blocks.find((one) => this.#pcIn(one) !== null);
    const mark = batch.marks.find((one) => this.#isWanted(one));
    if (mark !== undefined) {
      this.#fired = { vcpu: mark.vcpu, seq: mark.seq, pc: mark.pc, timeNs: mark.timeNs };
    } else if (block !== undefined) {
      const pc = this.#pcIn(block);
      const timeNs = process.hrtime.bigint();
      this.#fired = { vcpu: block.bornVcpu, seq: block.bornSeq, pc, timeNs };
    }
  }

  /** Code of a file cannot run before it is mapped: the log has the mark before the block. */
  #noteMaps(marks: readonly LogMark[]): void {
    const { spec } = this;
    if (spec.on !== 'symbol') return;
    const maps = marks.filter(({ kind }) => MARK_KINDS[kind] === 'map');
    if (maps.length === 0 && (this.#maps.length > 0 || this.#addresses.length > 0)) return;
    this.#maps.push(...maps);
    this.#addresses = this.#addressesOf(spec.name, this.#maps);
  }

  /** The wanted instruction of a block; null if it has none. */
  #pcIn({ pc, instructionSizes }: LogBlock): bigint | null {
    for (const wanted of this.#addresses) {
      let at = pc;
      for (const size of instructionSizes) {
        if (at === wanted) return wanted;
        at += BigInt(size);
      }
    }
    return null;
  }

  #isWanted(mark: LogMark): boolean {
    const { spec } = this;
    if (spec.on !== 'signal' && spec.on !== 'exception') return false;
    return MARK_KINDS[mark.kind] === spec.on && mark.number === spec.number;
  }
}

/**
 * Before anything runs. Only QEMU's log tells when code runs for the first time; the embedded
 * engine names it before.
 * @throws BacktrailError E_TRIGGER
 */
export function checkTrigger(text: string | null, engine: string): void {
  if (text === null) return;
  const { on } = parseTrigger(text);
  if (engine !== 'embedded' || (on !== 'address' && on !== 'symbol')) return;
  throw new BacktrailError(
    'E_TRIGGER',
    `--trigger: found "${text}" with the embedded engine, expected signal:N, exception:N or ` +
      'exit: only QEMU can be watched for code that runs. Write --engine qemu.',
  );
}
