/** The small traces that the SQL cases ask about; a case names one in its first line. */
import type { FixtureSpec } from '../../packages/analyzer/src/trace.fixture.ts';

/**
 * main (0x10000) loops three times over work (0x10100), which calls util::log (0x10200) through a
 * register. A timer signal interrupts work once; its handler (0x10300) returns to it.
 */
const program: FixtureSpec = {
  blocks: [
    { pc: 0x10000n, code: '1300000013000000' },
    { pc: 0x10008n, code: '13000000' },
    { pc: 0x1000cn, code: '13000000' },
    { pc: 0x10100n, code: '130000001300000013000000' },
    { pc: 0x1010cn, code: '1300000013000000' },
    { pc: 0x10200n, code: '1300000013000000' },
    { pc: 0x10300n, code: '1300000013000000' },
    { pc: 0x10104n, code: '1300000013000000', bornSeq: 9 },
  ],
  edges: [
    { source: null, target: 0x10000n },
    { source: 0x10004n, target: 0x10100n, kind: 'call' },
    { source: 0x10108n, target: 0x10200n, kind: 'indirect-call' },
    { source: 0x10204n, target: 0x1010cn, kind: 'return' },
    { source: 0x10110n, target: 0x10008n, kind: 'return' },
    { source: 0x10008n, target: 0x10000n, kind: 'branch' },
    { source: 0x10104n, target: 0x10300n, cause: 'signal', sourceBlock: 3 },
    { source: 0x10304n, target: 0x10104n, cause: 'signal', kind: 'signal-return' },
  ],
  vcpus: [[0, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 6, 7, 2, 3, 4]],
  marks: [
    { kind: 'syscall', seq: 3, timeNs: 700n, pc: 0x10200n, number: 64n, code: 12n },
    { kind: 'signal', seq: 12, timeNs: 3100n, pc: 0x10104n, number: 14n, detail: 'SIGALRM' },
    { kind: 'end', seq: 17, timeNs: 4500n, pc: 0x1000cn },
  ],
  modules: [{ path: '/opt/demo/program', base: 0x10000n, size: 0x300n }],
  symbols: [
    { module: 0, address: 0x0n, size: 0x10n, name: 'main' },
    { module: 0, address: 0x100n, size: 0x14n, name: 'work' },
    { module: 0, address: 0x200n, size: 0x8n, name: '_ZN4util3logEi' },
  ],
  sources: ['/src/demo.c', '/src/util.h'],
  lines: [
    { address: 0x0n, size: 8n, source: 0, line: 10, column: 3 },
    { address: 0x8n, size: 8n, source: 0, line: 11, column: 1, isStatement: 0 },
    { address: 0x100n, size: 4n, source: 0, line: 20 },
    { address: 0x104n, size: 8n, source: 1, line: 5, column: 9 },
    { address: 0x10cn, size: 8n, source: 0, line: 0 },
    { address: 0x200n, size: 4n, source: null, line: 0 },
  ],
  inlines: [
    { address: 0x104n, size: 8n, depth: 1, name: '_ZN4util4stepEi', callSource: 0, callLine: 21 },
    {
      address: 0x108n,
      size: 4n,
      depth: 2,
      name: 'leaf',
      callSource: 1,
      callLine: 4,
      callColumn: 2,
    },
  ],
};

/**
 * A kernel (level 1) that enters two processes (level 0) at the same addresses, and is entered by a
 * call and by an interrupt.
 */
const machine: FixtureSpec = {
  blocks: [
    { pc: 0xc000n, code: '13000000', privilege: 1 },
    { pc: 0x1000n, code: '13000000', privilege: 0 },
    { pc: 0xd000n, code: '13000000', privilege: 1 },
  ],
  edges: [
    { source: null, target: 0xc000n },
    { source: 0xc000n, target: 0x1000n, kind: 'trap-return' },
    { source: 0x1000n, target: 0xd000n, cause: 'exception', kind: 'syscall' },
    { source: 0xd000n, target: 0xc000n, kind: 'jump' },
    { source: 0x1000n, target: 0xd000n, cause: 'interrupt' },
  ],
  vcpus: [[0, 1, 2, 3, 1, 4, 3, 1, 2]],
  marks: [
    { kind: 'address-space', seq: 1, pc: 0xc000n, address: 0x8001n },
    { kind: 'address-space', seq: 4, pc: 0xc000n, address: 0x8002n },
    { kind: 'address-space', seq: 7, pc: 0xc000n, address: 0x8001n },
  ],
};

/** Two vCPUs that run the same two functions; nothing has a name. */
const nameless: FixtureSpec = {
  blocks: [
    { pc: 0x4000n, code: '13000000' },
    { pc: 0x5000n, code: '13000000', hostPc: null },
  ],
  edges: [
    { source: null, target: 0x4000n },
    { source: 0x4000n, target: 0x5000n, kind: 'jump' },
    { source: 0x5000n, target: 0x4000n, kind: 'indirect-jump' },
    { source: 0x4000n, target: 0x5000n, cause: 'exception' },
  ],
  vcpus: [
    [0, 1, 2, 1, 2, 1],
    [0, 3, 2, 3],
  ],
};

export const TRACES: Readonly<Record<string, FixtureSpec>> = { machine, program, nameless };
