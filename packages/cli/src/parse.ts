/** Numbers as people write them on a command line. All throw RangeError with found and expected. */

const BINARY: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };
const DECIMAL: Readonly<Record<string, number>> = { '': 1, K: 1e3, M: 1e6, G: 1e9 };

function scaled(text: string, units: Readonly<Record<string, number>>): number {
  const match = /^(\d+(?:\.\d+)?(?:e\d{1,2})?)([KMG]?)$/i.exec(text);
  const unit = units[match?.[2]?.toUpperCase() ?? ''] ?? 1;
  return match?.[1] === undefined ? Number.NaN : Number(match[1]) * unit;
}

/** Bytes: `64M`, `1G`, `512K` (powers of 1024) or a plain number. */
export function parseBytes(text: string): number {
  const bytes = scaled(text.replace(/(?:i?B)$/i, ''), BINARY);
  if (!Number.isSafeInteger(bytes) || bytes < 1) {
    throw new RangeError(`Found "${text}", expected a size such as 512K, 64M or 1G.`);
  }
  return bytes;
}

/** A count of at least 1: `1000000`, `1e6` or `10M` (powers of 1000). */
export function parseCount(text: string): number {
  const count = scaled(text, DECIMAL);
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new RangeError(
      `Found "${text}", expected a whole number from 1, such as 1000000, 1e6 or 10M.`,
    );
  }
  return count;
}

/** A position or a vCPU number: a whole number from 0; `,` and `_` between digits are skipped. */
export function parseIndex(text: string): number {
  const plain = text.replace(/(?<=\d)[,_](?=\d)/g, '');
  const index = /^\d+$/.test(plain) ? Number(plain) : Number.NaN;
  if (!Number.isSafeInteger(index)) {
    throw new RangeError(`Found "${text}", expected a whole number from 0.`);
  }
  return index;
}
