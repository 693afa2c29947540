import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type FlatField,
  type FlatFields,
  FlatWriter,
  i16,
  i32,
  i64,
  structs,
  table,
  tables,
  text,
  u8,
} from './flat-writer.ts';
import { type FlatTable, parseRoot, readSize } from './flatbuffer.ts';

const field = fc.letrec<{ field: FlatField; fields: FlatFields }>((tie) => ({
  fields: fc.array(fc.option(tie('field')), { maxLength: 6 }),
  field: fc.oneof(
    { maxDepth: 4 },
    fc.nat({ max: 255 }).map(u8),
    fc.integer({ min: -32768, max: 32767 }).map(i16),
    fc.integer().map(i32),
    fc.maxSafeNat().map(i64),
    fc.string({ unit: 'grapheme' }).map(text),
    fc
      .tuple(fc.integer({ min: 1, max: 3 }), fc.array(fc.maxSafeNat(), { maxLength: 4 }))
      .map(([words, list]) => structs(words, Array.from({ length: words }, () => list).flat())),
    tie('fields').map((fields) => table(...fields)),
    fc.array(tie('fields'), { maxLength: 3 }).map(tables),
  ),
}));

function expectTable(found: FlatTable, fields: FlatFields, view: DataView): void {
  for (const [i, want] of fields.entries()) {
    if (want === null) expect(found.i32(i)).toBe(0);
    else expectField(found, i, want, view);
  }
}

function expectField(found: FlatTable, i: number, want: FlatField, view: DataView): void {
  switch (want.is) {
    case 'number': {
      // A shorter field may be the last of the buffer: only its own reader fits.
      const read = { 1: 'u8', 2: 'i16', 4: 'i32', 8: 'size' } as const;
      expect(found[read[want.bytes]](i)).toBe(want.value);
      return;
    }
    case 'text':
      expect(found.text(i)).toBe(want.value);
      return;
    case 'table': {
      const inner = found.table(i);
      expect(inner).not.toBeNull();
      if (inner !== null) expectTable(inner, want.value, view);
      return;
    }
    case 'tables': {
      const inner = found.tables(i);
      expect(inner.length).toBe(want.value.length);
      for (const [k, one] of inner.entries()) expectTable(one, want.value[k] ?? [], view);
      return;
    }
    case 'structs': {
      const { at, items } = found.vector(i, 8 * want.words);
      expect(items * want.words).toBe(want.value.length);
      if (items > 0) expect(at % 8, 'verifiers want longs aligned').toBe(0);
      for (const [k, value] of want.value.entries()) {
        expect(readSize(view, at + 8 * k)).toBe(value);
      }
    }
  }
}

test('flatbuffer: what the writer writes, the reader reads', () => {
  const writer = new FlatWriter();
  fc.assert(
    fc.property(field.fields, fc.nat({ max: 3 }), (fields, eights) => {
      const bytes = writer.write(fields, 8 * eights);
      expect(bytes.length % 8).toBe(0);
      expect(bytes.subarray(0, 8 * eights).every((byte) => byte === 0)).toBe(true);
      // Nothing of the last buffer is left in it.
      expect(bytes).toEqual(new FlatWriter().write(fields, 8 * eights));
      parseRoot(bytes.subarray(8 * eights), (root, view) => expectTable(root, fields, view));
    }),
  );
});
