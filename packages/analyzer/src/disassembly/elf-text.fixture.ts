/** The `.text` section of a little-endian 64-bit ELF file, for tests that need much real code. */
import { readFileSync } from 'node:fs';

export interface TextSection {
  readonly code: Uint8Array;
  readonly address: bigint;
}

export function readText(path: string): TextSection {
  const bytes = readFileSync(path);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const sectionsAt = Number(view.getBigUint64(40, true));
  const headerBytes = view.getUint16(58, true);
  const count = view.getUint16(60, true);
  const header = (index: number): number => sectionsAt + index * headerBytes;
  const offsetOf = (at: number): number => Number(view.getBigUint64(at + 24, true));
  const namesAt = offsetOf(header(view.getUint16(62, true)));
  for (let i = 0; i < count; i++) {
    const at = header(i);
    const nameAt = namesAt + view.getUint32(at, true);
    if (bytes.toString('latin1', nameAt, nameAt + 6) !== '.text\0') continue;
    const offset = offsetOf(at);
    const size = Number(view.getBigUint64(at + 32, true));
    return {
      code: bytes.subarray(offset, offset + size),
      address: view.getBigUint64(at + 16, true),
    };
  }
  throw new Error(`${path}: no .text section`);
}
