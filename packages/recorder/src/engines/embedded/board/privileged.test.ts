/** Modes, interrupts, counters and floating point, beyond what the samples show. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TRAP, Trap } from '../core/trap.ts';
import {
  A0,
  A1,
  A2,
  CSR,
  csrr,
  csrw,
  LOOP,
  MTIMECMP,
  op,
  openPmp,
  RAM,
  runOf,
  setX,
} from './program.fixture.ts';
import { MODE, Registers, STATUS } from './registers.ts';

const SEED = 20_260_802;
const MIE = 1n << 3n;
const SEIP = 1n << 9n;
const SSIP = 1n << 1n;

/** Section 3.1.9: in this order, and those for a higher mode before all others. */
const INTERRUPTS = [11, 3, 7, 9, 1, 5] as const;

const states = fc.record({
  mode: fc.constantFrom(MODE.user, MODE.supervisor, MODE.machine),
  isMie: fc.boolean(),
  isSie: fc.boolean(),
  pending: fc.subarray([...INTERRUPTS]),
  enabled: fc.subarray([...INTERRUPTS], { minLength: 3 }),
  delegated: fc.subarray([1, 5, 9]),
});

const bitsOf = (numbers: readonly number[]): number =>
  numbers.reduce((bits, number) => bits | (1 << number), 0);

describe('interrupts', () => {
  test('the one that the specification says is taken, to the mode that it says', () => {
    const property = fc.property(states, (state) => {
      const registers = new Registers();
      registers.mode = state.mode;
      registers.status = (state.isMie ? STATUS.mie : 0) | (state.isSie ? STATUS.sie : 0);
      registers.enabled = bitsOf(state.enabled);
      registers.delegatedInterrupts = bitsOf(state.delegated);
      const wanted = INTERRUPTS.filter((number) => {
        return state.pending.includes(number) && state.enabled.includes(number);
      });
      const isMachineOpen = state.mode < MODE.machine || state.isMie;
      const isSupervisorOpen =
        state.mode < MODE.supervisor || (state.mode === MODE.supervisor && state.isSie);
      const forMachine = wanted.find((number) => !state.delegated.includes(number));
      const forSupervisor = wanted.find((number) => state.delegated.includes(number));
      const expected =
        (isMachineOpen ? forMachine : undefined) ?? (isSupervisorOpen ? forSupervisor : undefined);
      const bits = registers.takeable(bitsOf(state.pending));
      expect(bits !== 0).toBe(expected !== undefined);
      if (expected === undefined) return;
      expect(registers.enterInterrupt(RAM, bits).number).toBe(expected);
      const isToMachine = !state.delegated.includes(expected);
      expect(registers.mode).toBe(isToMachine ? MODE.machine : MODE.supervisor);
    });
    fc.assert(property, { seed: SEED, numRuns: 500 });
  });

  test('a return brings back what the trap found', () => {
    const property = fc.property(states, fc.nat(15), (state, cause) => {
      const registers = new Registers();
      registers.mode = state.mode;
      registers.status = (state.isMie ? STATUS.mie : 0) | (state.isSie ? STATUS.sie : 0);
      registers.delegatedExceptions = 0x5555;
      registers.machine.tvec = RAM + 0x101n;
      registers.supervisor.tvec = RAM + 0x200n;
      const before = registers.status;
      const handler = registers.enterException(RAM + 2n, cause, 77n);
      const isDelegated = state.mode < MODE.machine && cause % 2 === 0;
      expect(handler).toBe(isDelegated ? RAM + 0x200n : RAM + 0x100n);
      const trap = isDelegated ? registers.supervisor : registers.machine;
      expect([trap.epc, trap.cause, trap.tval]).toEqual([RAM + 2n, BigInt(cause), 77n]);
      expect(registers.isOpen(registers.mode)).toBe(false);
      const pc = isDelegated ? registers.leaveSupervisor() : registers.leaveMachine();
      expect(pc).toBe(RAM + 2n);
      expect(registers.mode).toBe(state.mode);
      const kept = STATUS.mie | STATUS.sie;
      expect(registers.status & kept).toBe(before & kept);
    });
    fc.assert(property, { seed: SEED, numRuns: 300 });
  });

  test('vectored: an interrupt goes to its own entry, an exception to the first', () => {
    const run = runOf([LOOP]);
    run.board.writeCsr(CSR.mtvec, RAM + 0x101n);
    run.board.writeCsr(CSR.mie, 0xaaan);
    run.board.writeDevice(0x200_0000n, 4, 1n);
    run.board.writeCsr(CSR.mstatus, MIE);
    expect(run.board.isPending()).toBe(true);
    run.board.tick();
    expect(run.hart.pc).toBe(RAM + 0x10cn);
    expect(run.transfers).toMatchObject([{ cause: 'interrupt', kind: null, source: RAM }]);
    run.board.handle(new Trap(TRAP.ecallMachine, 0n));
    expect(run.hart.pc).toBe(RAM + 0x100n);
  });

  test('one that a write lets in is taken before the next instruction', () => {
    const run = runOf([csrw(CSR.mstatus, A0), op('addi', { rd: A1, imm: 1 }), LOOP]);
    run.board.writeCsr(CSR.mtvec, RAM + 8n);
    run.board.writeCsr(CSR.mie, 1n << 7n);
    setX(run, A0, MIE);
    expect(() => run.run('stretches', 10)).toThrow('does not end');
    expect(run.transfers).toMatchObject([{ at: 1, source: RAM + 4n, target: RAM + 8n }]);
    expect(run.hart.x[A1]).toBe(0n);
  });

  test('a deadline that moves nearer is told', () => {
    const code = [op('sd', { rs1: A0, rs2: A1 }), LOOP];
    const run = runOf(code);
    run.board.writeCsr(CSR.mtvec, RAM + 4n);
    run.board.writeCsr(CSR.mie, 1n << 7n);
    run.board.writeDevice(MTIMECMP, 8, 1_000_000n);
    run.board.writeCsr(CSR.mstatus, MIE);
    setX(run, A0, MTIMECMP);
    setX(run, A1, 3n);
    expect(() => run.run('stretches', 500)).toThrow('does not end');
    expect(run.transfers).toMatchObject([{ at: 300, source: RAM + 4n }]);
  });

  test('what the PLIC raises does not stick to mip.SEIP when other bits are set', () => {
    const words = [
      op('csrrs', { imm: CSR.mip, rs1: A0 }),
      op('csrrc', { imm: CSR.mip, rs1: A0 }),
      op('csrrs', { imm: CSR.mip, rs1: A1 }),
      op('csrrw', { imm: CSR.mip, rs1: A1 }),
    ];
    const run = runOf(words);
    const { board } = run;
    setX(run, A0, SSIP);
    setX(run, A1, SEIP);
    // The transmitter is empty: an interrupt for context 1.
    board.writeDevice(0xc00_0028n, 4, 1n);
    board.writeDevice(0xc00_2080n, 4, 1n << 10n);
    board.writeDevice(0x1000_0001n, 1, 2n);
    const software: boolean[] = [];
    for (let i = 0; i < words.length; i++) {
      run.runTo(i + 1);
      expect(board.readCsr(CSR.mip) & SEIP).toBe(SEIP);
      board.writeDevice(0xc00_2080n, 4, 0n);
      software.push((board.readCsr(CSR.mip) & SEIP) !== 0n);
      board.writeDevice(0xc00_2080n, 4, 1n << 10n);
    }
    expect(software).toEqual([false, false, true, true]);
  });

  test('sip and sie show and change what is delegated alone', () => {
    const { board } = runOf([]);
    board.writeCsr(CSR.mideleg, 0x202n);
    board.writeCsr(CSR.mip, 0x222n);
    board.writeCsr(CSR.mie, 0xaaan);
    expect([board.readCsr(CSR.sip), board.readCsr(CSR.sie)]).toEqual([0x202n, 0x202n]);
    board.writeCsr(CSR.sip, 0n);
    board.writeCsr(CSR.sie, 0n);
    expect([board.readCsr(CSR.sip), board.readCsr(CSR.sie)]).toEqual([0x200n, 0n]);
    expect([board.readCsr(CSR.mip) & 0x222n, board.readCsr(CSR.mie)]).toEqual([0x220n, 0x8a8n]);
  });
});

describe('modes', () => {
  test('what a mode may not do is illegal', () => {
    const run = runOf([]);
    openPmp(run);
    const { board } = run;
    const isIllegal = (what: () => unknown): boolean => {
      try {
        what();
        return false;
      } catch (error) {
        expect(error).toBeInstanceOf(Trap);
        expect(error).toMatchObject({ code: TRAP.illegal });
        return true;
      }
    };
    const enter = (mode: bigint, status: bigint): void => {
      board.handle(new Trap(board.ecallCause(), 0n));
      board.writeCsr(CSR.mstatus, (mode << 11n) | status);
      board.system('mret');
    };
    const [tvm, tw, tsr] = [1n << 20n, 1n << 21n, 1n << 22n];
    const fence = (): void => board.system('sfence.vma');
    const satp = (): bigint => board.readCsr(CSR.satp);
    enter(1n, 0n);
    expect([fence, satp].map(isIllegal)).toEqual([false, false]);
    expect(isIllegal(() => board.system('mret'))).toBe(true);
    enter(1n, tvm | tw | tsr);
    expect([fence, satp].map(isIllegal)).toEqual([true, true]);
    expect(isIllegal(() => board.system('wfi'))).toBe(true);
    expect(isIllegal(() => board.system('sret'))).toBe(true);
    enter(0n, 0n);
    expect([fence, satp].map(isIllegal)).toEqual([true, true]);
    expect(isIllegal(() => board.system('wfi'))).toBe(true);
    expect(board.ecallCause()).toBe(TRAP.ecallUser);
    enter(3n, tvm | tw | tsr);
    expect([fence, satp].map(isIllegal)).toEqual([false, false]);
    expect(board.ecallCause()).toBe(TRAP.ecallMachine);
  });

  test('MPRV lends the rights of MPP, and ends where a return leaves machine mode', () => {
    const { board, hart } = runOf([]);
    const [mprv, spp] = [1n << 17n, 1n << 8n];
    const status = (): bigint => board.readCsr(CSR.mstatus) & mprv;
    board.writeCsr(CSR.mstatus, mprv | (3n << 11n));
    hart.memory.load(RAM, 8);
    board.system('mret');
    expect(status()).toBe(mprv);
    // Without a PMP entry user mode may touch nothing.
    board.writeCsr(CSR.mstatus, mprv);
    expect(() => hart.memory.load(RAM, 8)).toThrow(Trap);
    hart.memory.fetch16(RAM);
    board.writeCsr(CSR.mstatus, mprv | spp);
    board.system('sret');
    board.handle(new Trap(TRAP.ecallSupervisor, 0n));
    expect(status()).toBe(0n);
    board.writeCsr(CSR.mstatus, mprv | (1n << 11n));
    board.system('mret');
    board.handle(new Trap(TRAP.ecallSupervisor, 0n));
    expect(status()).toBe(0n);
    hart.memory.load(RAM, 8);
  });

  test('the reserved mode leaves MPP as it was', () => {
    const { board } = runOf([]);
    board.writeCsr(CSR.mstatus, 1n << 11n);
    board.writeCsr(CSR.mstatus, (2n << 11n) | MIE);
    expect(board.readCsr(CSR.mstatus)).toBe(0xa_0000_0000n | (1n << 11n) | MIE);
  });

  test('a reservation does not outlive a trap or a return', () => {
    const run = runOf([]);
    run.board.writeCsr(CSR.mepc, RAM);
    for (const pass of [
      () => run.board.handle(new Trap(TRAP.ecallMachine, 0n)),
      () => run.board.system('mret'),
    ]) {
      run.hart.reserve(RAM, 0n);
      pass();
      expect(run.hart.reserved).toBeNull();
    }
  });

  test('a satp that asks for translation is not taken', () => {
    const { board } = runOf([]);
    board.writeCsr(CSR.satp, (8n << 60n) | 0x8_0000n);
    expect(board.readCsr(CSR.satp)).toBe(0n);
  });
});

describe('counters', () => {
  test('what is written is what the next instruction reads', () => {
    const run = runOf([
      csrw(CSR.minstret, A0),
      csrr(CSR.minstret, A1),
      csrr(CSR.minstret, A2),
      csrw(CSR.mcycle, A0),
      csrr(CSR.mcycle, A0),
    ]);
    setX(run, A0, ~0n);
    run.runTo(5);
    expect([run.hart.x[A1], run.hart.x[A2], run.hart.x[A0]]).toEqual([-1n, 0n, -1n]);
  });

  test('mcountinhibit holds them', () => {
    const run = runOf([
      csrw(CSR.mcountinhibit, A0),
      csrr(CSR.minstret, A1),
      csrr(CSR.mcycle, A2),
      csrw(CSR.minstret, A2),
      csrw(CSR.mcountinhibit, 0),
      csrr(CSR.minstret, A0),
    ]);
    setX(run, A0, 4n);
    run.runTo(6);
    expect([run.hart.x[A1], run.hart.x[A2], run.hart.x[A0]]).toEqual([1n, 2n, 2n]);
  });

  test('one instruction is a nanosecond, and time counts a hundred of them', () => {
    const nops = Array.from({ length: 250 }, () => op('addi'));
    const run = runOf([...nops, csrr(CSR.time, A0), csrr(CSR.mcycle, A1)]);
    run.runTo(252);
    expect([run.hart.x[A0], run.hart.x[A1]]).toEqual([2n, 251n]);
  });
});

describe('floating point', () => {
  const FS = 13n;
  const fs = (run: ReturnType<typeof runOf>): bigint => (run.board.readCsr(CSR.mstatus) >> FS) & 3n;

  test.each([
    ['an instruction', op('fmv.d.x', { rd: 0, rs1: 0 })],
    ['a load', op('fld', { rd: 0, rs1: A0 })],
    ['a read of fcsr', csrr(CSR.fcsr, A1)],
    ['a write of fflags', csrw(CSR.fflags, A1)],
  ])('%s is illegal while FS is 0, and makes it dirty else', (_name, word) => {
    const run = runOf([word, word, LOOP]);
    setX(run, A0, RAM);
    run.board.writeCsr(CSR.mtvec, RAM + 4n);
    expect(run.hart.isFloatOff).toBe(true);
    run.board.writeCsr(CSR.mstatus, 1n << FS);
    expect(run.hart.isFloatOff).toBe(true);
    run.runTo(1);
    expect([run.hart.isFloatOff, fs(run)]).toEqual([false, 3n]);
    expect(run.board.readCsr(CSR.mstatus) >> 63n).toBe(1n);
    run.board.writeCsr(CSR.mstatus, 0n);
    run.board.writeCsr(CSR.mtvec, RAM + 8n);
    run.runTo(2);
    const mark = { kind: 'exception', number: 2n, address: BigInt(word), pc: RAM + 4n };
    expect(run.transfers).toMatchObject([{ at: 1, mark }]);
  });
});
