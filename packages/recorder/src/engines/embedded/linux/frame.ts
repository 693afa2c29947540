/**
 * What lies on the stack while a signal handler runs. Sizes and places are those of qemu-riscv64: a
 * kernel leaves room for quad-precision registers behind `fcsr`, so its frame is 256 bytes larger.
 *
 *      0  siginfo                128 bytes                    ← sp and a1 in the handler
 *    128  ucontext                                            ← a2
 *    128    uc_flags             8
 *    136    uc_link              8
 *    144    uc_stack             ss_sp 8, ss_flags 4 (and 4), ss_size 8
 *    168    uc_sigmask           8, and 120 kept for larger masks
 *    304    pc                   8      uc_mcontext, at 16 bytes
 *    312    x1 to x31            31 × 8
 *    560    f0 to f31            32 × 8
 *    816    fcsr                 4
 *    832  end, at 16 bytes
 */
import assert from 'node:assert/strict';
import type { Hart } from '../core/hart.ts';
import { Failure } from './errno.ts';
import {
  isOnStack,
  SA,
  SIGINFO_BYTES,
  type SignalInfo,
  type SignalStack,
  stackFlags,
} from './signals.ts';
import type { UserMemory } from './user.ts';

const FRAME = {
  info: 0,
  context: 128,
  stack: 144,
  mask: 168,
  pc: 304,
  x: 312,
  f: 560,
  fcsr: 816,
  bytes: 832,
} as const;
assert.ok(FRAME.context === SIGINFO_BYTES && FRAME.f === FRAME.x + 31 * 8);
assert.ok(FRAME.fcsr === FRAME.f + 32 * 8 && FRAME.bytes % 16 === 0);

const RA = 1;
const SP = 2;
const A0 = 10;

/** What a handler is entered with besides the registers. */
export interface Delivery {
  readonly info: SignalInfo;
  readonly handler: bigint;
  readonly flags: bigint;
  /** Mask that comes back when the handler returns. */
  readonly mask: bigint;
  readonly stack: SignalStack;
  /** Where the handler returns to: code that makes the rt_sigreturn call. */
  readonly trampoline: bigint;
}

/** Where the frame goes; null: the alternate stack is full. */
function placeOf(sp: bigint, { flags, stack }: Delivery): bigint | null {
  const isThere = isOnStack(stack, sp);
  const bytes = BigInt(FRAME.bytes);
  if (isThere && !isOnStack(stack, sp - bytes)) return null;
  const isSwitch = (flags & SA.onStack) !== 0n && stack.size > 0n && !isThere;
  const top = isSwitch ? stack.start + stack.size : sp;
  return BigInt.asUintN(64, (top - bytes) & ~15n);
}

/** Saves the registers and enters the handler. False: there is no room for the frame. */
export function pushFrame(hart: Hart, user: UserMemory, delivery: Delivery): boolean {
  const sp = hart.xUnsigned[SP] ?? 0n;
  const at = placeOf(sp, delivery);
  const bytes = at === null ? null : user.memory.writable(at, FRAME.bytes);
  if (at === null || bytes === null) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  bytes.fill(0);
  bytes.set(delivery.info.bytes, FRAME.info);
  view.setBigUint64(FRAME.stack, delivery.stack.start, true);
  view.setInt32(FRAME.stack + 8, stackFlags(delivery.stack, sp), true);
  view.setBigUint64(FRAME.stack + 16, delivery.stack.size, true);
  view.setBigUint64(FRAME.mask, delivery.mask, true);
  view.setBigUint64(FRAME.pc, hart.pc, true);
  for (let register = 1; register < 32; register++) {
    view.setBigUint64(FRAME.x + 8 * (register - 1), hart.xUnsigned[register] ?? 0n, true);
  }
  for (let register = 0; register < 32; register++) {
    view.setBigUint64(FRAME.f + 8 * register, hart.f[register] ?? 0n, true);
  }
  view.setUint32(FRAME.fcsr, hart.fcsr, true);
  hart.xUnsigned[RA] = delivery.trampoline;
  hart.xUnsigned[SP] = at;
  hart.xUnsigned[A0] = BigInt(delivery.info.number);
  hart.xUnsigned[A0 + 1] = at + BigInt(FRAME.info);
  hart.xUnsigned[A0 + 2] = at + BigInt(FRAME.context);
  hart.pc = delivery.handler;
  return true;
}

/** What comes back besides the registers. */
export interface Restored {
  readonly mask: bigint;
  readonly stack: { readonly start: bigint; readonly flags: number; readonly size: bigint };
}

/** Restores registers and pc from the frame at sp. Null: there is none that can be read. */
export function popFrame(hart: Hart, user: UserMemory): Restored | null {
  const view = frameAt(user, hart.xUnsigned[SP] ?? 0n);
  if (view === null) return null;
  for (let register = 1; register < 32; register++) {
    hart.xUnsigned[register] = view.getBigUint64(FRAME.x + 8 * (register - 1), true);
  }
  for (let register = 0; register < 32; register++) {
    hart.f[register] = view.getBigUint64(FRAME.f + 8 * register, true);
  }
  hart.fcsr = view.getUint32(FRAME.fcsr, true);
  hart.pc = view.getBigUint64(FRAME.pc, true);
  return {
    mask: view.getBigUint64(FRAME.mask, true),
    stack: {
      start: view.getBigUint64(FRAME.stack, true),
      flags: view.getInt32(FRAME.stack + 8, true),
      size: view.getBigUint64(FRAME.stack + 16, true),
    },
  };
}

function frameAt(user: UserMemory, sp: bigint): DataView | null {
  try {
    return user.inputView(sp, FRAME.bytes);
  } catch (error) {
    if (error instanceof Failure) return null;
    throw error;
  }
}
