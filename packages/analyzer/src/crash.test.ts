import { BacktrailError, NO_ROW } from '@backtrail/recorder/trace';
import { expect, test } from 'vitest';
import type { CrashFlame, CrashReport, CrashRow } from './crash/report.ts';
import { crashReport } from './crash.ts';
import { randomFrom, randomRun } from './path/random-run.fixture.ts';
import { ExecutedPath } from './path.ts';
import { randomHistory } from './stack/history.fixture.ts';
import { type FixtureSpec, type FixtureTrace, makeTrace } from './trace.fixture.ts';

const NOP = '13000000';
const JALR_A5 = '82970100'; // c.jalr a5; c.nop

/** `main` calls through a pointer, and the run ends where that leads. */
function pointerCalls(target: bigint, more: Partial<FixtureSpec> = {}): FixtureTrace {
  return makeTrace({
    blocks: [
      { pc: 0x1000n, code: JALR_A5, sizes: [2, 2] },
      { pc: 0x1100n, code: `${NOP}${NOP}` },
      ...(more.blocks ?? []),
    ],
    edges: [
      { source: null, target: 0x1000n },
      { source: 0x1000n, target, kind: 'indirect-call' },
      ...(more.edges ?? []),
    ],
    modules: [{ path: '/bin/thing', base: 0n, start: 0x1000n, size: 0x2000n }],
    symbols: [
      { module: 0, address: 0x1000n, size: 0x10n, name: 'main' },
      { module: 0, address: 0x1100n, size: 0x10n, name: 'callee' },
      { module: 0, address: 0x2000n, size: 0x40n, name: 'table', type: 'object' },
    ],
    vcpus: [[0, 1]],
    marks: [{ kind: 'end', seq: 2, pc: target }],
    manifest: { end: { how: 'signal', signal: 'SIGSEGV', number: 11 } },
  });
}

test('a jump to where nothing was executed', async () => {
  const { wildJumps, where } = await crashReport(pointerCalls(0x9999_0000n));
  expect(wildJumps).toMatchObject([
    { how: 'nowhere', seq: 1, kind: 'indirect-call', target: { symbol: '0x99990000' } },
  ]);
  expect(wildJumps[0]?.instruction).toBe('c.jalr a5');
  expect(where).toMatchObject({ isCode: false, place: { address: '0x99990000' } });
});

test('a jump into a variable, whether it ran or not', async () => {
  expect((await crashReport(pointerCalls(0x2008n))).wildJumps).toMatchObject([{ how: 'data' }]);
  const blocks = [{ pc: 0x2008n, code: NOP }];
  const ran = pointerCalls(0x2008n, { blocks });
  expect((await crashReport(ran)).wildJumps).toMatchObject([
    { how: 'data', target: { symbol: 'table+0x8' } },
  ]);
});

test('a jump to code in no file', async () => {
  const blocks = [{ pc: 0x7000_0000n, code: NOP }];
  const { wildJumps } = await crashReport(pointerCalls(0x7000_0000n, { blocks }));
  expect(wildJumps).toMatchObject([{ how: 'outside' }]);
});

test('code that returns from signal handlers is no wild jump, wherever it lies', async () => {
  const blocks = [{ pc: 0x7000_0000n, code: '73000000' }];
  const edges = [{ source: 0x7000_0000n, target: 0x1000n, cause: 'signal', kind: 'signal-return' }];
  const trace = pointerCalls(0x7000_0000n, { blocks, edges: edges as FixtureSpec['edges'] });
  expect((await crashReport(trace)).wildJumps).toEqual([]);
});

test('a program that makes its own code is not accused', async () => {
  const blocks = Array.from({ length: 65 }, (_none, i) => ({
    pc: 0x7000_0000n + BigInt(i * 64),
    code: NOP,
  }));
  expect((await crashReport(pointerCalls(0x7000_0000n, { blocks }))).wildJumps).toEqual([]);
});

test('a jump into the middle of an instruction that was executed as another one', async () => {
  // 0x1102 lies within the first instruction of the block at 0x1100, and its bytes ran too.
  const blocks = [{ pc: 0x1102n, code: '00001300', sizes: [4] }];
  const { wildJumps } = await crashReport(pointerCalls(0x1102n, { blocks }));
  expect(wildJumps).toMatchObject([
    { how: 'middle', target: { symbol: 'callee+0x2' }, within: { address: '0x1100' } },
  ]);
  // With other bytes the code was changed since.
  const changed = [{ pc: 0x1102n, code: '01000100', sizes: [2, 2] }];
  expect((await crashReport(pointerCalls(0x1102n, { blocks: changed }))).wildJumps).toMatchObject([
    { how: 'inside', within: null },
  ]);
});

test('a call into the middle of a function, but not one to its start', async () => {
  const { wildJumps } = await crashReport(
    pointerCalls(0x1104n, { blocks: [{ pc: 0x1104n, code: NOP }] }),
  );
  expect(wildJumps).toMatchObject([{ how: 'inside', target: { symbol: 'callee+0x4' } }]);
});

test('an ordinary call is none', async () => {
  const { wildJumps, unknown } = await crashReport(pointerCalls(0x1100n));
  expect(wildJumps).toEqual([]);
  // QEMU tells the block of a fatal signal, not the instruction.
  expect(unknown.map(({ code }) => code)).toEqual(['fault-pc']);
});

test('a guest whose calls are not told has no stack, and the report says so', async () => {
  const report = await crashReport(
    makeTrace({
      isa: 'mips',
      blocks: [{ pc: 0x1000n, code: NOP }],
      edges: [
        { source: null, target: 0x1000n },
        { source: 0x1000n, target: 0x1000n, cause: null, kind: null },
      ],
      vcpus: [[0, 1, 1, 1]],
    }),
  );
  expect(report).toMatchObject({ stack: null, brokenReturns: null, recent: null });
  expect(report.unknown.map(({ code }) => code)).toContain('calls');
  expect(report.transfers).toMatchObject([{ edge: 1, times: [3, 3] }, { edge: 0 }]);
});

const rowsWithin = (rows: readonly CrashRow[]): CrashRow[] =>
  rows.flatMap((row) => (row.row === 'loop' ? [row, ...rowsWithin(row.body)] : [row]));

function checkFlame(node: CrashFlame): void {
  const inner = node.children.reduce((sum, child) => sum + child.instructions, 0);
  expect(inner).toBeLessThanOrEqual(node.instructions);
  node.children.forEach(checkFlame);
}

/** What holds of every report of a sound trace, counted again the slow way. */
function check(trace: FixtureTrace, report: CrashReport): void {
  const { vcpu, seqEnd, recent } = report;
  const edgeAt = (seq: number): number => {
    const segment = trace.segmentAt(vcpu, seq);
    return trace.readSegment(segment)[seq - (trace.segments.firstSeq[segment] ?? 0)] ?? NO_ROW;
  };
  let next = seqEnd - 1;
  for (const row of report.transfers) {
    if (row.row !== 'transfer' && row.row !== 'loop') continue;
    expect(row.seq).toBe(next);
    next -= row.row === 'loop' ? row.transfers : row.times[1];
  }
  for (const row of rowsWithin(report.transfers)) {
    if (row.row === 'transfer') expect(row.edge).toBe(edgeAt(row.seq));
  }
  if (recent === null) return;
  let instructions = 0;
  new ExecutedPath(trace).visitInstructions(vcpu, recent.firstSeq, seqEnd, () => {
    instructions++;
    return false;
  });
  expect(recent.instructions).toBe(instructions);
  checkFlame(recent.flame);
  expect(recent.flame.children.reduce((sum, child) => sum + child.instructions, 0)).toBe(
    instructions,
  );
  for (const { from, to, depth } of recent.spans) {
    expect(from).toBeLessThanOrEqual(to);
    expect(to).toBeLessThanOrEqual(recent.spanInstructions);
    // Something it was called from lasts at least as long.
    const isInside = recent.spans.some(
      (other) => other.depth === depth - 1 && other.from <= from && other.to >= to,
    );
    expect(depth === 0 || isInside).toBe(true);
  }
}

const seed = Date.now() % 1_000_000;

test('random runs: what the report says is so', async () => {
  for (let run = 0; run < 9; run++) {
    const options = { vcpus: 1 + (run % 3), transfers: 300, changesCode: run % 3 === 0 };
    const { trace } = randomRun(seed + run, { ...options, segmentTransfers: 1 + (run % 40) });
    try {
      check(trace, await crashReport(trace, { rows: 1 + (run % 30) }));
    } catch (error) {
      throw new Error(`seed ${seed + run}`, { cause: error });
    }
  }
});

/** Spoils a trace as a damaged or forged file could: numbers of any size, rows that are none. */
function spoil(trace: FixtureTrace, random: (below: number) => number): void {
  const anything = (): bigint => BigInt(random(1 << 30)) << BigInt(random(35));
  const { edges, blocks, marks, segments, segmentEdges, symbols, modules } = trace;
  const some = (list: { length: number }): number => random(Math.max(1, list.length));
  const wide = [edges.source, edges.target, blocks.pc, marks.pc, marks.address, symbols.address];
  const pick = <One>(list: readonly One[], then: (one: One) => void): void => {
    const one = list[random(list.length)];
    if (one !== undefined) then(one);
  };
  for (let i = 0; i < 1 + random(6); i++) {
    pick([...wide, symbols.size, modules.start, modules.size, segments.timeLastNs], (column) => {
      if (column.length > 0) column[some(column)] = anything();
    });
    pick([edges.kind, edges.cause, marks.kind, edges.hasSource, marks.hasPc], (column) => {
      if (column.length > 0) column[some(column)] = random(16);
    });
    pick([edges.sourceBlock, edges.targetBlock], (column) => {
      column[some(column)] = random(2) === 0 ? NO_ROW : random(blocks.count);
    });
    pick([blocks.bornSeq, marks.seq, segments.instructionsBefore], (column) => {
      if (column.length > 0) column[some(column)] = Number(anything());
    });
    pick(segmentEdges, (list) => {
      list[some(list)] = random(edges.count);
    });
  }
}

test('spoilt traces: a report or a BacktrailError, nothing else', async () => {
  for (let run = 0; run < 40; run++) {
    const random = randomFrom(seed + run);
    const trace =
      run % 2 === 0
        ? randomRun(seed + run, {
            vcpus: 2,
            transfers: 200,
            changesCode: false,
            segmentTransfers: 50,
          }).trace
        : randomHistory({ seed: seed + run, steps: 150, segmentTransfers: 60 }).trace;
    spoil(trace, random);
    // To start a disassembler takes longer than all the rest.
    if (run % 5 !== 0) trace.manifest.guest.isa = 'another';
    if (random(3) === 0) {
      const broken = random(trace.segments.count);
      Object.assign(trace, {
        readSegment(segment: number) {
          if (segment !== broken) return trace.segmentEdges[segment];
          throw new BacktrailError('E_TRACE_DAMAGED', 'found damage, expected none. Recover it.');
        },
      });
    }
    try {
      await crashReport(trace, { vcpu: random(4) === 0 ? random(3) : null });
    } catch (error) {
      if (!(error instanceof BacktrailError))
        throw new Error(`seed ${seed + run}`, { cause: error });
    }
  }
});
