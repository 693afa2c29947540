/** Batches of one table, end to end. */
import {
  type ByteRows,
  binary,
  type ColumnData,
  code,
  i64,
  u16,
  u32,
  u64,
  utf8,
} from './columns.ts';
import type { TableRows } from './tables.ts';

interface Fixed<T> {
  readonly length: number;
  set(part: T, at: number): void;
}

function join<T extends Fixed<T>>(parts: readonly T[], out: T): T {
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function joinBytes(parts: readonly ByteRows[], rows: number): ByteRows {
  const offsets = new Float64Array(rows + 1);
  const size = parts.reduce((sum, part) => sum + part.bytes.length, 0);
  let row = 0;
  let base = 0;
  for (const part of parts) {
    for (let i = 1; i < part.offsets.length; i++) {
      offsets[++row] = base + (part.offsets[i] ?? 0);
    }
    base += part.bytes.length;
  }
  return {
    offsets,
    bytes: join(
      parts.map((part) => part.bytes),
      new Uint8Array(size),
    ),
  };
}

function joinMasks(
  parts: readonly { readonly valid: Uint8Array | null; readonly rows: number }[],
  rows: number,
): Uint8Array | null {
  if (parts.every((part) => part.valid === null)) return null;
  return join(
    parts.map((part) => part.valid ?? new Uint8Array(part.rows).fill(1)),
    new Uint8Array(rows),
  );
}

function values<T>(parts: readonly ColumnData[], of: (part: ColumnData) => T | null): T[] {
  return parts.map((part) => {
    const found = of(part);
    if (found === null) throw new TypeError(`found ${part.type} after another type in a column`);
    return found;
  });
}

function joinColumn(parts: readonly ColumnData[], counts: readonly number[], rows: number) {
  const valid = joinMasks(
    parts.map((part, index) => ({ valid: part.valid, rows: counts[index] ?? 0 })),
    rows,
  );
  switch (parts[0]?.type) {
    case 'u16':
      return u16(
        join(
          values(parts, (p) => (p.type === 'u16' ? p.values : null)),
          new Uint16Array(rows),
        ),
        valid,
      );
    case 'u32':
      return u32(
        join(
          values(parts, (p) => (p.type === 'u32' ? p.values : null)),
          new Uint32Array(rows),
        ),
        valid,
      );
    case 'u64':
      return u64(
        join(
          values(parts, (p) => (p.type === 'u64' ? p.values : null)),
          new BigUint64Array(rows),
        ),
        valid,
      );
    case 'i64':
      return i64(
        join(
          values(parts, (p) => (p.type === 'i64' ? p.values : null)),
          new BigInt64Array(rows),
        ),
        valid,
      );
    case 'code':
      return code(
        join(
          values(parts, (p) => (p.type === 'code' ? p.values : null)),
          new Uint8Array(rows),
        ),
      );
    case 'utf8':
      return utf8(
        joinBytes(
          values(parts, (p) => (p.type === 'utf8' ? p.values : null)),
          rows,
        ),
        valid,
      );
    case 'binary':
      return binary(
        joinBytes(
          values(parts, (p) => (p.type === 'binary' ? p.values : null)),
          rows,
        ),
        valid,
      );
    case undefined:
      throw new RangeError('found no batch to join');
  }
}

/** All rows of batches whose columns are exactly as long as their counts; at least one batch. */
export function concatenate(batches: readonly TableRows[]): TableRows {
  const [first] = batches;
  if (first === undefined) throw new RangeError('found no batch to join');
  if (batches.length === 1) return first;
  const counts = batches.map((batch) => batch.count);
  const count = counts.reduce((sum, rows) => sum + rows, 0);
  const columns = first.columns.map((_, index) => {
    const parts = batches.flatMap((batch) => batch.columns[index] ?? []);
    return joinColumn(parts, counts, count);
  });
  return { count, columns };
}
