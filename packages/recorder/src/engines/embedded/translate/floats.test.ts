/**
 * Regions of floating point against the plain interpreter: loops of random F and D instructions and
 * CSR accesses on numbers meant to find faults. After every stretch all registers and fcsr must be
 * the same. SEED= repeats a run.
 */
import { expect, test } from 'vitest';
import { SEED } from '../../../../../../tests/seed.ts';
import { PERM, STATE } from '../core/layout.ts';
import { isFusedMultiplyAddExact } from '../emit/float-probe.ts';
import { BINARY32, BINARY64 } from '../float/format.ts';
import { FORMATS } from '../isa/formats.ts';
import { type OpName, opInfo } from '../isa/table.ts';
import { FloatCases, modesOf, REGISTER_OPS, RM_DYNAMIC } from '../plain/float-cases.fixture.ts';
import { Assembler } from './assembler.fixture.ts';
import { PlainMachine, RegionMachine, SeenProfile } from './machine.fixture.ts';

const PROGRAMS = Number(process.env['RUNS'] ?? 12);
const CODE = 0x1_0000;
const DATA = 0x3_0000;
const DATA_BYTES = 0x1000;
const ROUNDS = 200;
/** Registers of the loop: where numbers are read, rounds to go. The program uses x10 to x15. */
const [AT, LEFT] = [5, 6];
const CSRS: readonly OpName[] = ['csrrw', 'csrrs', 'csrrc', 'csrrwi', 'csrrsi', 'csrrci'];
const [FFLAGS, FRM, FCSR] = [1, 2, 3];

/** One random instruction; f0 to f7 and x10 to x15 are its operands. */
function instruction(cases: FloatCases): number {
  const f = (): number => cases.below(8);
  const x = (): number => 10 + cases.below(6);
  if (cases.below(12) === 0) {
    const op = cases.pick('csrrs', ...CSRS);
    // frm of any value; mostly back to nearest-even.
    const isBack = cases.below(2) === 0;
    const csr = isBack ? FRM : cases.pick(FFLAGS, FRM, FCSR);
    const field = opInfo(isBack ? 'csrrwi' : op).match | (csr << 20) | (x() << 7);
    const operand = isBack ? 0 : op.endsWith('i') ? cases.below(8) : x();
    return field | (operand << 15);
  }
  const op = cases.pick('fadd.d', ...REGISTER_OPS);
  const { match, format } = opInfo(op);
  const { rd, rs1, rs2, rs3 } = FORMATS[format];
  const mode = cases.below(3) === 0 ? cases.pick(0, ...modesOf(op)) : RM_DYNAMIC;
  const rm = modesOf(op).length > 1 ? mode : 0;
  const destination = rd === 'x' ? x() : f();
  const first = rs1 === 'x' ? x() : f();
  const others = (rs2 === null ? 0 : f() << 20) | (rs3 === null ? 0 : f() << 27);
  return match | (rm << 12) | (destination << 7) | (first << 15) | others;
}

function program(cases: FloatCases): Assembler {
  const out = new Assembler(CODE);
  out.label('start').li(AT, DATA).li(LEFT, ROUNDS).label('loop');
  for (let register = 0; register < 8; register++) {
    out.i(cases.pick('fld', 'fld', 'flw'), register, AT, 8 * cases.below(8));
  }
  for (let register = 10; register < 16; register++) out.i('ld', register, AT, 8 * register);
  const count = 5 + cases.below(40);
  for (let k = 0; k < count; k++) {
    if (cases.below(10) > 0) out.word(instruction(cases));
    else out.store(cases.pick('fsd', 'fsw'), cases.below(8), AT, 8 * cases.below(60));
  }
  out.i('addi', AT, AT, 8).i('addi', LEFT, LEFT, -1).branch('bne', LEFT, 0, 'loop');
  return out.jal(0, 'start');
}

function dataOf(cases: FloatCases): Uint8Array {
  const view = new DataView(new ArrayBuffer(DATA_BYTES));
  for (let at = 0; at < DATA_BYTES; at += 8) {
    const single = cases.number(BINARY32) | 0xffff_ffff_0000_0000n;
    const number = cases.pick(cases.number(BINARY64), single, cases.integer());
    view.setBigUint64(at, number, true);
  }
  return new Uint8Array(view.buffer);
}

const state = ({ memory }: PlainMachine): string =>
  Buffer.from(new Uint8Array(memory.buffer, STATE.x, STATE.pc + 8 - STATE.x).slice()).toString(
    'hex',
  );

function load(machine: PlainMachine, code: Uint8Array, data: Uint8Array): void {
  machine.load(CODE, code, PERM.read | PERM.execute);
  machine.load(DATA, data, PERM.read | PERM.write);
  machine.hart.pc = BigInt(CODE);
  machine.restart = BigInt(CODE);
  machine.memory.findRanges(DATA, DATA);
}

/** Runs both to the same count; how much of it ran in regions. */
function runBoth(seed: number, fusedMultiplyAdd: boolean, isOff: boolean): RegionMachine {
  const cases = new FloatCases(seed);
  const assembler = program(cases);
  const [code, data] = [assembler.bytes(), dataOf(cases)];
  const [watched, oracle] = [new PlainMachine(0x4_0000), new PlainMachine(0x4_0000)];
  const mood = { fuel: () => cases.below(500), leaves: () => cases.below(3) === 0, depth: () => 5 };
  const machine = new RegionMachine(
    { guestLimit: 0x4_0000, record: false, instructionsMax: 500, blocksMax: 50, fusedMultiplyAdd },
    mood,
  );
  for (const one of [watched, oracle, machine]) load(one, code, data);
  const profile = new SeenProfile(watched);
  profile.watch(300);
  machine.make([CODE, assembler.addressOf('loop')], profile);
  // Which instruction each of them asked for.
  const asked = [oracle, machine].map(({ hart }) => {
    const pcs: bigint[] = [];
    hart.isFloatOff = isOff;
    hart.onFloatOff = () => {
      hart.isFloatOff = false;
      pcs.push(hart.pc);
    };
    return pcs;
  });
  for (let stretch = 0; stretch < 400; stretch++) {
    machine.advance();
    // What traps is skipped and does not count.
    while (oracle.retired < machine.retired || oracle.pc !== machine.pc) {
      if (oracle.retired > machine.retired) break;
      oracle.step();
    }
    const where = `seed ${seed}, stretch ${stretch}, pc 0x${machine.pc.toString(16)}`;
    expect(oracle.retired, where).toBe(machine.retired);
    expect(machine.hart.fcsr, where).toBe(oracle.hart.fcsr);
    if (state(machine) !== state(oracle)) expect.fail(where);
  }
  expect(asked[1]).toEqual(asked[0]);
  expect(asked[0]).toHaveLength(isOff ? 1 : 0);
  const bytes = (one: PlainMachine): Uint8Array => one.memory.raw(DATA, DATA_BYTES);
  expect(Buffer.compare(bytes(machine), bytes(oracle))).toBe(0);
  return machine;
}

test.for([
  ['fused multiply-add if there is one', isFusedMultiplyAddExact(), false],
  ['no fused multiply-add', false, false],
  ['floating point off at first', isFusedMultiplyAddExact(), true],
] as const)(`loops of floating point (SEED=${SEED}): %s`, ([, fused, isOff]) => {
  let [inRegions, all] = [0, 0];
  for (let n = 0; n < PROGRAMS; n++) {
    const machine = runBoth(SEED + n, fused, isOff);
    inRegions += machine.retiredInRegions;
    all += machine.retired;
  }
  expect(inRegions / all).toBeGreaterThan(0.2);
});
