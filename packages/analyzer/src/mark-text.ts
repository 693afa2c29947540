/** Marks in words, for every place that shows them. */
import type { MarkKind } from '@backtrail/recorder/trace';
import { formatAddress, visible } from './format.ts';
import { errorName, signalName, syscallName } from './guest-names.ts';
import { trapName } from './trap-names.ts';

/** A mark, as far as it has words. */
export interface MarkFacts {
  readonly kind: MarkKind;
  /** Where it happened, as it is to be shown; null where that is not known. */
  readonly place: string | null;
  readonly number: bigint | null;
  readonly code: bigint | null;
  readonly address: bigint | null;
  readonly detail: string | null;
}

const counted = (count: bigint, one: string): string =>
  `${count.toLocaleString('en-US')} ${one}${count === 1n ? '' : 's'}`;

/** `openat(0x3, 0x4000, 0x0) = -2 ENOENT`; without a result where the call did not come back. */
function callText(isa: string, { number, code, detail }: MarkFacts): string {
  const name = number === null ? null : syscallName(isa, number);
  const called = name ?? `syscall ${number ?? '?'}`;
  // The embedded engine's mark of a call that it does not have names it.
  const given = detail === null || detail === name ? '' : `(${visible(detail)})`;
  if (code === null) return `${called}${given}`;
  const error = code < 0n ? errorName(isa, -code) : null;
  return `${called}${given} = ${code}${error === null ? '' : ` ${error}`}`;
}

/** @param isa of the guest, in QEMU's names: signals have other numbers on some. */
export function markText(mark: MarkFacts, isa: string): string {
  const at = mark.place === null ? '' : ` at ${mark.place}`;
  const number = mark.number ?? 0n;
  const detail = mark.detail === null ? '' : visible(mark.detail);
  switch (mark.kind) {
    case 'signal': {
      const name = signalName(isa, number);
      const code = mark.code === null ? '' : `, code ${mark.code}`;
      const fault = mark.address === null ? '' : `, fault address ${formatAddress(mark.address)}`;
      return `signal ${number}${name === null ? '' : ` (${name})`}${code}${fault}${at}`;
    }
    case 'exception':
    case 'interrupt': {
      const name = trapName(isa, mark.kind, mark.number === null ? null : Number(mark.number));
      const told = [
        mark.number === null ? mark.kind : `${mark.kind} ${number}`,
        ...(name === null ? [] : [`(${name})`]),
      ].join(' ');
      const code =
        mark.code === null ? '' : `, code ${formatAddress(BigInt.asUintN(64, mark.code))}`;
      const fault = mark.address === null ? '' : `, value ${formatAddress(mark.address)}`;
      return `${told}${code}${fault}${at}`;
    }
    case 'gap':
      return `${counted(number, 'transfer')} lost here`;
    case 'end':
      return `end${at}, ${counted(number, 'instruction')} in all${detail && `: ${detail}`}`;
    case 'thread-start':
      return `thread ${number} starts${at}`;
    case 'thread-exit':
      return `thread exits${at}`;
    case 'stop':
      return `recording stopped: ${detail}`;
    case 'fork':
      return `child process ${number} was made, it is not recorded`;
    case 'exec':
      return mark.code === null ? `exec of ${detail}` : `exec failed with ${mark.code}`;
    case 'address-space':
      return `address space ${formatAddress(mark.address ?? 0n)}${at}`;
    case 'syscall':
      return `${callText(isa, mark)}${at}`;
    case 'map':
    case 'unmap':
    case 'flush':
    case 'trigger':
      return [mark.kind, mark.number === null ? '' : String(number), detail]
        .filter((word) => word !== '')
        .join(' ');
  }
}
