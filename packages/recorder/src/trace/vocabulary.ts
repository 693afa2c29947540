/**
 * The words of a trace (docs/architecture.md, "Words") as closed lists. The position of a word in
 * its list is its code: in the ring, in dictionary columns of the Arrow files, and in SQL enums.
 * Append only; a change in the middle is a new format version.
 */

/** Why control moved. */
export const CAUSES = ['jump', 'exception', 'interrupt', 'signal', 'start', 'filtered'] as const;
export type Cause = (typeof CAUSES)[number];

/** What made it move, as far as it can be told. */
export const KINDS = [
  'branch',
  'jump',
  'indirect-jump',
  'call',
  'indirect-call',
  'return',
  'trap-return',
  'syscall',
  'signal-return',
] as const;
export type Kind = (typeof KINDS)[number];

/** How control moved in the translated host code. `main-loop`: no direct host jump exists. */
export const HOST_HOWS = ['direct-jump', 'indirect-jump', 'main-loop'] as const;
export type HostHow = (typeof HOST_HOWS)[number];

/** Rare facts that have a position in a vCPU's stream. */
export const MARK_KINDS = [
  'thread-start',
  'thread-exit',
  'end',
  'signal',
  'syscall',
  'fork',
  'exec',
  'map',
  'unmap',
  'flush',
  'trigger',
  'gap',
  'stop',
  'exception',
  'interrupt',
  'address-space',
] as const;
export type MarkKind = (typeof MARK_KINDS)[number];

/** What kind of thing a symbol names. */
export const SYMBOL_TYPES = ['function', 'object', 'none', 'ifunc'] as const;
export type SymbolType = (typeof SYMBOL_TYPES)[number];

/** The code stored where a dictionary column is null. */
export const NO_CODE = 0xff;

/** A guest virtual address. */
export type Pc = bigint & { readonly __is: 'guest address' };
/** An address in the engine's translated code. */
export type HostPc = bigint & { readonly __is: 'host address' };
/** A position in one vCPU's stream of transfers, from 0; exact up to 2^53. */
export type Seq = number & { readonly __is: 'seq' };

/** The one way to name a bigint a guest address. */
export const asPc = (address: bigint): Pc => BigInt.asUintN(64, address) as Pc;
export const asHostPc = (address: bigint): HostPc => BigInt.asUintN(64, address) as HostPc;
/** @throws RangeError if `position` is no integer from 0 to 2^53 - 1. */
export function asSeq(position: number): Seq {
  if (!Number.isSafeInteger(position) || position < 0) {
    throw new RangeError(`seq ${position}: expected an integer from 0 to 2^53 - 1`);
  }
  return position as Seq;
}
