/** What all fuzz targets share: chance from a seed, bytes that are spoilt by it, and a verdict. */
import { BacktrailError } from '@backtrail/recorder/trace';
import { Random } from '../../packages/recorder/src/engines/embedded/isa/random.fixture.ts';

export { Random };

export interface Target {
  readonly name: string;
  /** Inputs that the tests try; one takes so long in some targets. */
  readonly inputsInTests: number;
  /**
   * Makes its corpus in a folder of its own, once.
   * @returns tries one input, which depends on the chance alone; throws if something is wrong.
   */
  prepare(folder: string): Promise<(random: Random) => Promise<void> | void>;
}

/** Numbers at which lengths, offsets and counts have their corners. */
const CORNERS = [
  0n,
  1n,
  0x7fn,
  0xffn,
  0x7fffn,
  0xffffn,
  0x7fff_ffffn,
  0xffff_ffffn,
  0x1f_ffff_ffff_ffffn,
  0x7fff_ffff_ffff_ffffn,
  0xffff_ffff_ffff_ffffn,
] as const;

export const corner = (random: Random): bigint =>
  random.below(3) === 0 ? random.next64() >> BigInt(random.below(64)) : random.pick(CORNERS);

/** A copy with one to eight changes: bits, bytes, numbers, pieces that are gone, moved or twice. */
export function spoilt(bytes: Uint8Array, random: Random): Uint8Array {
  let out = Buffer.from(bytes);
  for (let left = 1 + random.below(random.pick([1, 1, 3, 8])); left > 0; left--) {
    if (out.length === 0) break;
    const at = random.below(out.length);
    const length = Math.min(out.length - at, 1 + random.below(random.pick([4, 64, 4096])));
    switch (random.below(7)) {
      case 0:
        out[at] = (out[at] ?? 0) ^ (1 << random.below(8));
        break;
      case 1:
        out[at] = random.below(256);
        break;
      case 2: {
        const number = Buffer.alloc(8);
        number.writeBigUInt64LE(corner(random));
        const isBig = random.below(4) === 0;
        const width = random.pick([2, 4, 8]);
        out.set(
          (isBig ? number.reverse().subarray(8 - width) : number.subarray(0, width)).subarray(
            0,
            out.length - at,
          ),
          at,
        );
        break;
      }
      case 3:
        out = out.subarray(0, at);
        break;
      case 4:
        out = Buffer.concat([out.subarray(0, at), out.subarray(at + length)]);
        break;
      case 5:
        out = Buffer.concat([out.subarray(0, at + length), out.subarray(at)]);
        break;
      case 6:
        out.copy(out, random.below(out.length), at, at + length);
    }
  }
  return out;
}

/** Runs it; an error for users is an answer, and must be one line that helps. */
export function answered<T>(work: () => T): T | null {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof BacktrailError)) throw error;
    if (/^[^\n]+$/.test(error.message)) return null;
    throw new Error(`an error of several lines: ${error.message}`, { cause: error });
  }
}
