/** A static RISC-V program as an ELF file, with no section: enough for QEMU and for our loader. */

export interface FixtureSegment {
  readonly address: number;
  readonly bytes: Uint8Array;
  /** At least bytes.length; the rest is 0. */
  readonly memoryBytes?: number;
  /** 1 execute, 2 write, 4 read. */
  readonly flags: number;
}

const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const PAGE_BYTES = 4096;
const EM_RISCV = 243;
/** Compressed instructions, doubles in registers: e_flags of the RISC-V ELF psABI. */
const EF_RVC_DOUBLE = 1 | 4;

export function buildProgram(entry: number, segments: readonly FixtureSegment[]): Buffer {
  const headers = Buffer.alloc(HEADER_BYTES + segments.length * PROGRAM_HEADER_BYTES);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(headers);
  headers.writeUInt16LE(2, 16); // ET_EXEC
  headers.writeUInt16LE(EM_RISCV, 18);
  headers.writeUInt32LE(1, 20);
  headers.writeBigUInt64LE(BigInt(entry), 24);
  headers.writeBigUInt64LE(BigInt(HEADER_BYTES), 32);
  headers.writeUInt32LE(EF_RVC_DOUBLE, 48);
  headers.writeUInt16LE(HEADER_BYTES, 52);
  headers.writeUInt16LE(PROGRAM_HEADER_BYTES, 54);
  headers.writeUInt16LE(segments.length, 56);
  const parts: Buffer[] = [headers];
  let offset = headers.length;
  segments.forEach(({ address, bytes, memoryBytes = bytes.length, flags }, place) => {
    // File offset and address must agree below the page size.
    const padding = (((address - offset) % PAGE_BYTES) + PAGE_BYTES) % PAGE_BYTES;
    parts.push(Buffer.alloc(padding), Buffer.from(bytes));
    offset += padding;
    const at = HEADER_BYTES + place * PROGRAM_HEADER_BYTES;
    headers.writeUInt32LE(1, at); // PT_LOAD
    headers.writeUInt32LE(flags, at + 4);
    headers.writeBigUInt64LE(BigInt(offset), at + 8);
    headers.writeBigUInt64LE(BigInt(address), at + 16);
    headers.writeBigUInt64LE(BigInt(address), at + 24);
    headers.writeBigUInt64LE(BigInt(bytes.length), at + 32);
    headers.writeBigUInt64LE(BigInt(memoryBytes), at + 40);
    headers.writeBigUInt64LE(BigInt(PAGE_BYTES), at + 48);
    offset += bytes.length;
  });
  return Buffer.concat(parts);
}
