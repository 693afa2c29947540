/**
 * How the engine's memory is divided for one run: state and caches, ring, guest (core/layout.ts).
 */
import { BacktrailError } from '../../../errors.ts';
import type { RingShape } from '../../../ring/layout.ts';
import { ringOffsets } from '../../../ring/layout.ts';
import { CODE_CACHE, CODE_PAGE_BYTES } from './layout.ts';
import { SINK_BYTES } from './streams.ts';

/** Pages of code whose predecoded instructions are kept at one time: 4 MiB of code. */
const CODE_PAGES = 1024;
const WASM_PAGE_BYTES = 65_536;
export const MEMORY_BYTES_MAX = 2 ** 32;
const MIB = 1 << 20;

export interface Space {
  /** End of the predecoded code. */
  readonly codeCacheEnd: number;
  /** The ring; without recording nothing is there. */
  readonly ringBase: number;
  /** SINK_BYTES for transfers that are not kept. */
  readonly sink: number;
  readonly guestBase: number;
  readonly guestLimit: number;
  readonly bytes: number;
}

const pageUp = (bytes: number): number => Math.ceil(bytes / WASM_PAGE_BYTES) * WASM_PAGE_BYTES;

/**
 * @param ring null: nothing is recorded.
 * @param guestBytesMin guest addresses that must exist.
 * @throws BacktrailError E_RING_SIZE if ring and guest do not fit into 4 GiB.
 */
export function divideSpace(ring: RingShape | null, guestBytesMin: number): Space {
  const codeCacheEnd = CODE_CACHE + CODE_PAGES * CODE_PAGE_BYTES;
  const ringBase = codeCacheEnd;
  const ringBytes = ring === null ? 0 : ringOffsets(ring).fileBytes;
  const sink = pageUp(ringBase + ringBytes);
  const guestBase = pageUp(sink + SINK_BYTES);
  const guestLimit = MEMORY_BYTES_MAX - guestBase;
  if (guestLimit >= guestBytesMin) {
    return { codeCacheEnd, ringBase, sink, guestBase, guestLimit, bytes: MEMORY_BYTES_MAX };
  }
  const most = MEMORY_BYTES_MAX - guestBytesMin - (guestBase - ringBytes);
  throw new BacktrailError(
    'E_RING_SIZE',
    `--ring: found a ring of ${Math.ceil(ringBytes / MIB)} MiB, expected at most ` +
      `${Math.floor(most / MIB)} MiB beside a guest of the embedded engine. Use a smaller --ring.`,
  );
}
