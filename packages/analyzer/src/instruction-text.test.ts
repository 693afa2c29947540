/** Instructions that the trace has as text, because nobody here reads the guest's code. */
import { expect, test } from 'vitest';
import { instructionText, keptInstruction } from './instruction-text.ts';
import { makeTrace } from './trace.fixture.ts';

const trace = makeTrace({
  isa: 'alpha',
  blocks: [
    { pc: 0x1000n, code: '00112233445566778899aabb', text: 'lda\tt0,16\n\nbsr  \u001b[31m' },
    { pc: 0x2000n, code: '00112233' },
  ],
  edges: [{ source: null, target: 0x1000n }],
  vcpus: [[0]],
});

test('each line is the text of an instruction; its blanks are one, and it can do no harm', () => {
  const texts = [0x1000n, 0x1004n, 0x1008n].map((pc) => instructionText(trace, null, 0, pc));
  expect(texts).toEqual(['lda t0,16', null, 'bsr \\x1b[31m']);
  expect(instructionText(trace, null, 0, 0x1002n)).toBeNull();
  expect(keptInstruction(trace, 1, 0)).toBeNull();
});
