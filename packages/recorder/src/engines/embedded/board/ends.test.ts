/** How runs end, and what sleep does with time. */
import { describe, expect, test } from 'vitest';
import { type BareRun, LateConsole } from './board.fixture.ts';
import {
  A0,
  A1,
  A2,
  BAD,
  CSR,
  csrr,
  csrw,
  LOOP,
  listen,
  MTIMECMP,
  op,
  openPmp,
  RAM,
  runOf,
  setX,
  WFI,
} from './program.fixture.ts';

const MTIP = 1n << 7n;
const MEIP = 1n << 11n;

/** A program that has no end of its own. */
function expectEndless(run: BareRun): void {
  expect(() => run.run('stretches', 1000)).toThrow('the program does not end');
}

describe('the end of a run', () => {
  const finishers: readonly (readonly [word: bigint, status: number | null])[] = [
    [0x5555n, 0],
    [0x3333n, 0],
    [0x0007_3333n, 7],
    [0x0107_3333n, 7],
    [0x7777n, 0],
    [0x1234n, null],
  ];
  test.each(finishers)('finisher %#', (word, status) => {
    const run = runOf([op('sw', { rs1: A0, rs2: A1 }), LOOP]);
    setX(run, A0, 0x10_0000n);
    setX(run, A1, word);
    if (status === null) {
      expectEndless(run);
      return;
    }
    expect(run.run('stretches')).toEqual({ how: 'exit', status });
    expect(run.instructions).toBe(1);
    expect(run.board.ending).toBeNull();
  });

  const tohosts: readonly (readonly [word: bigint, status: number | null])[] = [
    [1n, 0],
    [3n, 1],
    [85n, 42],
    [0xfff1n, 255],
    [2n, null],
    [0x8000_0000_0000_0000n, null],
  ];
  test.each(tohosts)('tohost %#', (word, status) => {
    const tohost = RAM + 0x1000n;
    // In halves, as the RISC-V test programs write it, and the word beside it first.
    const stores = [
      op('sd', { rs1: A0, rs2: A1, imm: 8 }),
      op('sw', { rs1: A0, rs2: A1 }),
      op('srli', { rd: A1, rs1: A1, imm: 32 }),
      op('sw', { rs1: A0, rs2: A1, imm: 4 }),
    ];
    const run = runOf([...stores, LOOP], { tohost });
    setX(run, A0, tohost);
    setX(run, A1, word);
    if (status === null) expectEndless(run);
    else expect(run.run('stretches')).toEqual({ how: 'exit', status });
    expect(run.hart.memory.load(tohost + 8n, 8)).toBe(word);
    expect(run.hart.memory.load(tohost, 4)).toBe(word & 0xffff_ffffn);
  });

  test('code on the page of tohost runs, and may be changed', () => {
    const code = [op('sw', { rs1: A0, rs2: A1, imm: 4 }), op('addi', { rd: A2, imm: 1 }), WFI];
    const run = runOf(code, { tohost: RAM + 0x800n });
    setX(run, A0, RAM);
    setX(run, A1, BigInt(op('addi', { rd: A2, imm: 7 })));
    run.run('stretches');
    expect(run.hart.x[A2]).toBe(7n);
  });

  test('a signal from outside', () => {
    const run = runOf([LOOP]);
    run.board.deliver(2);
    expect(run.run()).toEqual({ how: 'signal', number: 2 });
  });

  test('output that nobody reads', () => {
    const run = runOf([op('sb', { rs1: A0, rs2: A0 }), LOOP]);
    run.console.write = () => false;
    setX(run, A0, 0x1000_0000n);
    expect(run.run('stretches')).toEqual({ how: 'signal', number: 13 });
  });

  test('a trap without a handler is told once more where there is none', () => {
    const run = runOf([BAD]);
    expect(run.run('stretches')).toEqual({ how: 'exit', status: 1 });
    expect(run.board.ending).toBe(
      'the trap handler at 0x0 (mtvec) raises exception 1 at 0x0, value 0x0 before it has done ' +
        'anything; it was entered for exception 2 at 0x80000000, value 0x0',
    );
    expect(run.transfers.map(({ source, target }) => [source, target])).toEqual([
      [RAM, 0n],
      [0n, 0n],
    ]);
  });

  test('a supervisor handler that traps itself', () => {
    const run = runOf([csrw(CSR.mepc, A0), op('mret'), BAD, BAD]);
    openPmp(run);
    run.board.writeCsr(CSR.medeleg, 0xffffn);
    run.board.writeCsr(CSR.mstatus, 1n << 11n);
    run.board.writeCsr(CSR.stvec, RAM + 12n);
    setX(run, A0, RAM + 8n);
    expect(run.run()).toEqual({ how: 'exit', status: 1 });
    expect(run.board.ending).toContain('the trap handler at 0x8000000c (stvec) raises exception 2');
    expect(run.transfers.length).toBe(2);
  });

  test('a handler that traps at its start in one mode may run in another', () => {
    // The supervisor's handler may not be executed in supervisor mode, machine mode's goes on.
    const run = runOf([csrw(CSR.mepc, A0), op('mret'), BAD, BAD, LOOP]);
    run.board.writeCsr(CSR.medeleg, 1n << 1n);
    run.board.writeCsr(CSR.mstatus, 1n << 11n);
    run.board.writeCsr(CSR.mtvec, RAM + 16n);
    run.board.writeCsr(CSR.stvec, 0x40n);
    run.board.writeCsr(CSR.pmpaddr0, ~0n);
    run.board.writeCsr(CSR.pmpcfg0, 0x1cn);
    setX(run, A0, RAM + 8n);
    expectEndless(run);
    expect(run.transfers.map(({ target }) => target)).toEqual([RAM + 16n]);
  });
});

describe('sleep', () => {
  test('without anything that could end it ends the run', () => {
    const run = runOf([WFI]);
    expect(run.run('stretches')).toEqual({ how: 'exit', status: 1 });
    expect(run.board.ending).toBe(
      'the hart sleeps for good: no interrupt can end the wfi at 0x80000000 (mie is 0x0)',
    );
    run.board.deliver(2);
    expect(run.board.tick()).toEqual({ how: 'exit', status: 1 });
  });

  test('skips to the timer, and time goes on from there', () => {
    const run = runOf([WFI, csrr(CSR.time, A0), csrr(CSR.mcycle, A1), csrr(CSR.minstret, A2), WFI]);
    run.board.writeCsr(CSR.mie, MTIP);
    run.board.writeDevice(MTIMECMP, 8, 5000n);
    run.runTo(4);
    expect([run.hart.x[A0], run.hart.x[A1], run.hart.x[A2]]).toEqual([5000n, 500_002n, 3n]);
    expect(run.transfers).toEqual([]);
  });

  test('waits for input, also while it cannot be taken', () => {
    const console = new LateConsole(['nothing', 0x78]);
    const run = runOf([WFI, WFI, csrr(CSR.time, A0)], { console });
    listen(run);
    run.runTo(3);
    expect(console.waits).toEqual([Infinity, Infinity]);
    expect(run.hart.x[A0]).toBe(0n);
    expect(run.board.readDevice(0x1000_0000n, 1)).toBe(0x78n);
  });

  test('waits for input no longer than the timer lets it', () => {
    const console = new LateConsole([]);
    const run = runOf([WFI, csrr(CSR.time, A0)], { console });
    listen(run);
    run.board.writeCsr(CSR.mie, MTIP | MEIP);
    run.board.writeDevice(MTIMECMP, 8, 70n);
    run.runTo(2);
    expect(console.waits).toEqual([7000]);
    expect(run.hart.x[A0]).toBe(70n);
  });

  test('ends the run when input is over', () => {
    const run = runOf([WFI]);
    listen(run);
    expect(run.run('stretches')).toEqual({ how: 'exit', status: 1 });
    expect(run.board.ending).toContain('(mie is 0x800)');
  });

  test('is broken by a signal, and would go on after it', () => {
    const run = runOf([WFI], { console: new LateConsole(['signal']) });
    listen(run);
    expect(run.run('stretches')).toEqual({ how: 'signal', number: 2 });
    expect(run.hart.pc).toBe(RAM);
  });
});
