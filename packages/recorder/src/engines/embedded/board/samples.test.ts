/**
 * The samples of tests/guests/bare/ do on the board what they do on QEMU, whose output is recorded
 * beside them; and what the board tells of them is what they themselves write down.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  BARE_GUESTS,
  type BareGuest,
  bareGuest,
} from '../../../../../../tests/guests/bare/build.ts';
import { isRecordedVersion, runOnQemu } from '../../../../../../tests/guests/bare/qemu.ts';
import { needs } from '../../../../../../tests/require.ts';
import { readSymbols } from '../../../elf/elf.ts';
import { BareRun, type Driving, type Transfer } from './board.fixture.ts';

const INPUT: Partial<Record<BareGuest, string>> = { echo: 'hello world\nbye\n\u0004' };
const STATUS: Partial<Record<BareGuest, number>> = { panic: 3 };
const DRIVINGS = ['always', 'stretches'] as const;

const recorded = (name: BareGuest): string =>
  readFileSync(bareGuest(name).replace(/\.elf$/, '.txt'), 'latin1').replaceAll('\r', '');

const newRun = (name: BareGuest): BareRun =>
  new BareRun(bareGuest(name), { input: INPUT[name] ?? '' });

/**
 * Where the board's CSRs are not QEMU's, and why. QEMU lets bits be written that mean nothing
 * without the hypervisor extension, counts events, has triggers, and is less strict than the
 * specification.
 */
const CSR_DIFFERENCES: readonly (readonly [first: number, last: number, why: string])[] = [
  [0x100, 0x100, 'UXL is fixed; there is no vector unit'],
  [0x106, 0x106, '32 bits'],
  [0x10a, 0x10a, 'senvcfg: none of its functions are here'],
  [0x141, 0x141, 'bit 0 of an address is 0'],
  [0x300, 0x300, 'SXL and UXL are fixed; there is no vector unit'],
  [0x302, 0x302, 'no hypervisor; ecall from M cannot be delegated'],
  [0x303, 0x304, 'no hypervisor, no counter overflow'],
  [0x306, 0x306, '32 bits'],
  [0x30a, 0x30a, 'menvcfg: none of its functions are here'],
  [0x320, 0x33f, 'no event counters'],
  [0x341, 0x341, 'bit 0 of an address is 0'],
  [0x344, 0x344, 'no hypervisor, no counter overflow'],
  [0x3b0, 0x3bf, 'physical addresses have 56 bits'],
  [0x7a1, 0x7a4, 'no triggers'],
  [0xb03, 0xb1f, 'no event counters'],
  [0xc03, 0xc1f, 'no event counters'],
  [0xf12, 0xf13, 'it is not QEMU'],
];

/** Without the lines of registers that differ. */
function comparable(name: BareGuest, text: string): string[] {
  const lines = text.split('\n');
  if (name !== 'csrs') return lines;
  const differs = (csr: number): boolean =>
    CSR_DIFFERENCES.some(([first, last]) => csr >= first && csr <= last);
  const modes = lines.indexOf('no counter enabled');
  return lines.filter((line, index) => index >= modes || !differs(Number(line.split(' ')[0])));
}

interface Ended {
  readonly run: BareRun;
  readonly end: unknown;
}

/** Each sample runs once for each way of driving. */
const ended = new Map<string, Ended>();

function runOf(name: BareGuest, driving: Driving): Ended {
  const key = `${name} ${driving}`;
  const known = ended.get(key);
  if (known !== undefined) return known;
  const run = newRun(name);
  const fresh = { run, end: run.run(driving) };
  ended.set(key, fresh);
  return fresh;
}

describe('samples on the board', () => {
  for (const name of BARE_GUESTS) {
    test(`${name} prints what QEMU prints`, () => {
      const { run, end } = runOf(name, 'stretches');
      expect(end).toEqual({ how: 'exit', status: STATUS[name] ?? 0 });
      expect(comparable(name, run.console.text)).toEqual(comparable(name, recorded(name)));
      expect(run.board.ending).toBeNull();
    });

    test(`${name} runs the same however it is driven`, () => {
      const all = DRIVINGS.map((driving) => {
        const { run, end } = runOf(name, driving);
        const { instructions, transfers, marks, console } = run;
        return { end, instructions, transfers, marks, text: console.text };
      });
      expect(all[1]).toEqual(all[0]);
    });
  }

  test('every difference that is let through is one', () => {
    const ours = runOf('csrs', 'stretches').run.console.text.split('\n');
    const theirs = recorded('csrs').split('\n');
    const lines = [...ours, ...theirs];
    const isAlone = (line: string): boolean => !ours.includes(line) || !theirs.includes(line);
    const differing = lines.filter(isAlone).map((line) => line.split(' ')[0]);
    for (const [first, last, why] of CSR_DIFFERENCES) {
      const isNeeded = differing.some((csr) => Number(csr) >= first && Number(csr) <= last);
      expect(isNeeded, why).toBe(true);
    }
  });
});

/** An array of 64-bit words in the guest's memory. */
function words(run: BareRun, program: BareGuest, symbol: string, count: number): bigint[] {
  const symbols = readSymbols(bareGuest(program));
  const index = Array.from({ length: symbols.count }, (_, i) => i).find(
    (i) => symbols.name(i) === symbol,
  );
  if (index === undefined) throw new Error(`${program} has no symbol ${symbol}`);
  const at = symbols.address[index] ?? 0n;
  return Array.from({ length: count }, (_, i) => run.hart.memory.load(at + BigInt(8 * i), 8));
}

const INTERRUPT_BIT = 1n << 63n;

/** As mcause, mepc and mtval hold it. */
function asRegisters({ cause, source, mark }: Transfer): bigint[] {
  const bit = cause === 'interrupt' ? INTERRUPT_BIT : 0n;
  return [(mark?.number ?? -1n) | bit, source, mark?.address ?? 0n];
}

describe('what the board tells', () => {
  test('traps: every trap that the program wrote down, in order', () => {
    const { run } = runOf('traps', 'stretches');
    const [count = 0n] = words(run, 'traps', 'trap_count', 1);
    const log = words(run, 'traps', 'trap_log', 3 * Number(count));
    expect(run.transfers.length).toBe(Number(count));
    expect(run.transfers.flatMap(asRegisters)).toEqual(log);
    const isCall = run.transfers.map(({ kind }) => kind === 'syscall');
    expect(isCall.indexOf(true)).toBe(0);
    expect(isCall.lastIndexOf(true)).toBe(0);
  });

  test('scheduler: every turn, at the very instruction at which its time was up', () => {
    const run = newRun('scheduler');
    const due: number[] = [];
    const { board } = run;
    const platform = run.hart.memory.platform;
    if (platform === null) throw new Error('the board has no devices');
    run.hart.memory.platform = {
      readDevice: platform.readDevice.bind(platform),
      writeDevice: (address, bytes, value) => {
        if (address === 0x200_4000n) due.push(Number(value) * 100);
        platform.writeDevice(address, bytes, value);
      },
      readCsr: (csr) => board.readCsr(csr),
      writeCsr: (csr, value) => board.writeCsr(csr, value),
      system: (op) => board.system(op),
      ecallCause: () => board.ecallCause(),
    };
    run.run();
    const [count = 0n] = words(run, 'scheduler', 'turn_count', 1);
    const turns = words(run, 'scheduler', 'turns', 2 * Number(count));
    const interrupts = run.transfers.filter(({ cause }) => cause === 'interrupt');
    expect(interrupts.map(({ source }) => source)).toEqual(turns.filter((_, i) => i % 2 === 0));
    // A task that is done sleeps, and then time is ahead of instructions.
    const ahead = interrupts.map(({ at }, i) => (due[i] ?? 0) - at);
    expect(ahead.slice(0, 9)).toEqual(Array.from({ length: 9 }, () => 0));
    expect(ahead).toEqual(ahead.toSorted((a, b) => a - b));
    expect(new Set(interrupts.map(({ mark }) => mark?.number))).toEqual(new Set([7n]));
  });

  test('levels: calls of the task and of the kernel are system calls', () => {
    const { run } = runOf('levels', 'stretches');
    const calls = run.transfers.filter(({ kind }) => kind === 'syscall');
    const count = (number: bigint): number =>
      calls.filter(({ mark }) => mark?.number === number).length;
    expect([count(8n), count(9n), count(11n)]).toEqual([3, calls.length - 3, 0]);
    expect(count(9n)).toBeGreaterThanOrEqual(6);
  });
});

const qemu = needs('qemu-system-riscv64');
describe.skipIf(qemu.missing)(`samples on QEMU${qemu.note}`, () => {
  test.each(BARE_GUESTS)('%s prints what was recorded of it', async (name) => {
    const { status, stdout } = await runOnQemu(qemu.path, name, INPUT[name]);
    if (isRecordedVersion(qemu.path)) expect(stdout.replaceAll('\r', '')).toBe(recorded(name));
    expect(status).toBe(STATUS[name] ?? 0);
  });
});
