import { BacktrailError, NO_ROW } from '@backtrail/recorder/trace';
import { expect, test } from 'vitest';
import { SEED } from '../../../tests/seed.ts';
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
    vcpus: more.vcpus ?? [[0, 1]],
    marks: more.marks ?? [{ kind: 'end', seq: 2, pc: target }],
    ...(more.sources !== undefined && { sources: more.sources }),
    ...(more.lines !== undefined && { lines: more.lines }),
    ...(more.inlines !== undefined && { inlines: more.inlines }),
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

test('a machine whose files are not known is not accused, and its end is a block', async () => {
  const report = await crashReport(
    makeTrace({
      blocks: [
        { pc: 0x1000n, code: JALR_A5, sizes: [2, 2] },
        { pc: 0x1100n, code: `${NOP}${NOP}` },
      ],
      edges: [
        { source: null, target: 0x1000n },
        { source: 0x1000n, target: 0x1100n, kind: 'indirect-call' },
      ],
      vcpus: [[0, 1]],
      marks: [{ kind: 'end', seq: 2, pc: 0x1100n }],
      manifest: {
        engine: { name: 'qemu', version: '7.2.0', hostIsa: 'x86_64', mode: 'system' },
        end: { how: 'exit', status: 3 },
      },
    }),
  );
  expect(report).toMatchObject({ wildJumps: [], end: { how: 'exit' }, where: { known: 'block' } });
  expect(report.where?.code.map(({ hasRun }) => hasRun)).toEqual([null, null]);
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

test('frames have their lines, and what was inlined there', async () => {
  const trace = pointerCalls(0x9999_0000n, {
    sources: ['/src/main.c', '/src/list.h'],
    lines: [{ address: 0x1000n, size: 4n, source: 1, line: 7 }],
    inlines: [
      { address: 0x1000n, size: 4n, depth: 1, name: 'each', callSource: 0, callLine: 30 },
      { address: 0x1000n, size: 2n, depth: 2, name: 'next', callSource: 1, callLine: 12 },
    ],
  });
  const [, caller] = (await crashReport(trace)).stack?.frames ?? [];
  expect(caller).toMatchObject({
    place: { symbol: 'main', source: { file: '/src/main.c', line: 30 } },
    inlined: [
      { function: 'next', source: { file: '/src/list.h', line: 7 } },
      { function: 'each', source: { file: '/src/list.h', line: 12 } },
    ],
  });
});

test('what was lost stands where it was lost', async () => {
  const trace = makeTrace({
    blocks: [{ pc: 0x1000n, code: NOP }],
    edges: [
      { source: null, target: 0x1000n },
      { source: 0x1000n, target: 0x1000n, kind: 'branch' },
    ],
    vcpus: [[0, 1, 1, 1, 1, 1, 1, 1]],
  });
  trace.segments.firstSeq[1] = 9;
  const { transfers, seqEnd } = await crashReport(trace);
  expect(seqEnd).toBe(13);
  expect(transfers).toMatchObject([
    { row: 'transfer', seq: 12, times: [4, 4] },
    { row: 'gap', seq: 4, transfers: 5 },
    { row: 'transfer', seq: 3, times: [3, 3], instructions: null },
    { row: 'transfer', seq: 0 },
  ]);
});

test('a handler that has not returned is open', async () => {
  const trace = pointerCalls(0x1100n, {
    edges: [{ source: 0x1104n, target: 0x1000n, cause: 'signal' }],
    vcpus: [[0, 1, 2]],
    marks: [
      { kind: 'signal', seq: 2, number: 10n, pc: 0x1104n },
      { kind: 'end', seq: 3, pc: 0x1000n },
    ],
  });
  expect((await crashReport(trace)).events).toMatchObject([
    { kind: 'signal', name: 'SIGUSR1', seq: 2, transfersAgo: 1, isOpen: true },
  ]);
});

test('a long run without an index is followed in part, and says so', async () => {
  const vcpus = [[0, ...Array.from({ length: 40 }, () => 1)]];
  const spec: FixtureSpec = {
    blocks: [{ pc: 0x1000n, code: JALR_A5, sizes: [2, 2] }],
    edges: [
      { source: null, target: 0x1000n },
      { source: 0x1000n, target: 0x1000n, kind: 'indirect-call' },
    ],
    vcpus,
  };
  const short = await crashReport(makeTrace(spec));
  expect(short).toMatchObject({ callsFromSeq: 0, stack: { depth: 41, isBottomKnown: true } });
  const long = await crashReport(makeTrace(spec), { index: null, callTransfersMax: 16 });
  expect(long).toMatchObject({ callsFromSeq: 36, stack: { depth: 6, isBottomKnown: false } });
  expect(long.unknown.map(({ code }) => code)).toContain('not-whole');
  expect(long.next.map(({ words }) => words)).toContainEqual(['crash', 'fixture.trace', '--whole']);
  // The rest of the page does not depend on it.
  expect(long.transfers).toEqual(short.transfers);
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

const seed = SEED;

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

test('random histories: every return that went astray, and the calls that are open', async () => {
  for (let run = 0; run < 6; run++) {
    const options = { seed: seed + run, steps: 200, segmentTransfers: 50 };
    const { trace, broken, truth } = randomHistory(options);
    const { brokenReturns, stack } = await crashReport(trace);
    const says = `seed ${seed + run}`;
    expect(brokenReturns?.count, says).toBe(broken.length);
    expect(
      brokenReturns?.first.map(({ seq }) => seq),
      says,
    ).toEqual(broken.slice(0, 3));
    const last = broken.length > 3 ? broken.at(-1) : undefined;
    expect(brokenReturns?.last?.seq, says).toBe(last);
    expect(
      stack?.frames
        .map(({ seq }) => seq)
        .reverse()
        .slice(-64),
      says,
    ).toEqual(
      truth
        .at(-1)
        ?.map(({ seq }) => seq)
        .slice(-64),
    );
  }
});

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
