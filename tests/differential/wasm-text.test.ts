/** What the recorder's assembler writes, the analyzer reads: two tables of one specification. */
import { describe, expect, test } from 'vitest';
import { disassembleWasm } from '../../packages/analyzer/src/disassembly/wasm.ts';
import { WASM_OPCODES, wasmKey } from '../../packages/analyzer/src/disassembly/wasm-opcodes.ts';
import { LOADS, OPCODES, PREFIXED, STORES } from '../../packages/recorder/src/wasm/opcodes.ts';
import { build, PROGRAMS } from '../../packages/recorder/src/wasm/programs.fixture.ts';
import { loadWabt } from '../wabt.ts';

test('every opcode that is emitted has the same name in both', () => {
  const emitted = [
    ...Object.entries(OPCODES),
    ...Object.entries({ ...LOADS, ...STORES }).map(([name, [code]]) => [name, code] as const),
    ...Object.entries(PREFIXED).map(([name, code]) => [name, wasmKey(code[0], code[1])] as const),
  ];
  expect(emitted.map(([, key]) => WASM_OPCODES.get(key)?.name)).toEqual(
    emitted.map(([name]) => name),
  );
});

const wabt = await loadWabt();

/** First words of the lines of each function in the toolkit's text. */
function mnemonics(text: string): string[][] {
  const functions: string[][] = [];
  for (const line of text.split('\n').map((one) => one.trim())) {
    if (line.startsWith('(func ')) functions.push([]);
    else if (/^[a-z]/.test(line)) functions.at(-1)?.push(line.replace(/[ )].*/, ''));
  }
  return functions;
}

describe('programs of the assembler', () => {
  test.each(PROGRAMS)('$name', (program) => {
    const { bytes, bodyAt } = build(program);
    const read = bodyAt.map((at) => {
      const list = disassembleWasm(bytes.subarray(at), BigInt(at));
      // A body is closed by an end that nothing in it has opened; other functions follow.
      const end = list.findIndex(({ depth }) => depth < 0);
      expect(list[end]?.mnemonic).toBe('end');
      return list.slice(0, end).map(({ mnemonic }) => mnemonic);
    });
    expect(read).toEqual(mnemonics(wabt.toText(bytes)));
  });
});
