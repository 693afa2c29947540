import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { needs, needsFile } from '../../../../tests/require.ts';
import { createDisassembler } from './capstone.ts';
import { type Classifier, createClassifier, type Flow, type FlowKind } from './classify.ts';
import { readText } from './elf-text.fixture.ts';

function classifier(isa: string): Classifier {
  const found = createClassifier(isa);
  if (found === null) throw new Error(`no classifier for ${isa}`);
  return found;
}

/** Classifies one instruction at 0x10000. */
function flow(isa: string, hex: string): Flow {
  const code = Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
  return classifier(isa).classify(code, 0, code.length, 0x10000n);
}

type Row = readonly [hex: string, text: string, kind: FlowKind | null, target?: bigint];

const X86_64: readonly Row[] = [
  ['90', 'nop', null],
  ['75 fe', 'jne .', 'branch', 0x10000n],
  ['0f 84 10 00 00 00', 'je', 'branch', 0x10016n],
  ['2e 75 05', 'jne,pn', 'branch', 0x10008n],
  ['e2 fc', 'loop', 'branch', 0xfffen],
  ['67 e3 02', 'jecxz', 'branch', 0x10005n],
  ['eb 7f', 'jmp short', 'jump', 0x10081n],
  ['e9 fb ff ff ff', 'jmp', 'jump', 0x10000n],
  ['f2 e9 00 10 00 00', 'bnd jmp', 'jump', 0x11006n],
  ['e8 00 00 00 00', 'call next', 'call', 0x10005n],
  ['66 66 48 e8 04 00 00 00', 'data16 call', 'call', 0x1000cn],
  ['ff d0', 'call rax', 'indirect-call'],
  ['41 ff 14 24', 'call [r12]', 'indirect-call'],
  ['ff 15 00 01 00 00', 'call [rip+…]', 'indirect-call'],
  ['3e ff e0', 'notrack jmp rax', 'indirect-jump'],
  ['ff 25 00 01 00 00', 'jmp [rip+…]', 'indirect-jump'],
  ['48 ff 28', 'rex.w ljmp [rax]', 'indirect-jump'],
  ['ff c0', 'inc eax', null],
  ['ff 75 08', 'push [rbp+8]', null],
  ['c3', 'ret', 'return'],
  ['f3 c3', 'repz ret', 'return'],
  ['c2 08 00', 'ret 8', 'return'],
  ['48 cb', 'retfq', 'return'],
  ['48 cf', 'iretq', 'trap-return'],
  ['48 0f 07', 'sysretq', 'trap-return'],
  ['0f 35', 'sysexit', 'trap-return'],
  ['0f 05', 'syscall', 'syscall'],
  ['0f 34', 'sysenter', 'syscall'],
  ['cd 80', 'int 0x80', 'syscall'],
  ['cd 03', 'int 3', 'trap'],
  ['cc', 'int3', 'trap'],
  ['0f 0b', 'ud2', 'trap'],
  ['0f b9 c0', 'ud1', 'trap'],
  ['f4', 'hlt', 'halt'],
  ['f3 48 a5', 'rep movsq', 'repeat'],
  ['f3 aa', 'rep stosb', 'repeat'],
  ['f2 ae', 'repne scasb', 'repeat'],
  ['a4', 'movsb', null],
  ['c7 f8 10 00 00 00', 'xbegin', 'branch', 0x10016n],
  ['c7 00 01 00 00 00', 'mov [rax],1', null],
  ['c5 f8 77', 'vzeroupper', null],
  ['62 f1 fd 48 6f c0', 'vmovdqa64', null],
  ['e8 00 00', 'a cut call', 'call'],
  ['66', 'prefixes only', null],
];

const I386: readonly Row[] = [
  ['40', 'inc eax', null],
  ['e8 fb ff ff ff', 'call .', 'call', 0x10000n],
  ['e9 fb ff fe ff', 'jmp, wraps', 'jump', 0n],
  ['e9 fa ff fe ff', 'jmp, wraps below 0', 'jump', 0xffff_ffffn],
  ['66 e9 00 00', 'jmp rel16', 'jump'],
  ['ea 00 00 00 00 07 00', 'far jmp', 'jump'],
  ['9a 00 00 00 00 07 00', 'far call', 'call'],
  ['ce', 'into', 'trap'],
  ['48', 'dec eax', null],
  ['cd 80', 'int 0x80', 'syscall'],
];

const RISCV64: readonly Row[] = [
  ['13 00 00 00', 'nop', null],
  ['6f 00 00 00', 'j .', 'jump', 0x10000n],
  ['ef 00 40 00', 'jal ra', 'call', 0x10004n],
  ['ef 02 40 00', 'jal t0', 'call', 0x10004n],
  ['6f f0 df ff', 'j -4', 'jump', 0xfffcn],
  ['67 80 00 00', 'ret', 'return'],
  ['67 80 02 00', 'jr t0', 'return'],
  ['e7 80 07 00', 'jalr a5', 'indirect-call'],
  ['e7 80 00 00', 'jalr ra', 'indirect-call'],
  ['67 80 07 00', 'jr a5', 'indirect-jump'],
  ['63 00 b5 00', 'beq a0,a1,.', 'branch', 0x10000n],
  ['e3 1e b5 fe', 'bne a0,a1,-4', 'branch', 0xfffcn],
  ['73 00 00 00', 'ecall', 'syscall'],
  ['73 00 10 00', 'ebreak', 'trap'],
  ['73 00 20 30', 'mret', 'trap-return'],
  ['73 00 20 10', 'sret', 'trap-return'],
  ['73 00 50 10', 'wfi', 'halt'],
  ['73 25 00 c0', 'rdcycle a0', null],
  ['01 a0', 'c.j .', 'jump', 0x10000n],
  ['fd b7', 'c.j -18', 'jump', 0xffeen],
  ['82 80', 'c.jr ra', 'return'],
  ['82 87', 'c.jr a5', 'indirect-jump'],
  ['82 97', 'c.jalr a5', 'indirect-call'],
  ['02 90', 'c.ebreak', 'trap'],
  ['01 c1', 'c.beqz a0,.', 'branch', 0x10000n],
  ['75 fd', 'c.bnez a0,-4', 'branch', 0xfffcn],
  ['01 20', 'c.addiw (RV64)', null],
  ['2e 85', 'c.mv a0,a1', null],
];

const AARCH64: readonly Row[] = [
  ['1f 20 03 d5', 'nop', null],
  ['00 00 00 14', 'b .', 'jump', 0x10000n],
  ['ff ff ff 97', 'bl -4', 'call', 0xfffcn],
  ['41 00 00 54', 'b.ne', 'branch', 0x10008n],
  ['4e 00 00 54', 'b.al', 'branch', 0x10008n],
  ['40 00 00 b4', 'cbz x0', 'branch', 0x10008n],
  ['e1 ff ff 35', 'cbnz w1', 'branch', 0xfffcn],
  ['40 00 00 36', 'tbz w0', 'branch', 0x10008n],
  ['e0 ff ff b7', 'tbnz x0,#63', 'branch', 0xfffcn],
  ['00 02 1f d6', 'br x16', 'indirect-jump'],
  ['20 00 3f d6', 'blr x1', 'indirect-call'],
  ['c0 03 5f d6', 'ret', 'return'],
  ['ff 0b 5f d6', 'retaa', 'return'],
  ['11 0a 1f d7', 'braa x16,x17', 'indirect-jump'],
  ['1f 0a 3f d6', 'blraaz x16', 'indirect-call'],
  ['11 0a 3f d7', 'blraa x16,x17', 'indirect-call'],
  ['e0 03 9f d6', 'eret', 'trap-return'],
  ['01 00 00 d4', 'svc #0', 'syscall'],
  ['02 00 00 d4', 'hvc #0', 'trap'],
  ['00 00 20 d4', 'brk #0', 'trap'],
  ['00 00 00 00', 'udf #0', 'trap'],
  ['7f 20 03 d5', 'wfi', 'halt'],
  ['5f 20 03 d5', 'wfe', 'halt'],
];

const TABLES: readonly (readonly [isa: string, rows: readonly Row[]])[] = [
  ['x86_64', X86_64],
  ['i386', I386],
  ['riscv64', RISCV64],
  ['aarch64', AARCH64],
];

for (const [isa, rows] of TABLES) {
  describe(`classify: ${isa}`, () => {
    for (const [hex, text, kind, target] of rows) {
      test(`${hex} ${text}`, () => {
        expect(flow(isa, hex)).toMatchObject({ kind, target: target ?? null });
      });
    }
  });
}

test('classify: riscv32 has c.jal where riscv64 has c.addiw', () => {
  expect(flow('riscv32', '01 20')).toMatchObject({ kind: 'call', target: 0x10000n });
});

test('classify: control may go on after some instructions and not after others', () => {
  const conditional = (isa: string, hex: string): boolean => flow(isa, hex).conditional;
  expect(conditional('x86_64', '75 fe')).toBe(true);
  expect(conditional('x86_64', '0f 05')).toBe(true);
  expect(conditional('x86_64', 'cc')).toBe(true);
  expect(conditional('x86_64', '0f 0b')).toBe(false);
  expect(conditional('x86_64', 'c3')).toBe(false);
  expect(conditional('aarch64', '4e 00 00 54')).toBe(false);
  expect(conditional('riscv64', '73 00 10 00')).toBe(false);
});

test('classify: an instruction set without a classifier is null', () => {
  expect(createClassifier('loongarch64')).toBeNull();
  expect(createClassifier('constructor')).toBeNull();
});

/** What the text of an x86 instruction says. */
function x86Kind(mnemonic: string, operands: string): FlowKind | null {
  const words = mnemonic.split(' ');
  const base = words.at(-1) ?? '';
  const isDirect = operands.startsWith('0x');
  if (
    words.some((word) => word.startsWith('rep')) &&
    /^(movs|cmps|stos|lods|scas|ins|outs)/.test(base)
  ) {
    return 'repeat';
  }
  if (base === 'jmp' || base === 'ljmp') return isDirect ? 'jump' : 'indirect-jump';
  if (base === 'call' || base === 'lcall') return isDirect ? 'call' : 'indirect-call';
  if (/^(j|loop|xbegin)/.test(base)) return 'branch';
  if (/^retf?q?$/.test(base)) return 'return';
  if (/^(iret|sysret|sysexit|rsm)/.test(base)) return 'trap-return';
  if (base === 'syscall' || base === 'sysenter') return 'syscall';
  if (base === 'int') return operands === '0x80' ? 'syscall' : 'trap';
  if (/^(int1|int3|ud[012]|vmcall|vmmcall)$/.test(base)) return 'trap';
  return base === 'hlt' ? 'halt' : null;
}

const A64_KINDS: Readonly<Record<string, FlowKind>> = {
  b: 'jump',
  bl: 'call',
  cbz: 'branch',
  cbnz: 'branch',
  tbz: 'branch',
  tbnz: 'branch',
  svc: 'syscall',
  hvc: 'trap',
  smc: 'trap',
  brk: 'trap',
  hlt: 'trap',
  udf: 'trap',
  wfi: 'halt',
  wfe: 'halt',
};

function aarch64Kind(mnemonic: string): FlowKind | null {
  if (mnemonic.startsWith('b.')) return 'branch';
  if (/^br(a[ab]z?)?$/.test(mnemonic)) return 'indirect-jump';
  if (/^blr(a[ab]z?)?$/.test(mnemonic)) return 'indirect-call';
  if (/^ret(a[ab])?$/.test(mnemonic)) return 'return';
  if (/^(eret(a[ab])?|drps)$/.test(mnemonic)) return 'trap-return';
  return A64_KINDS[mnemonic] ?? null;
}

/** Mnemonics and operands of objdump without aliases, e.g. `jalr zero,0(ra)`, `c.jr a5`. */
function riscvKind(mnemonic: string, operands: string): FlowKind | null {
  const isLink = (register: string | undefined): boolean => register === 'ra' || register === 't0';
  const [first = '', second = ''] = operands.split(/,|\s/);
  const base = mnemonic.replace(/^c\./, '');
  if (base === 'j') return 'jump';
  if (base === 'jal') return isLink(first) ? 'call' : 'jump';
  if (base === 'jr') return isLink(first) ? 'return' : 'indirect-jump';
  if (mnemonic === 'c.jalr') return 'indirect-call';
  if (base === 'jalr') {
    if (isLink(first)) return 'indirect-call';
    return isLink(/\((\w+)\)/.exec(second)?.[1]) ? 'return' : 'indirect-jump';
  }
  if (/^(beq|bne|blt|bge|bltu|bgeu|beqz|bnez)$/.test(base)) return 'branch';
  if (base === 'ecall') return 'syscall';
  if (base === 'ebreak') return 'trap';
  if (/^[msu]ret$/.test(base)) return 'trap-return';
  return base === 'wfi' ? 'halt' : null;
}

/** The first few instructions whose class is not what their text says; with how many were seen. */
async function compareWithCapstone(
  isa: string,
  path: string,
  kindOf: (mnemonic: string, operands: string) => FlowKind | null,
): Promise<{ seen: number; moved: number; wrong: string[] }> {
  const { code, address } = readText(path);
  const known = classifier(isa);
  using disassembler = await createDisassembler(isa);
  if (disassembler === null) throw new Error(`no disassembler for ${isa}`);
  const result = { seen: 0, moved: 0, wrong: [] as string[] };
  disassembler.visit(code, address, (at, sizeBytes, mnemonic, operands) => {
    if (mnemonic === '.byte') return false;
    const found = known.classify(code, at, sizeBytes, address + BigInt(at));
    const expected = kindOf(mnemonic, operands);
    result.seen++;
    if (expected !== null) result.moved++;
    const printed = /(?:^|, )#?(0x[0-9a-f]+|\d+)$/.exec(operands)?.[1];
    const target = found.target === null ? null : `0x${found.target.toString(16)}`;
    const isSame = found.kind === expected && (target === null || target === printed);
    if (!isSame && result.wrong.length < 10) {
      const pc = (address + BigInt(at)).toString(16);
      result.wrong.push(`${pc}: ${mnemonic} ${operands}: ${found.kind ?? 'sequential'} ${target}`);
    }
    return false;
  });
  return result;
}

const x86Libc = needsFile('/lib/x86_64-linux-gnu/libc.so.6', 'an x86-64 Debian or Ubuntu');
test.skipIf(x86Libc.missing)(`classify: all of libc, x86_64${x86Libc.note}`, async () => {
  const found = await compareWithCapstone('x86_64', x86Libc.path, x86Kind);
  expect(found.wrong).toEqual([]);
  expect(found.seen).toBeGreaterThan(200_000);
  expect(found.moved).toBeGreaterThan(40_000);
});

const armLibc = needsFile(
  '/usr/aarch64-linux-gnu/lib/libc.so.6',
  'apt-get install libc6-arm64-cross',
);
test.skipIf(armLibc.missing)(`classify: all of libc, aarch64${armLibc.note}`, async () => {
  const found = await compareWithCapstone('aarch64', armLibc.path, aarch64Kind);
  expect(found.wrong).toEqual([]);
  expect(found.seen).toBeGreaterThan(200_000);
  expect(found.moved).toBeGreaterThan(40_000);
});

const riscvLibc = needsFile(
  '/usr/riscv64-linux-gnu/lib/libc.so.6',
  'apt-get install libc6-riscv64-cross',
);
const riscvGcc = needs('riscv64-linux-gnu-gcc');
const noRiscv = riscvLibc.missing || riscvGcc.missing;
test.skipIf(noRiscv)(`classify: all of libc, riscv64${riscvLibc.note}${riscvGcc.note}`, () => {
  const { code, address } = readText(riscvLibc.path);
  const listing = execFileSync(
    'riscv64-linux-gnu-objdump',
    ['-d', '-M', 'no-aliases', '--section=.text', '--no-show-raw-insn', riscvLibc.path],
    { encoding: 'latin1', maxBuffer: 1 << 28 },
  );
  const known = classifier('riscv64');
  const wrong: string[] = [];
  let seen = 0;
  let moved = 0;
  for (const line of listing.matchAll(/^ *([0-9a-f]+):\t(\S+)(?:\t([^<#\n]*))?/gm)) {
    const pc = BigInt(`0x${line[1]}`);
    const mnemonic = line[2] ?? '';
    const operands = (line[3] ?? '').trim();
    if (mnemonic.startsWith('.') || mnemonic === 'unimp') continue;
    const at = Number(pc - address);
    const found = known.classify(code, at, known.sizeBytes(code, at), pc);
    const expected = riscvKind(mnemonic, operands);
    seen++;
    if (expected !== null) moved++;
    const printed = operands.split(',').at(-1);
    const target = found.target === null ? null : found.target.toString(16);
    if (found.kind === expected && (target === null || target === printed)) continue;
    if (wrong.length < 10) wrong.push(`${line[0]}: ${found.kind ?? 'sequential'} ${target}`);
  }
  expect(wrong).toEqual([]);
  expect(seen).toBeGreaterThan(200_000);
  expect(moved).toBeGreaterThan(40_000);
});
