/**
 * The engine's one WebAssembly memory, shared, at most 4 GiB:
 *
 *   0x0000_1000  state of the running hart: registers, counters, limits        STATE
 *   0x0001_0000  permission of each guest page, one byte for 4 KiB             PERMS, 1 MiB
 *   0x0011_0000  address of each code page's predecoded entries, 0 none        CODE_MAP, 4 MiB
 *   0x0051_0000  indirect transfers of the interpreter: (site, target) → edge  JUMPS, 256 KiB
 *   0x0055_0000  32-bit words that generated code and the engine share         CELLS
 *   0x0155_0000  predecoded entries, 64 KiB for each page that has any         CODE_CACHE
 *   ringBase     the ring (ring/layout.ts), when recording
 *   guestBase    guest address 0; ends the memory
 *
 * Guest address a lies at guestBase + a; guestBase is a constant in generated code. Guest addresses
 * are below guestLimit <= 2^32 - guestBase: a pc fits 32 bits.
 */
import assert from 'node:assert/strict';

export const GUEST_PAGE_BYTES = 4096;
export const GUEST_PAGE_SHIFT = 12;

/** Byte offsets from 0. Small, so that they cost two bytes in code. */
export const STATE = {
  /** x0 to x31, i64 each; x0 is 0 and never written. Place 32 takes what is written to x0. */
  x: 0x1000,
  /** f0 to f31, 64 bits each; singles are NaN-boxed. */
  f: 0x1140,
  /** i64: the next instruction, wherever no local variable of generated code holds it. */
  pc: 0x1240,
  /**
   * One i64, the *account*: low half `write`, address where the next transfer's edge number is
   * stored; high half `fuel`, signed, instructions that may still run before control must come back
   * to the driver. One 64-bit add moves both, and a negative account is an empty tank. As long as
   * fuel is at most the free places in the segment, the ring cannot overflow: a transfer is an
   * instruction.
   */
  account: 0x1248,
  write: 0x1248,
  fuel: 0x124c,
  /** i32: set to 1 by a region that left because the instruction at its pc is not for it. */
  bail: 0x1250,
  /** i32: fcsr, bits 0-4 fflags, bits 5-7 frm. */
  fcsr: 0x1254,
  /**
   * i32: 1 while frm is 0 (nearest even) and the inexact flag is set: then hardware arithmetic
   * with a look at operands and result is exact.
   */
  floatFast: 0x1258,
  /**
   * i32: 1 while a floating-point instruction is not to run before the platform was asked
   * (Hart.openFloat): on a bare machine mstatus.FS may forbid it, or must take note of it.
   */
  floatOff: 0x125c,
  /** i64: address that LR reserved, -1 none; and the value it saw there. */
  reserved: 0x1260,
  reservedValue: 0x1268,
  /**
   * Ranges of guest addresses known to be accessible without a look at the page table: i64 start,
   * i64 size less 7 (so `address - start < size`, unsigned, suffices for accesses of up to 8
   * bytes); size 0: none. `read` may be read; `write` may be read and written and has no page with
   * decoded code; `stack` the same as write, meant for accesses relative to sp.
   */
  readStart: 0x1270,
  readSize: 0x1278,
  writeStart: 0x1280,
  writeSize: 0x1288,
  stackStart: 0x1290,
  stackSize: 0x1298,
  /** i64 each: the sizes less SPAN_BYTES instead, at least 0; for accesses checked together. */
  readSpan: 0x12a0,
  writeSpan: 0x12a8,
  stackSpan: 0x12b0,
  end: 0x1300,
} as const;

/** So many bytes are checked together at most. */
export const SPAN_BYTES = 256;

export const PERMS = 0x1_0000;
export const PERMS_BYTES = 1 << 20;
export const CODE_MAP = PERMS + PERMS_BYTES;
export const CODE_MAP_BYTES = 4 << 20;
export const JUMPS = CODE_MAP + CODE_MAP_BYTES;
export const JUMPS_BYTES = 256 << 10;
export const CELLS = JUMPS + JUMPS_BYTES;
export const CELLS_BYTES = 16 << 20;
export const CODE_CACHE = CELLS + CELLS_BYTES;

/** Bits of a page's permission byte. A page that is not mapped has 0. */
export const PERM = {
  read: 1,
  write: 2,
  execute: 4,
  /** Mapped; with no other bit: PROT_NONE. */
  mapped: 8,
  /** Writable, but a store must be looked at: code was decoded here. `write` is then not set. */
  code: 16,
  /** Device registers: every access is the platform's. read and write are then not set. */
  device: 32,
  /** Code was decoded here, writable or not: before the page changes it must be forgotten. */
  decoded: 64,
} as const;

/**
 * A predecoded instruction: one entry for every 2 bytes of a code page, 32 bytes each, and two that
 * stand behind the page's end. The address of a page's entries is the i32 at CODE_MAP + 4 * page.
 */
export const ENTRY_BYTES = 32;
export const ENTRY = {
  /** u16: which handler of the threaded interpreter; 0 not decoded yet. */
  handler: 0,
  /** u8: bytes from this entry to the one behind it, 16 for each byte of the instruction. */
  step: 2,
  /**
   * u16 each: 8 times the register's number, its offset from STATE.x or STATE.f. rd is 8 * 32 where
   * an integer instruction names x0.
   */
  rd: 4,
  rs1: 6,
  rs2: 8,
  rs3: 10,
  /** i32; of a transfer to the same page 16 times the immediate: the way to the target's entry. */
  imm: 12,
  /** u32: number + 1 of the edge of the direct transfer that is made here; 0 not known. */
  edge: 16,
  /** u32: number + 1 of the block that begins here; 0 none has. */
  block: 20,
  /** u32: place in the function table of the region that is entered here; 0 none. */
  region: 24,
  /** u32: how often control arrived here by a transfer in the interpreter. */
  heat: 28,
} as const;
export const ENTRIES_PER_PAGE = GUEST_PAGE_BYTES / 2;
export const CODE_PAGE_BYTES = (ENTRIES_PER_PAGE + 2) * ENTRY_BYTES;

/**
 * A direct-mapped table. An entry: u32 source pc, u32 target pc, u32 edge number + 1, u32 0. A
 * source of 0xffff_ffff, which is odd, marks an empty one.
 */
export const JUMP_BYTES = 16;
export const JUMP_COUNT = JUMPS_BYTES / JUMP_BYTES;

/** What makes the threaded interpreter return. */
export const EXIT = {
  /** Fuel is 0: exactly so many instructions ran. */
  fuel: 1,
  /** The driver holds a Trap; pc is the instruction that did not retire. */
  trap: 2,
  /** heat of the entry at pc reached HEAT_LIMIT: a region should be made. */
  hot: 3,
  /** The platform wants the driver before the next instruction (wfi, a pending interrupt). */
  attention: 4,
} as const;

/**
 * Instructions that a region may run between two looks at the account. The interpreter enters one
 * with fuel less this, and only if that is not negative; so fuel is never overdrawn.
 */
export const FUEL_SLACK = 2048;
/** Depth of WebAssembly calls: guest calls nest that deep before the stack is unwound. */
export const DEPTH_LIMIT = 2000;

assert.ok(STATE.end <= PERMS, 'the state ends before the page table');
assert.ok(STATE.f >= STATE.x + 33 * 8 && STATE.pc >= STATE.f + 32 * 8, 'registers do not overlap');
assert.ok(STATE.account % 8 === 0 && STATE.fuel === STATE.write + 4, 'the account is one word');
assert.ok(CELLS % 65_536 === 0 && CODE_CACHE % 65_536 === 0);
