/** What a run tells, counts, waits for and repeats. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TRAP, Trap } from '../core/trap.ts';
import { CALLS } from './calls/table.ts';
import { Bench, DATA } from './calls.fixture.ts';
import { SeededRandom } from './random.ts';
import { MemoryIo } from './run.fixture.ts';

const CALL = {
  openat: 56,
  close: 57,
  read: 63,
  write: 64,
  exitGroup: 94,
  exit: 93,
  futex: 98,
  nanosleep: 101,
  setitimer: 103,
  clockGettime: 113,
  schedYield: 124,
  kill: 129,
  rtSigaction: 134,
  rtSigreturn: 139,
  readlinkat: 78,
  brk: 214,
  getpid: 172,
  gettid: 178,
  socket: 198,
  mmap: 222,
  clone: 220,
  getrandom: 278,
} as const;
const AT_FDCWD = -100n;
const THREAD = 0x1_0f00;
const SP = 2;

const errno = (result: bigint): number => Number(-result);

/** A handler at this address; its code is never run. */
function handle(bench: Bench, signal: number, flags = 0n): void {
  bench.put(DATA + 0x100n, DATA + 0x40n, flags, 0n);
  expect(bench.call(CALL.rtSigaction, signal, DATA + 0x100n, 0, 8)).toBe(0n);
}

describe('the table of calls', () => {
  test('numbers ascend, names are not repeated', () => {
    const numbers = CALLS.map(([number]) => number);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(new Set(CALLS.map(([, name]) => name)).size).toBe(CALLS.length);
    expect(CALLS.filter(([, , handler]) => handler !== null).length).toBeGreaterThan(130);
  });

  test('no argument makes a call crash', () => {
    const values = [0n, 1n, -1n, DATA, DATA + 0x7fffn, 1n << 40n, -(1n << 63n), 4096n, 0x1_0000n];
    for (const [number, name] of CALLS) {
      if (name.startsWith('exit') || name === 'rt_sigsuspend') continue;
      using bench = new Bench();
      for (let round = 0; round < values.length && bench.last.how === 'run'; round++) {
        const args = values.map((_, place) => values[(round + place * (round + 1)) % 9] ?? 0n);
        bench.call(number, ...args.slice(0, 6));
      }
    }
  });
});

const PATHS = ['file', 'folder', 'folder/file', '..', '.', '/', '/dev/zero', '/proc/self/fd/3'];
/** Where the paths stand in the guest's memory. */
const pathAt = (place: number): bigint => DATA + 0x8000n + 64n * BigInt(place);
const value = fc.oneof(
  fc.integer({ min: -2, max: 70 }).map(BigInt),
  fc.constantFrom(4096n, 8192n, 0x1_0000n, 1n << 20n, 1n << 32n, -1n, AT_FDCWD, 1n << 63n),
  fc.nat(0xffff).map((offset) => DATA + BigInt(offset & ~7)),
  fc.nat(PATHS.length - 1).map(pathAt),
  fc.integer({ min: -64, max: 64 }).map((page) => 0x300_0000n + 4096n * BigInt(page)),
  fc.nat(32).map((bit) => 1n << BigInt(bit)),
);
const randomCall = fc.record({
  call: fc.nat(CALLS.length - 1),
  args: fc.array(value, { minLength: 6, maxLength: 6 }),
  ticks: fc.nat(2_000_000),
});

describe('any calls in any order', () => {
  test('have an answer: no crash, no hang', () => {
    fc.assert(
      fc.property(fc.array(randomCall, { maxLength: 60 }), (calls) => {
        using bench = new Bench({ sliceInstructions: 10_000 });
        using other = new Bench({ writable: [bench.folder], folder: bench.folder });
        for (const [place, text] of PATHS.entries()) other.text(text, pathAt(place));
        for (const { call, args, ticks } of calls) {
          if (other.last.how !== 'run') break;
          const [number, name] = CALLS[call] ?? [0, ''];
          // In a folder that may be written to, it fills the host's disk.
          if (name !== 'sendfile') other.call(number, ...args);
          if (other.last.how === 'run' && other.process.deadline() < other.instructions + ticks) {
            other.tick();
          }
        }
        expect(other.last.how).toMatch(/^(?:run|exit|signal)$/);
      }),
      { numRuns: Number(process.env['BACKTRAIL_RUNS'] ?? 60) },
    );
  });
});

describe('what does not exist', () => {
  test('is ENOSYS, told once and counted', () => {
    using bench = new Bench();
    for (let round = 0; round < 3; round++) {
      expect(errno(bench.call(CALL.socket, 1, 1, 0))).toBe(38);
      expect(errno(bench.call(1234))).toBe(38);
    }
    expect(bench.witness.marks.filter(({ kind }) => kind === 'syscall')).toEqual([
      { kind: 'syscall', pc: DATA, number: 198n, code: -38n, detail: 'socket' },
      { kind: 'syscall', pc: DATA + 4n, number: 1234n, code: -38n, detail: 'system call 1234' },
    ]);
    expect(Object.fromEntries(bench.process.unknownCalls)).toEqual({
      socket: 3,
      'system call 1234': 3,
    });
  });

  test('a fork is counted, too', () => {
    using bench = new Bench();
    expect(errno(bench.call(CALL.clone, 17, 0, 0, 0, 0))).toBe(38);
    expect([...bench.process.unknownCalls]).toEqual([['clone', 1]]);
  });
});

describe('signals', () => {
  test('a delivery and its return are told as transfers', () => {
    using bench = new Bench();
    handle(bench, 10);
    const { lines } = bench.witness;
    lines.length = 0;
    const pc = bench.hart.pc;
    bench.call(CALL.kill, bench.call(CALL.getpid), 10);
    const source = pc + 8n;
    const handler = DATA + 0x40n;
    expect(bench.hart.pc).toBe(handler);
    expect(bench.witness.marks.at(-1)).toEqual({
      kind: 'signal',
      pc: source,
      number: 10n,
      code: 0n,
    });
    bench.hart.pc = 0x3ff_f004n;
    bench.call(CALL.rtSigreturn);
    expect(bench.hart.pc).toBe(source);
    expect(lines).toEqual([
      `signal - 0x${source.toString(16)} 0x${handler.toString(16)}`,
      `signal signal-return 0x3fff004 0x${source.toString(16)}`,
    ]);
  });

  test('faults: what qemu-riscv64 cannot be asked', () => {
    using bench = new Bench();
    const wild = 0xdead_beef_0000_0000n;
    handle(bench, 11, 0x4000_0000n);
    const told = (trap: Trap): unknown[] => {
      bench.process.handle(trap);
      const { number, code, address } = bench.witness.marks.at(-1) ?? {};
      return [number, code, address];
    };
    expect(told(new Trap(TRAP.loadAccess, wild))).toEqual([11n, 1n, wild]);
    expect(told(new Trap(TRAP.storeAccess, 0x3ff_f000n))).toEqual([11n, 2n, 0x3ff_f000n]);
    expect(told(new Trap(TRAP.instructionAccess, 0x5000n))).toEqual([11n, 1n, 0x5000n]);
    const end = bench.process.handle(new Trap(TRAP.illegal, 0n));
    expect(end).toEqual({ how: 'signal', number: 4 });
  });

  test('one from outside ends a sleep, a second one the process', () => {
    using bench = new Bench();
    handle(bench, 2);
    bench.process.deliver(2);
    bench.tick(0);
    expect(bench.hart.pc).toBe(DATA + 0x40n);
    bench.process.deliver(15);
    bench.tick(0);
    expect(bench.last).toEqual({ how: 'signal', number: 15 });
  });

  test('pages past the end of a mapped file are bus errors', () => {
    using bench = new Bench();
    writeFileSync(path.join(bench.folder, 'file'), 'short');
    const descriptor = bench.call(CALL.openat, AT_FDCWD, bench.text('file'), 0, 0);
    const at = bench.call(CALL.mmap, 0, 8192, 3, 2, descriptor, 0);
    expect(bench.bytes(at, 6).toString('latin1')).toBe('short\0');
    handle(bench, 7);
    bench.process.handle(new Trap(TRAP.loadAccess, at + 5000n));
    expect(bench.witness.marks.at(-1)).toMatchObject({ number: 7n, code: 2n, address: at + 5000n });
  });
});

describe('time', () => {
  test('an instruction is a nanosecond, a sleep takes none', () => {
    using bench = new Bench();
    const now = (clock: number): bigint => {
      bench.call(CALL.clockGettime, clock, DATA);
      return bench.word(DATA) * 1_000_000_000n + bench.word(DATA + 8n);
    };
    const before = now(1);
    bench.instructions += 1_000_000;
    expect(now(1) - before).toBe(1_000_001n);
    bench.put(DATA, 7n, 5n);
    expect(bench.call(CALL.nanosleep, DATA, 0)).toBe(0n);
    expect(now(1) - before).toBe(7_000_000_005n + 1_000_003n);
    expect(bench.io.waits).toEqual([]);
    const day = now(0);
    expect(day / 1_000_000_000n).toBe(1_700_000_007n);
  });

  test('a timer is due at an exact instruction', () => {
    using bench = new Bench();
    handle(bench, 14);
    expect(bench.process.deadline()).toBe(Number.POSITIVE_INFINITY);
    bench.put(DATA, 0n, 0n, 0n, 250n);
    bench.call(CALL.setitimer, 0, DATA, 0);
    expect(bench.process.deadline()).toBe(bench.instructions + 250_000);
    bench.tick();
    expect(bench.hart.pc).toBe(DATA + 0x40n);
    expect(bench.process.deadline()).toBe(Number.POSITIVE_INFINITY);
  });

  test('a guest with nothing but an ignored timer does not keep the host busy', () => {
    using bench = new Bench();
    bench.put(DATA + 0x100n, 1n, 0n, 0n);
    bench.call(CALL.rtSigaction, 14, DATA + 0x100n, 0, 8);
    bench.put(DATA, 0n, 1n, 0n, 1n);
    bench.call(CALL.setitimer, 0, DATA, 0);
    bench.call(CALL.futex, DATA + 0x800n, 0, 0, 0, 0, 0);
    expect(bench.io.waits.length).toBeGreaterThan(1000);
    expect(bench.last).toEqual({ how: 'signal', number: 9 });
  });

  test('the same seed, the same randomness and day; another one, others', () => {
    const facts = (seed: number): string => {
      using bench = new Bench({ seed });
      bench.call(CALL.getrandom, DATA, 32, 0);
      bench.call(CALL.clockGettime, 0, DATA + 32n);
      return bench.bytes(DATA, 48).toString('hex');
    };
    expect(facts(1)).toBe(facts(1));
    expect(facts(1)).not.toBe(facts(2));
  });

  test('randomness in pieces is the same as in one', () => {
    const [whole, parts] = [new Uint8Array(100), new Uint8Array(100)];
    new SeededRandom(5n).fill(whole);
    const random = new SeededRandom(5n);
    for (const [from, to] of [
      [0, 3],
      [3, 4],
      [4, 30],
      [30, 54],
      [54, 54],
      [54, 100],
    ] as const) {
      random.fill(parts.subarray(from, to));
    }
    expect(parts).toEqual(whole);
  });

  test('the randomness is SplitMix64', () => {
    using bench = new Bench({ seed: 1234567 });
    // AT_RANDOM took the first two words. Values: https://rosettacode.org, "SplitMix64".
    const random = bench.word(atRandom(bench));
    expect(random).toBe(6457827717110365317n);
    bench.call(CALL.getrandom, DATA, 8, 0);
    expect(bench.word(DATA)).toBe(9817491932198370423n);
  });
});
function atRandom(bench: Bench): bigint {
  let at = bench.hart.xUnsigned[SP] ?? 0n;
  while (bench.word(at) !== 25n) at += 8n;
  return bench.word(at + 8n);
}
describe('threads', () => {
  test('take turns of fixed length; told which one runs', () => {
    using bench = new Bench({ sliceInstructions: 1000 });
    const { process, witness } = bench;
    const child = bench.call(CALL.clone, THREAD, DATA + 0x4000n, 0, 0, 0);
    expect(child).toBe(1001n);
    const begin = process.deadline();
    bench.tick();
    expect(process.running).toBe(1001);
    expect(bench.hart.xUnsigned[SP]).toBe(DATA + 0x4000n);
    expect(process.deadline()).toBe(begin + 1000);
    bench.tick();
    expect(process.running).toBe(1000);
    bench.call(CALL.schedYield);
    expect(bench.call(CALL.gettid)).toBe(1001n);
    bench.call(CALL.exit, 0);
    expect(process.running).toBe(1000);
    expect(process.deadline()).toBe(Number.POSITIVE_INFINITY);
    expect(witness.lines).toEqual([
      'started 1000',
      'switched 1000',
      'started 1001',
      'switched 1001',
      'switched 1000',
      'switched 1001',
      'ended 1001',
      'switched 1000',
    ]);
  });
  test('a deadlock is told, where nothing outside could end it', () => {
    using bench = new Bench();
    bench.call(CALL.clone, THREAD, DATA + 0x4000n, 0, 0, 0);
    bench.call(CALL.futex, DATA, 0, 0, 0, 0, 0);
    expect(bench.last).toEqual({ how: 'run' });
    bench.call(CALL.futex, DATA, 0, 0, 0, 0, 0);
    expect(bench.last).toEqual({ how: 'signal', number: 9 });
    expect(bench.process.ending).toMatch(/^the guest was stuck: each of its 2 threads waited/);
  });
  test('a deadlock waits for a signal from outside', () => {
    const io = new MemoryIo();
    using bench = new Bench({}, io);
    handle(bench, 2, 0x1000_0000n);
    const ecall = bench.hart.pc;
    io.signals.push(2);
    bench.call(CALL.futex, DATA + 0x800n, 0, 0, 0, 0, 0);
    expect(bench.hart.pc).toBe(DATA + 0x40n);
    // The call begins again: it did not retire.
    expect(bench.witness.lines.slice(-2)).toEqual([
      'restarted',
      `signal - 0x${ecall.toString(16)} 0x${(DATA + 0x40n).toString(16)}`,
    ]);
  });
});
describe('files', () => {
  test('read-only without being told otherwise', () => {
    using bench = new Bench();
    writeFileSync(path.join(bench.folder, 'file'), 'content');
    const open = (name: string, flags: number) =>
      bench.call(CALL.openat, AT_FDCWD, bench.text(name), flags, 0o644);
    expect(open('file', 0)).toBe(3n);
    expect(bench.call(CALL.read, 3, DATA, 100)).toBe(7n);
    expect(errno(open('file', 1))).toBe(30);
    expect(errno(open('new', 0o101))).toBe(30);
    expect(errno(open('/etc/passwd', 0))).toBe(2);
    symlinkSync('/etc/passwd', path.join(bench.folder, 'link'));
    expect(errno(open('link', 0))).toBe(2);
    expect(readFileSync(path.join(bench.folder, 'file'), 'latin1')).toBe('content');
  });
  test('under a root, its paths are the guest’s', () => {
    using bench = new Bench();
    const root = path.join(bench.folder, 'root');
    mkdirSync(path.join(root, 'etc'), { recursive: true });
    writeFileSync(path.join(root, 'etc/passwd'), 'nobody');
    using other = new Bench({ root, writable: [path.join(root, 'etc')] });
    const open = (name: string, flags: number) =>
      other.call(CALL.openat, AT_FDCWD, other.text(name), flags, 0o644);
    expect(open('/../../etc/./passwd', 0)).toBe(3n);
    expect(other.call(CALL.read, 3, DATA, 100)).toBe(6n);
    expect(open('/etc/new', 0o101)).toBe(4n);
    expect(other.call(CALL.write, 4, DATA, 6)).toBe(6n);
    expect(readFileSync(path.join(root, 'etc/new'), 'latin1')).toBe('nobody');
    expect(errno(open('/other', 0o101))).toBe(30);
  });
  test('what is made up: maps, command line, descriptors', () => {
    using bench = new Bench({ args: ['one', 'two'] });
    const content = (name: string): string => {
      const descriptor = bench.call(CALL.openat, AT_FDCWD, bench.text(name), 0, 0);
      const count = bench.call(CALL.read, descriptor, DATA, 4000);
      bench.call(CALL.close, descriptor);
      return bench.bytes(DATA, Number(count)).toString('latin1');
    };
    bench.call(CALL.brk, DATA + 0x1_1000n);
    const program = path.join(bench.folder, 'program');
    const maps = content('/proc/self/maps').split('\n');
    expect(maps.map((line) => line.replace(/ +/g, ' '))).toEqual([
      `00020000-00030000 rwxp 00001000 00:00 0 ${program}`,
      '00030000-00031000 rw-p 00000000 00:00 0 [heap]',
      '037fe000-037ff000 ---p 00000000 00:00 0 ',
      '037ff000-03fff000 rwxp 00000000 00:00 0 [stack]',
      '03fff000-04000000 r-xp 00000000 00:00 0 ',
      '',
    ]);
    expect(content('/proc/1000/cmdline')).toBe('program\0one\0two\0');
    bench.call(CALL.readlinkat, AT_FDCWD, bench.text('/proc/self/fd/1'), DATA, 100);
    expect(bench.bytes(DATA, 11).toString('latin1')).toBe('/dev/stdout');
  });
  test('the program itself can be read wherever it is', () => {
    using bench = new Bench();
    mkdirSync(path.join(bench.folder, 'empty'));
    using other = new Bench({ root: path.join(bench.folder, 'empty') });
    expect(other.call(CALL.openat, AT_FDCWD, other.text('/proc/self/exe'), 0, 0)).toBe(3n);
    expect(other.call(CALL.read, 3, DATA, 4)).toBe(4n);
    expect(other.bytes(DATA, 4).toString('latin1')).toBe('\x7fELF');
  });
});
