/** What the addresses in an instruction's operands are called. */
import type { Symbolizer } from './symbolizer.ts';

const ADDRESS = /\b0x[0-9a-f]+/g;

/**
 * The text of an instruction, and behind it in angle brackets what the last address among its
 * operands is called, as objdump writes it: `jal 0x110a0 <say_char>`. Numbers that lie in no symbol
 * are no addresses to us.
 * @param timeNs when it ran; the end of the run if left out.
 */
export function withSymbols(text: string, symbolizer: Symbolizer, timeNs?: bigint): string {
  const address = text.match(ADDRESS)?.at(-1);
  if (address === undefined) return text;
  const pc = BigInt(address);
  if ((symbolizer.at(pc, timeNs)?.name ?? null) === null) return text;
  return `${text} <${symbolizer.format(pc, timeNs)}>`;
}
