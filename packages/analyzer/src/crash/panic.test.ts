/** Whether a kernel gave up. */
import { expect, test } from 'vitest';
import { crashReport } from '../crash.ts';
import { type FixtureSpec, makeTrace } from '../trace.fixture.ts';

const NOP = '13000000';

test('a kernel that gave up: where it said so, on the vCPU that did', async () => {
  const spec: FixtureSpec = {
    blocks: [
      { pc: 0x1000n, code: `${NOP}${NOP}` },
      { pc: 0x2000n, code: NOP, bornVcpu: 1, bornSeq: 2 },
    ],
    edges: [
      { source: null, target: 0x1000n },
      { source: 0x1004n, target: 0x2000n, kind: 'call' },
      { source: 0x1004n, target: 0x1000n, kind: 'jump' },
    ],
    vcpus: [
      [0, 2, 2, 2],
      [0, 1],
    ],
    modules: [{ path: '/boot/vmlinux', base: 0x1000n, size: 0x2000n }],
    symbols: [
      { module: 0, address: 0n, size: 8n, name: 'sysrq_handle_crash' },
      { module: 0, address: 0x1000n, size: 4n, name: 'panic' },
    ],
    marks: [{ kind: 'end', seq: 4, timeNs: 900n, pc: 0x1000n }],
  };
  const trace = makeTrace({ ...spec, manifest: { end: { how: 'exit', status: 0 } } });
  const { engine } = trace.manifest;
  const machine = { ...trace.manifest, engine: { ...engine, mode: 'system' as const } };
  const found = await crashReport({ ...trace, manifest: machine });
  expect(found).toMatchObject({ vcpu: 1, end: { isFailure: true } });
  expect(found.panics).toMatchObject([
    { name: 'panic', vcpu: 1, seq: 1, caller: { symbol: 'sysrq_handle_crash+0x4' } },
  ]);
  // A program's own function of that name says nothing.
  const program = await crashReport(trace);
  expect(program).toMatchObject({ vcpu: 0, panics: [], end: { isFailure: false } });
});
