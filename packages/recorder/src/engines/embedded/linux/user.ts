/** The guest's memory as system calls see it: a bad address is EFAULT. */
import type { GuestMemory } from '../core/memory.ts';
import { PATH_BYTES_MAX } from './abi.ts';
import { fail } from './errno.ts';

const PAGE = 4096n;

export class UserMemory {
  readonly memory: GuestMemory;

  constructor(memory: GuestMemory) {
    this.memory = memory;
  }

  /** The bytes themselves, to be read. @throws Failure EFAULT */
  input(address: bigint, bytes: number): Uint8Array {
    return this.memory.readable(address, bytes) ?? fail('EFAULT');
  }

  /** The bytes themselves, to be written. @throws Failure EFAULT; then nothing changed. */
  output(address: bigint, bytes: number): Uint8Array {
    return this.memory.writable(address, bytes) ?? fail('EFAULT');
  }

  /** A view over bytes that a system call reads. */
  inputView(address: bigint, bytes: number): DataView {
    return viewOf(this.input(address, bytes));
  }

  /** A view over bytes that a system call fills. */
  outputView(address: bigint, bytes: number): DataView {
    return viewOf(this.output(address, bytes));
  }

  load32(address: bigint): number {
    return this.inputView(address, 4).getInt32(0, true);
  }

  load64(address: bigint): bigint {
    return this.inputView(address, 8).getBigUint64(0, true);
  }

  store32(address: bigint, value: number): void {
    this.outputView(address, 4).setInt32(0, value, true);
  }

  store64(address: bigint, value: bigint): void {
    this.outputView(address, 8).setBigUint64(0, BigInt.asUintN(64, value), true);
  }

  /** Bytes before a NUL. @throws Failure EFAULT, or ENAMETOOLONG where there is none in time. */
  string(address: bigint, bytesMax = PATH_BYTES_MAX): string {
    const bytes: number[] = [];
    let at = address;
    while (bytes.length < bytesMax) {
      const inPage = Number(PAGE - (at % PAGE));
      const chunk = this.input(at, Math.min(inPage, bytesMax - bytes.length));
      const end = chunk.indexOf(0);
      for (const byte of end < 0 ? chunk : chunk.subarray(0, end)) bytes.push(byte);
      if (end >= 0) return Buffer.from(bytes).toString('utf8');
      at += BigInt(chunk.length);
    }
    return fail('ENAMETOOLONG');
  }
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** struct timespec: two i64. */
export interface TimeSpec {
  readonly seconds: bigint;
  readonly nanoseconds: bigint;
}

export function loadTimeSpec(user: UserMemory, address: bigint): TimeSpec {
  const view = user.inputView(address, 16);
  return { seconds: view.getBigInt64(0, true), nanoseconds: view.getBigInt64(8, true) };
}

export function storeTimeSpec(user: UserMemory, address: bigint, spec: TimeSpec): void {
  const view = user.outputView(address, 16);
  view.setBigInt64(0, spec.seconds, true);
  view.setBigInt64(8, spec.nanoseconds, true);
}
