/** Timer, PLIC and serial port against obvious models, from a printed seed. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Trap } from '../core/trap.ts';
import { HostConsole, MemoryConsole, type SerialIo } from './console.ts';
import { Plic } from './plic.ts';
import { CSR, listen, op, runOf } from './program.fixture.ts';
import { Timer } from './timer.ts';
import { Uart } from './uart.ts';

const SEED = 20_260_803;

describe('timer', () => {
  const [MTIMECMP, MTIME] = [0x4000, 0xbff8];
  const word = fc.oneof(
    fc.bigInt({ min: 0n, max: 5000n }),
    fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  );
  const places = fc.constantFrom<readonly [number, number]>(
    [MTIMECMP, 8],
    [MTIMECMP, 4],
    [MTIMECMP + 4, 4],
    [MTIME, 8],
    [MTIME, 4],
    [MTIME + 4, 4],
  );
  const actions = fc.array(
    fc.oneof(
      fc.record({ what: fc.constant('run' as const), count: fc.nat(2000) }),
      fc.record({ what: fc.constant('skip' as const), count: fc.nat(2000) }),
      fc.record({ what: fc.constant('write' as const), place: places, value: word }),
    ),
    { maxLength: 30 },
  );

  test('is what its registers say', () => {
    const property = fc.property(actions, (all) => {
      let instructions = 0;
      const timer = new Timer({ instructions: () => instructions });
      // mtime as the sum of an offset and of all that passed, in nanoseconds.
      const model = { passed: 0n, offset: 0n, compare: 0n };
      const mtime = (): bigint => BigInt.asUintN(64, model.passed / 100n + model.offset);
      for (const action of all) {
        if (action.what === 'run') instructions += action.count;
        if (action.what === 'skip') timer.skip(action.count);
        if (action.what !== 'write') {
          model.passed += BigInt(action.count);
        } else {
          const [offset, bytes] = action.place;
          const value = BigInt.asUintN(bytes * 8, action.value);
          timer.write(offset, bytes, value, 0n);
          const isCompare = offset < MTIME;
          const before = isCompare ? model.compare : mtime();
          const digits = before.toString(16).padStart(16, '0');
          const half = value.toString(16).padStart(2 * bytes, '0');
          const merged =
            bytes === 8
              ? half
              : offset % 8 === 0
                ? digits.slice(0, 8) + half
                : half + digits.slice(8);
          if (isCompare) model.compare = BigInt(`0x${merged}`);
          else model.offset += BigInt(`0x${merged}`) - before;
        }
        expect(timer.read(MTIME, 8, 0n)).toBe(mtime());
        expect(timer.read(MTIMECMP, 8, 0n)).toBe(model.compare);
        expect(timer.read(MTIMECMP + 4, 4, 0n)).toBe(model.compare >> 32n);
        expect(timer.mtime).toBe(mtime());
        // 2^64 is not waited for: from there on a time would begin anew.
        expect(timer.isDue).toBe(mtime() >= model.compare);
        if (timer.isDue || timer.dueInstructions === Infinity) continue;
        const now = instructions;
        instructions = timer.dueInstructions;
        expect(timer.mtime).toBe(model.compare);
        expect(timer.isDue).toBe(true);
        instructions--;
        expect(timer.mtime).toBe(model.compare - 1n);
        expect(timer.isDue).toBe(false);
        instructions = now;
        expect(timer.left).toBe(timer.dueInstructions - now);
      }
    });
    fc.assert(property, { seed: SEED, numRuns: 300 });
  });
});

describe('PLIC', () => {
  interface Source {
    isUp: boolean;
    isWaiting: boolean;
    isServed: boolean;
    priority: number;
    readonly enabled: [boolean, boolean];
  }
  const source = fc.constantFrom(1, 10, 33, 127);
  const context = fc.constantFrom(0, 1);
  const actions = fc.array(
    fc.oneof(
      fc.record({ what: fc.constant('line' as const), source, isUp: fc.boolean() }),
      fc.record({ what: fc.constant('priority' as const), source, value: fc.nat(7) }),
      fc.record({ what: fc.constant('enable' as const), source, context, isOn: fc.boolean() }),
      fc.record({ what: fc.constant('threshold' as const), context, value: fc.nat(7) }),
      fc.record({ what: fc.constant('claim' as const), context }),
      fc.record({ what: fc.constant('complete' as const), source, context }),
    ),
    { maxLength: 80 },
  );

  test('gives each context the interrupt that it should take', () => {
    const property = fc.property(actions, (all) => {
      const plic = new Plic();
      const sources = Array.from({ length: 128 }, (): Source => {
        const enabled: [boolean, boolean] = [false, false];
        return { isUp: false, isWaiting: false, isServed: false, priority: 0, enabled };
      });
      const at = (number: number): Source => sources[number] ?? expect.unreachable();
      // Else few would ever be claimed.
      for (const number of [1, 10, 33, 127]) {
        Object.assign(at(number), { priority: 1, enabled: [true, true] });
        plic.write(4 * number, 4, 1n, 0n);
        for (const offset of [0x2000, 0x2004, 0x200c, 0x2080, 0x2084, 0x208c]) {
          const words = [0x402n, 2n, 0n, 0x8000_0000n];
          plic.write(offset, 4, words[(offset & 0x7f) / 4] ?? 0n, 0n);
        }
      }
      const thresholds = [0, 0];
      const candidates = (where: number): number[] =>
        [...sources.keys()]
          .filter((i) => at(i).isWaiting && at(i).enabled[where] === true && at(i).priority > 0)
          .sort((a, b) => at(b).priority - at(a).priority || a - b);
      for (const action of all) {
        if (action.what === 'line') {
          at(action.source).isUp = action.isUp;
          plic.setLevel(action.source, action.isUp);
        } else if (action.what === 'priority') {
          at(action.source).priority = action.value;
          plic.write(4 * action.source, 4, BigInt(action.value), 0n);
        } else if (action.what === 'enable') {
          at(action.source).enabled[action.context] = action.isOn;
          const first = 32 * Math.floor(action.source / 32);
          const bits = Array.from({ length: 32 }, (_, bit) =>
            at(first + bit).enabled[action.context] === true ? 2 ** bit : 0,
          );
          const offset = 0x2000 + 0x80 * action.context + first / 8;
          plic.write(offset, 4, BigInt(bits.reduce((a, b) => a + b, 0)), 0n);
        } else if (action.what === 'threshold') {
          thresholds[action.context] = action.value;
          plic.write(0x20_0000 + 0x1000 * action.context, 4, BigInt(action.value), 0n);
        } else if (action.what === 'claim') {
          const [first = 0] = candidates(action.context);
          const claimed = plic.read(0x20_0004 + 0x1000 * action.context, 4, 0n);
          expect(claimed).toBe(BigInt(first));
          if (first > 0) Object.assign(at(first), { isWaiting: false, isServed: true });
        } else {
          if (at(action.source).enabled[action.context]) at(action.source).isServed = false;
          plic.write(0x20_0004 + 0x1000 * action.context, 4, BigInt(action.source), 0n);
        }
        for (const one of sources) if (one.isUp && !one.isServed) one.isWaiting = true;
        for (const where of [0, 1]) {
          const isWanted = candidates(where).some((i) => at(i).priority > (thresholds[where] ?? 0));
          expect(plic.isPending(where)).toBe(isWanted);
        }
        for (let first = 0; first < 128; first += 32) {
          const bits = Array.from({ length: 32 }, (_, bit) =>
            at(first + bit).isWaiting ? 2 ** bit : 0,
          );
          const expected = bits.reduce((a, b) => a + b, 0);
          expect(plic.read(0x1000 + first / 8, 4, 0n)).toBe(BigInt(expected));
        }
      }
    });
    fc.assert(property, { seed: SEED, numRuns: 200 });
  });
});

describe('serial port', () => {
  function newUart(input: string): { uart: Uart; console: MemoryConsole; isUp: () => boolean } {
    const console = new MemoryConsole(input);
    let isUp = false;
    const uart = new Uart(
      console,
      (level) => {
        isUp = level;
      },
      () => {},
    );
    return { uart, console, isUp: () => isUp };
  }

  test('without FIFOs holds one byte, with them 16', () => {
    const { uart } = newUart('abcdefghijklmnopqrstuvwxyz');
    uart.receive();
    uart.receive();
    expect(uart.read(0)).toBe(0x61);
    expect(uart.read(5)).toBe(0x60);
    uart.write(2, 1);
    uart.receive();
    const got: number[] = [];
    while ((uart.read(5) & 1) !== 0) got.push(uart.read(0));
    expect(String.fromCharCode(...got)).toBe('bcdefghijklmnopq');
  });

  test('input that a guest throws away as it sets the port up is not lost', () => {
    const { uart } = newUart('xyz');
    uart.receive();
    uart.write(2, 7);
    expect(uart.read(5)).toBe(0x60);
    uart.receive();
    uart.write(2, 3);
    uart.receive();
    expect([uart.read(0), uart.read(0), uart.read(0)]).toEqual([0x78, 0x79, 0x7a]);
    expect(uart.isInputOver).toBe(true);
  });

  test.each([
    [0x01, 0xc4],
    [0x41, 0xcc],
    [0x81, 0xcc],
    [0xc1, 0xcc],
  ])('FCR 0x%x: two bytes are told by IIR 0x%x', (fcr, iir) => {
    const { uart, isUp } = newUart('ab');
    uart.write(2, fcr);
    uart.write(1, 1);
    expect(isUp()).toBe(false);
    uart.receive();
    expect([uart.read(2), isUp()]).toEqual([iir, true]);
    uart.read(0);
    uart.read(0);
    expect([uart.read(2), isUp()]).toEqual([0xc1, false]);
  });

  test('loopback does not reach the console, nor the console it', () => {
    const { uart, console } = newUart('in');
    uart.write(4, 0x10);
    uart.write(0, 0x41);
    uart.receive();
    expect(uart.read(0)).toBe(0x41);
    expect(uart.read(5)).toBe(0x60);
    expect(console.text).toBe('');
  });
});

describe('input on the board', () => {
  const UART = 0x1000_0000n;

  test('a FIFO that was just cleared is empty for a while', () => {
    const run = runOf([], { input: 'x' });
    const isReady = (): boolean => (run.board.readDevice(UART + 5n, 1) & 1n) !== 0n;
    expect(isReady()).toBe(true);
    run.instructions = 5000;
    run.board.writeDevice(UART + 2n, 1, 7n);
    run.instructions = 5999;
    expect(isReady()).toBe(false);
    run.instructions = 6000;
    expect(isReady()).toBe(true);
  });

  test('interrupts a guest that does not look', () => {
    const run = runOf([op('jal', { imm: 0 })], { input: 'x' });
    listen(run);
    run.board.writeCsr(CSR.mstatus, 1n << 3n);
    run.board.writeCsr(CSR.mtvec, 0x8000_0000n);
    run.instructions = 98_990;
    expect(() => run.run('stretches', 99_500)).toThrow('does not end');
    // Every 100,000 instructions, as if it had been asked 1000 before the start.
    expect(run.transfers).toMatchObject([{ at: 99_000, mark: { kind: 'interrupt', number: 11n } }]);
  });
});

describe('devices', () => {
  const accesses = fc.record({
    address: fc.oneof(
      fc.integer({ min: 0x10_0000 - 8, max: 0x10_1008 }),
      fc.integer({ min: 0x200_0000 - 8, max: 0x201_0008 }),
      fc.integer({ min: 0xc00_0000 - 8, max: 0xc20_4008 }),
      fc.integer({ min: 0x1000_0000 - 8, max: 0x1000_0010 }),
    ),
    bytes: fc.constantFrom(1, 2, 4, 8),
    value: fc.option(fc.bigInt({ min: 0n, max: 0xffn })),
  });

  test('any access is answered or refused with its address', () => {
    const run = runOf([]);
    const property = fc.property(accesses, ({ address, bytes, value }) => {
      const at = BigInt(address);
      try {
        if (value === null) run.hart.memory.load(at, bytes);
        else run.hart.memory.store(at, bytes, value);
      } catch (error) {
        if (!(error instanceof Trap)) throw error;
        expect(error.code).toBe(value === null ? 5 : 7);
        expect(error.value >= at && error.value < at + BigInt(bytes)).toBe(true);
      }
    });
    fc.assert(property, { seed: SEED, numRuns: 3000 });
  });
});

describe('the standard streams as a console', () => {
  class Io implements SerialIo {
    readonly written: string[] = [];
    readonly input: (string | null)[];
    isTerminal = false;
    isOpen = true;

    constructor(...input: (string | null)[]) {
      this.input = input;
    }

    facts(): { isTerminal: boolean } {
      return { isTerminal: this.isTerminal };
    }

    read(into: Uint8Array): number | null {
      const next = this.input.shift();
      if (next === null) return null;
      return new TextEncoder().encodeInto(next ?? '', into).written;
    }

    write(_number: 1, bytes: Uint8Array): boolean {
      this.written.push(new TextDecoder().decode(bytes));
      return this.isOpen;
    }

    wait(msMax: number | null): 'input' | 'signal' {
      this.written.push(`wait ${msMax}`);
      return this.input.length > 0 ? 'input' : 'signal';
    }

    takeSignals(): number[] {
      return [15, 2];
    }
  }

  const send = (console: HostConsole, text: string): boolean =>
    [...new TextEncoder().encode(text)].every((byte) => console.write(byte));

  test('output goes out by lines, when input is asked for, and at the end', () => {
    const io = new Io(null, 'yes');
    const console = new HostConsole(io);
    send(console, 'one\ntwo? ');
    expect(io.written).toEqual(['one\n']);
    expect(console.read()).toBeNull();
    expect(console.wait(2e6)).toBe(true);
    expect(console.wait(Infinity)).toBe(true);
    expect(console.read()).toBe(0x79);
    send(console, 'x'.repeat(1030));
    console.flush();
    const wanted = ['one\n', 'two? ', 'wait 2', 'wait null', 'x'.repeat(1024), 'xxxxxx'];
    expect(io.written).toEqual(wanted);
  });

  test('a terminal sees each byte', () => {
    const io = new Io();
    io.isTerminal = true;
    send(new HostConsole(io), 'ab');
    expect(io.written).toEqual(['a', 'b']);
  });

  test('input ends, a closed stream is told, signals pass', () => {
    const io = new Io('q');
    const console = new HostConsole(io);
    expect([console.isEnded, console.read(), console.isEnded]).toEqual([false, 0x71, false]);
    expect([console.read(), console.isEnded, console.read()]).toEqual([null, true, null]);
    expect(console.wait(Infinity)).toBe(false);
    expect(console.takeSignal()).toBe(15);
    io.isOpen = false;
    expect(send(console, 'text')).toBe(true);
    expect(send(console, '\n')).toBe(false);
  });
});
