/**
 * Where everything lies on the board: the memory map of QEMU's `virt` machine (hw/riscv/virt.c), as
 * far as it is here. All other addresses answer with access faults.
 */
import { BacktrailError } from '../../../errors.ts';

/** Bytes of a region are those of QEMU's; `end` is the first address behind it. */
export const MAP = {
  finisher: { start: 0x10_0000, end: 0x10_1000 },
  clint: { start: 0x200_0000, end: 0x201_0000 },
  plic: { start: 0xc00_0000, end: 0xc60_0000 },
  uart: { start: 0x1000_0000, end: 0x1000_0008 },
} as const;

export const RAM_START = 0x8000_0000;
/** As QEMU's default. */
export const RAM_BYTES_DEFAULT = 128 << 20;
export const UART_IRQ = 10;

/** RAM and what the engine keeps for itself share 4 GiB; this leaves the latter 256 MiB. */
const RAM_BYTES_MAX = 0x7000_0000;
/** Guest memory ends at a multiple of WebAssembly's pages. */
const RAM_UNIT_BYTES = 65_536;

/**
 * `guestLimit` of the memory of a board with that much RAM.
 * @throws BacktrailError E_RAM_SIZE
 */
export function guestLimitOf(ramBytes: number): number {
  const isWhole = Number.isInteger(ramBytes) && ramBytes % RAM_UNIT_BYTES === 0;
  if (isWhole && ramBytes > 0 && ramBytes <= RAM_BYTES_MAX) return RAM_START + ramBytes;
  const expected = `a multiple of ${RAM_UNIT_BYTES} from ${RAM_UNIT_BYTES} to ${RAM_BYTES_MAX}`;
  const message = `found ${ramBytes} bytes of RAM, expected ${expected}. Ask for another size.`;
  throw new BacktrailError('E_RAM_SIZE', message);
}
