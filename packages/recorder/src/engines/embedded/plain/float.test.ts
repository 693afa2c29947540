/**
 * The floating-point instructions against QEMU: many thousand cases where it is installed, and a
 * recorded few thousand everywhere. SEED= repeats a run, CASES= makes it longer; UPDATE=1 records
 * anew, which needs QEMU.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { needsAll } from '../../../../../../tests/require.ts';
import { SEED } from '../../../../../../tests/seed.ts';
import { Hart, type Platform } from '../core/hart.ts';
import { PERM } from '../core/layout.ts';
import { GuestMemory } from '../core/memory.ts';
import { TRAP, Trap } from '../core/trap.ts';
import { FORMATS } from '../isa/formats.ts';
import type { Instruction } from '../isa/instruction.ts';
import { OP_NAMES, opInfo } from '../isa/table.ts';
import { FLOAT_OPS } from './float.ts';
import {
  type FloatCase,
  FloatCases,
  hasMode,
  modesOf,
  REGISTER_OPS,
} from './float-cases.fixture.ts';
import { askQemu, buildOracle, type Outcome } from './float-oracle.fixture.ts';

/** For each instruction and rounding mode. */
const CASES = Number(process.env['CASES'] ?? 1000);
const RECORDED_SEED = 754;
const RECORDED_CASES = 12;
const RECORDED = fileURLToPath(new URL('float-cases.txt', import.meta.url));
const isUpdate = process.env['UPDATE'] === '1';

const memory = new GuestMemory({ guestBase: 0x200_0000, guestLimit: 0x10_0000 });
const hart = new Hart(memory);

const noPlatform = (): never => {
  throw new Error('no instruction of floating point asks the platform');
};
const PLATFORM: Platform = {
  readCsr: noPlatform,
  writeCsr: noPlatform,
  system: noPlatform,
  ecallCause: noPlatform,
  readDevice: noPlatform,
  writeDevice: noPlatform,
};

const REGISTERS = { rd: 10, rs1: 11, rs2: 12, rs3: 13, imm: 0, rm: 0, size: 4 } as const;

function execute(instruction: Instruction): void {
  const run = FLOAT_OPS[instruction.op];
  if (run === undefined) throw new Error(`no ${instruction.op}`);
  expect(run(hart, instruction, PLATFORM)).toBeUndefined();
}

function runCase({ op, rm, fcsr, a, b, c }: FloatCase): Outcome {
  hart.fcsr = fcsr;
  hart.f.set([0n, a, b, c], 10);
  hart.xUnsigned.set([0n, a], 10);
  FLOAT_OPS[op]?.(hart, { op, ...REGISTERS, rm }, PLATFORM);
  const isX = FORMATS[opInfo(op).format].rd === 'x';
  return { result: (isX ? hart.xUnsigned[10] : hart.f[10]) ?? 0n, fcsr: hart.fcsr };
}

const hex = (value: bigint | number): string => value.toString(16);
const writeOutcome = ({ result, fcsr }: Outcome): string => `${hex(result)} ${hex(fcsr)}`;

/** fcsr, then the operands that the instruction has. */
function writeOperands({ op, fcsr, a, b, c }: FloatCase): string {
  const { rs2, rs3 } = FORMATS[opInfo(op).format];
  const operands = rs2 === null ? [a] : rs3 === null ? [a, b] : [a, b, c];
  return [fcsr, ...operands].map(hex).join(' ');
}

/** Cases whose outcome is not the expected one, at most ten of them. */
function differences(cases: readonly FloatCase[], expected: readonly Outcome[]): string[] {
  const found: string[] = [];
  cases.forEach((one, place) => {
    const want = expected[place];
    const got = runCase(one);
    if (want !== undefined && got.result === want.result && got.fcsr === want.fcsr) return;
    const wanted = want === undefined ? 'nothing' : writeOutcome(want);
    const title = `${one.op} rm ${one.rm}, fcsr and operands ${writeOperands(one)}`;
    if (found.length < 10) found.push(`${title}: found ${writeOutcome(got)}, expected ${wanted}`);
  });
  return found;
}

function makeCases(seed: number, count: number): FloatCase[] {
  const cases = new FloatCases(seed);
  return REGISTER_OPS.flatMap((op) =>
    modesOf(op).flatMap((rm) => Array.from({ length: count }, () => cases.next(op, rm))),
  );
}

const qemu = needsAll('qemu-riscv64', 'riscv64-linux-gnu-gcc');
const compiler = needsAll('riscv64-linux-gnu-gcc');

/** `work` gets a function that asks QEMU. */
function withOracle(
  work: (ask: (cases: readonly FloatCase[]) => readonly Outcome[]) => void,
): void {
  const folder = mkdtempSync(path.join(tmpdir(), 'backtrail-float-'));
  try {
    const program = buildOracle(compiler.path, folder);
    work((cases) => askQemu(qemu.path, program, cases));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe.skipIf(qemu.missing)(`floating point is QEMU's${qemu.note}`, () => {
  test(`any operands, any mode (SEED=${SEED})`, () => {
    withOracle((ask) => {
      const cases = makeCases(SEED, CASES);
      const outcomes = ask(cases);
      expect(differences(cases, outcomes)).toEqual([]);
      // The operands are worth something: each flag was raised, and each by many.
      for (const flag of [1, 2, 4, 8, 16]) {
        const raised = cases.filter(
          ({ fcsr }, place) => (fcsr & flag) === 0 && ((outcomes[place]?.fcsr ?? 0) & flag) !== 0,
        );
        expect(raised.length, `flag ${flag}`).toBeGreaterThan(CASES / 4);
      }
    });
  });
});

/** Asks QEMU and writes the file anew. */
function record(): void {
  withOracle((ask) => {
    const cases = makeCases(RECORDED_SEED, RECORDED_CASES);
    const outcomes = ask(cases);
    let title = '';
    const lines = cases.flatMap((one, place) => {
      const outcome = outcomes[place];
      if (outcome === undefined) throw new Error(`no outcome of case ${place}`);
      const line = `${writeOperands(one)} > ${writeOutcome(outcome)}`;
      const [before, now] = [title, `${one.op} ${one.rm}`];
      title = now;
      return before === now ? [line] : [`= ${now}`, line];
    });
    writeFileSync(RECORDED, `${lines.join('\n')}\n`);
  });
}

/** `= op rm`, then a line for each case: fcsr, operands > result, fcsr; all in hexadecimal. */
function readRecorded(): { cases: FloatCase[]; outcomes: Outcome[] } {
  const cases: FloatCase[] = [];
  const outcomes: Outcome[] = [];
  let [op, rm] = [OP_NAMES[0] ?? 'lui', 0];
  for (const line of readFileSync(RECORDED, 'utf8').trimEnd().split('\n')) {
    const [before = '', after = ''] = line.split(' > ');
    const words = before.split(' ');
    if (words[0] === '=') {
      const name = OP_NAMES.find((known) => known === words[1]);
      if (name === undefined)
        throw new Error(`${RECORDED}: found ${line}, expected an instruction`);
      [op, rm] = [name, Number(words[2])];
      continue;
    }
    const [fcsr = 0n, a = 0n, b = 0n, c = 0n] = words.map((word) => BigInt(`0x${word}`));
    cases.push({ op, rm, fcsr: Number(fcsr), a, b, c });
    const [result = 0n, flags = 0n] = after.split(' ').map((word) => BigInt(`0x${word}`));
    outcomes.push({ result, fcsr: Number(flags) });
  }
  return { cases, outcomes };
}

test('floating point is what was recorded of QEMU', () => {
  if (isUpdate) record();
  const { cases, outcomes } = readRecorded();
  const wanted = REGISTER_OPS.flatMap((op) => modesOf(op)).length * RECORDED_CASES;
  expect(cases.length).toBe(wanted);
  expect(differences(cases, outcomes)).toEqual([]);
});

describe('floating point: what no operands show', () => {
  test('every instruction of F and D is there', () => {
    const wanted = OP_NAMES.filter((op) => ['F', 'D'].includes(opInfo(op).extension));
    expect(Object.keys(FLOAT_OPS).toSorted()).toEqual([...wanted].toSorted());
  });

  test('modes that are none raise illegal, and change nothing', () => {
    for (const op of REGISTER_OPS.filter(hasMode)) {
      for (const [rm, frm] of [
        [5, 0],
        [6, 0],
        [7, 5],
        [7, 6],
        [7, 7],
      ] as const) {
        hart.fcsr = frm << 5;
        hart.f.fill(3n);
        hart.x.fill(3n, 1);
        const before = [...hart.f, ...hart.x].join();
        expect(() => execute({ op, ...REGISTERS, rm }), `${op} rm ${rm} frm ${frm}`).toThrow(
          new Trap(TRAP.illegal, 0n),
        );
        expect([...hart.f, ...hart.x].join()).toBe(before);
        expect(hart.fcsr).toBe(frm << 5);
      }
      // A static mode does not look at frm.
      hart.fcsr = 7 << 5;
      execute({ op, ...REGISTERS, rm: 1 });
    }
  });

  test('x0 is not written', () => {
    hart.fcsr = 0;
    for (const op of ['fcvt.l.d', 'feq.d', 'fclass.s', 'fmv.x.d', 'fmv.x.w'] as const) {
      hart.f.fill(0xffff_ffff_ffff_ffffn);
      execute({ op, ...REGISTERS, rd: 0 });
      expect(hart.x[0]).toBe(0n);
    }
  });

  test('loads box singles; stores take the low bits, boxed or not', () => {
    memory.protect(0x1000, 0x1000, PERM.read | PERM.write | PERM.mapped);
    hart.fcsr = 0;
    hart.x[11] = 0x1010n;
    hart.f[12] = 0x0123_4567_89ab_cdefn;
    execute({ op: 'fsd', ...REGISTERS, imm: -16 });
    execute({ op: 'fsw', ...REGISTERS, imm: 4 });
    expect(memory.load(0x1000n, 8)).toBe(0x0123_4567_89ab_cdefn);
    expect(memory.load(0x1010n, 8)).toBe(0x89ab_cdef_0000_0000n);
    execute({ op: 'flw', ...REGISTERS, imm: 4 });
    expect(hart.f[10]).toBe(0xffff_ffff_89ab_cdefn);
    execute({ op: 'fld', ...REGISTERS, imm: -16 });
    expect(hart.f[10]).toBe(0x0123_4567_89ab_cdefn);
  });

  test('a fault names the address and changes nothing', () => {
    memory.protect(0x1000, 0x1000, PERM.read | PERM.write | PERM.mapped);
    memory.protect(0x2000, 0x1000, 0);
    hart.x[11] = 0x1ffcn;
    hart.f[10] = 5n;
    hart.f[12] = 0xffff_ffff_ffff_ffffn;
    expect(() => execute({ op: 'fld', ...REGISTERS })).toThrow(new Trap(TRAP.loadAccess, 0x2000n));
    expect(hart.f[10]).toBe(5n);
    expect(() => execute({ op: 'fsd', ...REGISTERS })).toThrow(new Trap(TRAP.storeAccess, 0x2000n));
    expect(memory.load(0x1ffcn, 4)).toBe(0n);
    // An address below 0 wraps to one that does not exist.
    hart.x[11] = 4n;
    const far = new Trap(TRAP.loadAccess, 0xffff_ffff_ffff_fffcn);
    expect(() => execute({ op: 'flw', ...REGISTERS, imm: -8 })).toThrow(far);
  });
});
