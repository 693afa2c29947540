/**
 * A: RISC-V Unprivileged ISA 20191213, chapter 8. Misaligned ones trap, as they do in QEMU.
 *
 * A reservation is an address and the value that was read there, as in QEMU: sc succeeds if the
 * address is the same and memory still holds that value. The value is the 64 bits that lr put into
 * rd, so sc.w behind an lr.d of the same address may fail, as the specification lets it.
 */
import type { Hart } from '../core/hart.ts';
import { TRAP, Trap } from '../core/trap.ts';
import { type Execute, type Executes, setX, signedX, unsigned, unsignedX } from './execute.ts';

/** @throws Trap with this cause if the address is not a multiple of bytes. */
function checkAligned(address: bigint, bytes: number, cause: number): void {
  if (address % BigInt(bytes) !== 0n) throw new Trap(cause, address);
}

const extend = (value: bigint, bytes: number): bigint => BigInt.asIntN(bytes * 8, value);

/** The value to be changed, sign-extended. What may not be read is a fault of the store. */
function loadToStore(hart: Hart, address: bigint, bytes: number): bigint {
  try {
    return extend(hart.memory.load(address, bytes), bytes);
  } catch (error) {
    if (!(error instanceof Trap) || error.code !== TRAP.loadAccess) throw error;
    throw new Trap(TRAP.storeAccess, error.value);
  }
}

function loadReserved(bytes: number): Execute {
  return (hart, { rd, rs1 }) => {
    const address = unsignedX(hart, rs1);
    checkAligned(address, bytes, TRAP.loadMisaligned);
    const value = extend(hart.memory.load(address, bytes), bytes);
    hart.reserve(address, value);
    setX(hart, rd, value);
    return undefined;
  };
}

/** Whether it succeeds or not, the reservation is gone. A failing one does not touch memory. */
function storeConditional(bytes: number): Execute {
  return (hart, { rd, rs1, rs2 }) => {
    const address = unsignedX(hart, rs1);
    checkAligned(address, bytes, TRAP.storeMisaligned);
    const isHeld =
      hart.reserved === address && loadToStore(hart, address, bytes) === hart.reservedValue;
    if (isHeld) hart.memory.store(address, bytes, unsignedX(hart, rs2));
    hart.reserve(null, 0n);
    setX(hart, rd, isHeld ? 0n : 1n);
    return undefined;
  };
}

/** rd = memory; memory = f(memory, rs2), both signed values of that many bytes. */
function modify(bytes: number, f: (memory: bigint, register: bigint) => bigint): Execute {
  return (hart, { rd, rs1, rs2 }) => {
    const address = unsignedX(hart, rs1);
    checkAligned(address, bytes, TRAP.storeMisaligned);
    const before = loadToStore(hart, address, bytes);
    hart.memory.store(address, bytes, unsigned(f(before, extend(signedX(hart, rs2), bytes))));
    setX(hart, rd, before);
    return undefined;
  };
}

const swap = (_memory: bigint, register: bigint): bigint => register;
const add = (a: bigint, b: bigint): bigint => a + b;
const xor = (a: bigint, b: bigint): bigint => a ^ b;
const and = (a: bigint, b: bigint): bigint => a & b;
const or = (a: bigint, b: bigint): bigint => a | b;
const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const max = (a: bigint, b: bigint): bigint => (a < b ? b : a);
/** Sign extension keeps the order of unsigned words, if all are compared as 64 bits. */
const minUnsigned = (a: bigint, b: bigint): bigint => (unsigned(a) < unsigned(b) ? a : b);
const maxUnsigned = (a: bigint, b: bigint): bigint => (unsigned(a) < unsigned(b) ? b : a);

export const ATOMIC_OPS: Executes = {
  'lr.w': loadReserved(4),
  'sc.w': storeConditional(4),
  'amoswap.w': modify(4, swap),
  'amoadd.w': modify(4, add),
  'amoxor.w': modify(4, xor),
  'amoand.w': modify(4, and),
  'amoor.w': modify(4, or),
  'amomin.w': modify(4, min),
  'amomax.w': modify(4, max),
  'amominu.w': modify(4, minUnsigned),
  'amomaxu.w': modify(4, maxUnsigned),
  'lr.d': loadReserved(8),
  'sc.d': storeConditional(8),
  'amoswap.d': modify(8, swap),
  'amoadd.d': modify(8, add),
  'amoxor.d': modify(8, xor),
  'amoand.d': modify(8, and),
  'amoor.d': modify(8, or),
  'amomin.d': modify(8, min),
  'amomax.d': modify(8, max),
  'amominu.d': modify(8, minUnsigned),
  'amomaxu.d': modify(8, maxUnsigned),
};
