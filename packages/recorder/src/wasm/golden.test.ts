/** What the assembler wrote, as WebAssembly's own toolkit prints it. UPDATE=1 writes it anew. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { loadWabt } from '../../../../tests/wabt.ts';
import { wasm } from './host.ts';
import { build, PROGRAMS } from './programs.fixture.ts';

const FOLDER = fileURLToPath(new URL('./golden/', import.meta.url));
const isUpdate = process.env['UPDATE'] === '1';
const wabt = await loadWabt();

describe('golden modules', () => {
  test.each(PROGRAMS)('$name', (program) => {
    const { bytes } = build(program);
    expect(wasm.validate(bytes)).toBe(true);
    const text = wabt.toText(bytes);
    const file = path.join(FOLDER, `${program.name}.wat`);
    if (isUpdate) writeFileSync(file, text);
    if (!existsSync(file)) {
      throw new Error(`${file}: not there. Write it with UPDATE=1, then read it`);
    }
    expect(text).toBe(readFileSync(file, 'utf8'));
    // Sections, sizes and integers are in their shortest form: the toolkit writes the same bytes.
    expect(Buffer.from(wabt.toBytes(text)).toString('hex')).toBe(
      Buffer.from(bytes).toString('hex'),
    );
  });

  test('every golden file is read by a test', () => {
    const expected = PROGRAMS.map(({ name }) => `${name}.wat`);
    expect(readdirSync(FOLDER).sort()).toEqual(expected.sort());
  });
});
