/** Calls that no oracle here has: qemu-riscv64 7.2 answers ENOSYS to them. */
import { expect, test } from 'vitest';
import { Bench, DATA } from './calls.fixture.ts';
import { PID } from './kernel.ts';

const CALL = { processVmReadv: 270, processVmWritev: 271, mlock2: 284 } as const;
const [ESRCH, ENOMEM, EFAULT, EINVAL] = [-3n, -12n, -14n, -22n];

test('memory is copied within the process, up to the first place that cannot be', () => {
  using bench = new Bench();
  const [own, others] = [DATA + 0x100n, DATA + 0x200n];
  const [from, to] = [DATA + 0x1000n, DATA + 0x2000n];
  bench.text('abcdefgh', from);
  // struct iovec: address, length. Five and three bytes into one place of six, then another.
  bench.put(own, to, 6n, to + 0x100n, 50n);
  bench.put(others, from, 5n, from + 5n, 3n, 8n, 4n);
  const copy = (call: number, count: number): bigint => {
    return bench.call(call, PID, own, 2, others, count, 0);
  };
  expect(copy(CALL.processVmReadv, 2)).toBe(8n);
  expect(bench.bytes(to, 6).toString('latin1')).toBe('abcdef');
  expect(bench.bytes(to + 0x100n, 2).toString('latin1')).toBe('gh');
  expect(copy(CALL.processVmReadv, 3)).toBe(8n);
  expect(bench.call(CALL.processVmReadv, PID, own, 2, others + 32n, 1, 0)).toBe(EFAULT);
  bench.text('ABCDEF', to);
  expect(copy(CALL.processVmWritev, 2)).toBe(8n);
  expect(bench.bytes(from, 8).toString('latin1')).toBe('ABCDEFgh');
  expect(bench.call(CALL.processVmReadv, 1, own, 2, others, 2, 0)).toBe(ESRCH);
  expect(bench.call(CALL.processVmReadv, PID, own, 2, others, 2, 1)).toBe(EINVAL);
});

test('mlock2 is mlock with flags', () => {
  using bench = new Bench();
  expect(bench.call(CALL.mlock2, DATA, 4096, 1)).toBe(0n);
  expect(bench.call(CALL.mlock2, 4096, 4096, 0)).toBe(ENOMEM);
});
