import { describe, expect, test } from 'vitest';
import { createDisassembler, type Disassembler } from './capstone.ts';

async function open(isa: string): Promise<Disassembler> {
  const found = await createDisassembler(isa);
  if (found === null) throw new Error(`no disassembler for ${isa}`);
  return found;
}

const bytes = (hex: string): Uint8Array =>
  Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

/** One instruction of each guest that Capstone shows, as QEMU names them. */
const SAMPLES: readonly (readonly [isa: string, hex: string, text: string])[] = [
  ['x86_64', '48 8b 45 f8', 'mov rax, qword ptr [rbp - 8]'],
  ['i386', '8b 45 f8', 'mov eax, dword ptr [ebp - 8]'],
  ['riscv64', '13 05 15 00', 'addi a0, a0, 1'],
  ['riscv32', '13 05 15 00', 'addi a0, a0, 1'],
  ['aarch64', 'e0 03 01 aa', 'mov x0, x1'],
  ['aarch64_be', 'e0 03 01 aa', 'mov x0, x1'],
  ['arm', '01 00 a0 e1', 'mov r0, r1'],
  ['mips', '03 e0 00 08', 'jr $ra'],
  ['mipsel', '08 00 e0 03', 'jr $ra'],
  ['mips64', '03 e0 00 08', 'jr $ra'],
  ['mips64el', '08 00 e0 03', 'jr $ra'],
  ['ppc', '4e 80 00 20', 'blr'],
  ['ppc64', '4e 80 00 20', 'blr'],
  ['ppc64le', '20 00 80 4e', 'blr'],
  ['s390x', '07 fe', 'br %r14'],
  ['sparc', '81 c7 e0 08', 'ret'],
  ['sparc64', '81 c7 e0 08', 'ret'],
  ['m68k', '4e 75', 'rts'],
  ['sh4', '0b 00', 'rts'],
  ['sh4eb', '00 0b', 'rts'],
];

describe('capstone: one instruction of every guest', () => {
  test.each(SAMPLES)('%s %s is %s', async (isa, hex, text) => {
    using disassembler = await open(isa);
    expect(disassembler.text(bytes(hex), 0x1000n)).toBe(text);
  });
});

test('capstone: null for guests it cannot show', async () => {
  for (const isa of ['loongarch64', 'alpha', 'hppa', 'toString', '']) {
    expect(await createDisassembler(isa)).toBeNull();
  }
});

test('capstone: direct targets are absolute, also in RISC-V', async () => {
  using riscv = await open('riscv64');
  expect(riscv.text(bytes('6f f0 df ff'), 0x1000n)).toBe('j 0xffc');
  expect(riscv.text(bytes('63 00 b5 00'), 0x1000n)).toBe('beq a0, a1, 0x1000');
  expect(riscv.text(bytes('75 fd'), 0x1000n)).toBe('c.bnez a0, 0xffc');
  expect(riscv.text(bytes('67 80 00 00'), 0x1000n)).toBe('ret');
  using x86 = await open('x86_64');
  expect(x86.text(bytes('eb fe'), 0x1000n)).toBe('jmp 0x1000');
});

test('capstone: addresses of the upper half are unsigned', async () => {
  using disassembler = await open('x86_64');
  const [first, second] = disassembler.disassemble(bytes('90 eb fe'), 0xffff_ffff_8100_0000n);
  expect(first).toEqual({
    pc: 0xffff_ffff_8100_0000n,
    sizeBytes: 1,
    mnemonic: 'nop',
    operands: '',
  });
  expect(second?.operands).toBe('0xffffffff81000001');
});

test('capstone: bytes that are no instruction are shown, and what follows is decoded', async () => {
  using disassembler = await open('aarch64');
  const list = disassembler.disassemble(bytes('ff ff ff ff c0 03 5f d6'), 0n);
  expect(list.map((one) => `${one.mnemonic} ${one.operands}`.trim())).toEqual([
    '.byte 0xff, 0xff, 0xff, 0xff',
    'ret',
  ]);
});

test('capstone: recorded sizes win over what the bytes say', async () => {
  using disassembler = await open('x86_64');
  // A call that was cut after two bytes, as QEMU leaves it at the end of a page.
  const list = disassembler.disassemble(bytes('90 e8 01'), 0x1000n, Uint8Array.of(1, 2));
  expect(list.map((one) => one.mnemonic)).toEqual(['nop', '.byte']);
  expect(list[1]?.operands).toBe('0xe8, 0x01');
});

test('capstone: Thumb code is told by its two-byte instructions', async () => {
  using disassembler = await open('arm');
  const code = bytes('70 47 00 f0 01 f8');
  const list = disassembler.disassemble(code, 0x1000n, Uint8Array.of(2, 4));
  expect(list.map((one) => `${one.mnemonic} ${one.operands}`)).toEqual(['bx lr', 'bl #0x1008']);
  expect(disassembler.text(bytes('1e ff 2f e1'), 0x1000n)).toBe('bx lr');
});

test('capstone: more code than its window holds is decoded whole', async () => {
  using disassembler = await open('x86_64');
  // Five bytes do not divide the window, so an instruction crosses its end.
  const code = new Uint8Array(5 * 30_000);
  for (let at = 0; at < code.length; at += 5) code[at] = 0xe8;
  let count = 0;
  let wrong = 0;
  disassembler.visit(code, 0x1000n, (at, sizeBytes, mnemonic, operands) => {
    if (sizeBytes !== 5 || mnemonic !== 'call' || operands !== `0x${(0x1005 + at).toString(16)}`) {
      wrong++;
    }
    count++;
    return false;
  });
  expect({ count, wrong }).toEqual({ count: 30_000, wrong: 0 });
});

test('capstone: a visitor stops the work', async () => {
  using disassembler = await open('riscv64');
  let count = 0;
  disassembler.visit(new Uint8Array(4000).fill(0x13), 0n, () => ++count === 3);
  expect(count).toBe(3);
});

test('capstone: after disposal it says so', async () => {
  const disassembler = await open('x86_64');
  disassembler.dispose();
  disassembler.dispose();
  expect(() => disassembler.text(bytes('90'), 0n)).toThrow(/disposed/);
});
