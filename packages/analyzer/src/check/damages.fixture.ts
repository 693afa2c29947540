/** A sound trace, and every way of damaging it that a check must find. */
import { HOST_HOWS, KINDS, type Manifest, NO_ROW, type Trace } from '@backtrail/recorder/trace';
import type { CheckCode } from '../check.ts';
import type { FixtureSpec, FixtureTrace } from '../trace.fixture.ts';

const NOP = '13000000';

/**
 * A sound trace of a small program: `main` calls `leaf` twice from a loop, a signal comes into the
 * loop, a second vCPU runs `leaf` alone.
 */
export const SOUND: FixtureSpec = {
  blocks: [
    { pc: 0x1000n, code: `${NOP}ef00c00f` }, // 0: nop; jal ra, 0x1100
    { pc: 0x1100n, code: `${NOP}67800000` }, // 1: leaf: nop; ret
    { pc: 0x1008n, code: `${NOP}e30c00fe` }, // 2: nop; beq x0, x0, 0x1004
    { pc: 0x1004n, code: 'ef00c00f', bornSeq: 3 }, // 3: jal ra, 0x1100
    { pc: 0x1200n, code: `${NOP}73000000`, bornSeq: 5 }, // 4: handler: nop; ecall
    { pc: 0x1010n, code: `${NOP}73000000`, bornSeq: 7 }, // 5: nop; ecall: the end
  ],
  edges: [
    { source: null, target: 0x1000n }, // 0
    { source: 0x1004n, target: 0x1100n, kind: 'call', sourceBlock: 0 }, // 1
    { source: 0x1104n, target: 0x1008n, kind: 'return' }, // 2
    { source: 0x100cn, target: 0x1004n, kind: 'branch' }, // 3
    { source: 0x1004n, target: 0x1100n, kind: 'call', sourceBlock: 3 }, // 4
    { source: 0x1008n, target: 0x1200n, cause: 'signal', sourceBlock: 2 }, // 5
    { source: 0x1204n, target: 0x1008n, cause: 'signal', kind: 'signal-return' }, // 6
    { source: null, target: 0x1100n }, // 7
  ],
  vcpus: [[0, 1, 2, 3, 4, 2, 5, 6], [7]],
  segmentTransfers: 3,
  marks: [
    { kind: 'thread-start', seq: 0 },
    { kind: 'end', seq: 8, pc: 0x1014n, number: 15n },
    { kind: 'end', vcpu: 1, seq: 1, pc: 0x1100n },
  ],
  modules: [{ path: '/bin/fixture', base: 0n, start: 0x1000n, size: 0x1000n }],
  symbols: [
    { module: 0, address: 0x1000n, size: 0x18n, name: 'main' },
    { module: 0, address: 0x1100n, size: 8n, name: 'leaf' },
  ],
};

const kind = (word: (typeof KINDS)[number]): number => KINDS.indexOf(word);

/** What is done to the good trace; it may change it in place or return another one. */
type Damage = (trace: FixtureTrace) => Trace | undefined;

export interface DamageCase {
  readonly what: string;
  readonly damage: Damage;
  readonly codes: readonly CheckCode[];
}

const withManifest = (trace: FixtureTrace, change: Partial<Manifest>): Trace => ({
  ...trace,
  manifest: { ...trace.manifest, ...change },
});

const BLOCK_CASES: readonly DamageCase[] = [
  {
    what: 'a block says it is longer than its code',
    damage: ({ blocks }) => {
      blocks.size[1] = 12;
    },
    codes: ['block-size'],
  },
  {
    what: 'an instruction is recorded with the size of another',
    damage: (trace) => {
      trace.blocks.instructionSizes(1).set([2, 6]);
    },
    codes: ['block-code', 'edge-source', 'hop-unreachable'],
  },
  {
    what: 'an instruction of no size',
    damage: (trace) => {
      trace.blocks.instructionSizes(5).set([8, 0]);
    },
    codes: ['block-code', 'block-size', 'end-unreachable'],
  },
  {
    what: 'a block born after the end of its vCPU',
    damage: ({ blocks }) => {
      blocks.bornSeq[2] = 99;
    },
    codes: ['block-born'],
  },
  {
    what: 'a return in the code where the path goes on',
    damage: ({ blocks }) => {
      blocks.code(0).set([0x67, 0x80, 0, 0]);
    },
    codes: ['hop-passes'],
  },
];

const EDGE_CASES: readonly DamageCase[] = [
  {
    what: 'a source between two instructions',
    damage: ({ edges }) => {
      edges.source[2] = 0x1102n;
    },
    codes: ['edge-source', 'hop-unreachable'],
  },
  {
    what: 'a source in another block than it says',
    damage: ({ edges }) => {
      edges.sourceBlock[2] = 4;
    },
    codes: ['edge-host', 'edge-source', 'hop-unreachable'],
  },
  {
    what: 'a jump without a source block',
    damage: ({ edges }) => {
      edges.sourceBlock[3] = NO_ROW;
    },
    codes: ['edge-source'],
  },
  {
    what: 'a target that is not the start of its block',
    damage: ({ edges }) => {
      edges.target[2] = 0x1004n;
    },
    codes: ['edge-target'],
  },
  {
    what: 'a block that does not exist',
    damage: ({ edges }) => {
      edges.targetBlock[5] = 77;
    },
    codes: ['edge-target', 'hop-unreachable'],
  },
  {
    what: 'no target block, though the target ran',
    damage: ({ edges }) => {
      edges.targetBlock[5] = NO_ROW;
    },
    codes: ['hop-unreachable'],
  },
  {
    what: 'a direct target elsewhere than the instruction says',
    damage: ({ edges }) => {
      edges.target[4] = 0x1200n;
      edges.targetBlock[4] = 4;
    },
    codes: ['edge-direct-target', 'edge-host', 'hop-unreachable'],
  },
  {
    what: 'a call recorded as a jump',
    damage: ({ edges }) => {
      edges.kind[1] = kind('jump');
    },
    codes: ['edge-instruction'],
  },
  {
    what: 'a return from a signal where no system call is',
    damage: ({ blocks }) => {
      blocks.code(4).set([0x13, 0, 0, 0], 4);
    },
    codes: ['edge-instruction'],
  },
  {
    what: 'a jump without a kind',
    damage: ({ edges }) => {
      edges.kind[3] = 0xff;
    },
    codes: ['edge-kind'],
  },
  {
    what: 'a kind that does not exist',
    damage: ({ edges }) => {
      edges.kind[3] = 99;
    },
    codes: ['edge-kind'],
  },
  {
    what: 'a signal delivered as a branch',
    damage: ({ edges }) => {
      edges.kind[5] = kind('branch');
    },
    codes: ['edge-instruction', 'edge-kind'],
  },
  {
    what: 'a start with a source',
    damage: ({ edges }) => {
      edges.hasSource[7] = 1;
    },
    codes: ['edge-cause'],
  },
  {
    what: 'a cause that does not exist',
    damage: ({ edges }) => {
      edges.cause[5] = 42;
    },
    codes: ['edge-cause', 'segment-instructions'],
  },
  {
    what: 'a host source outside the code of its block',
    damage: ({ edges }) => {
      edges.hostSource[1] = 0x7f00_0000_0080n;
    },
    codes: ['edge-host'],
  },
  {
    what: 'a host target that is not the code of its block',
    damage: ({ edges }) => {
      edges.hostTarget[1] = (edges.hostTarget[1] ?? 0n) + 1n;
    },
    codes: ['edge-host'],
  },
  {
    what: 'a host source where there was no jump',
    damage: ({ edges }) => {
      edges.hostHow[1] = HOST_HOWS.indexOf('main-loop');
    },
    codes: ['edge-host'],
  },
  {
    what: 'an edge taken more often than it says',
    damage: ({ edges }) => {
      edges.taken[2] = 1;
    },
    codes: ['edge-count'],
  },
];

const STREAM_CASES: readonly DamageCase[] = [
  {
    what: 'an edge that does not exist',
    damage: ({ segmentEdges }) => {
      segmentEdges[1]?.set([88], 1);
    },
    codes: ['edge-count', 'total', 'transfer-edge'],
  },
  {
    what: 'two transfers changed places',
    damage: ({ segmentEdges }) => {
      segmentEdges[1]?.set([4, 3, 2]);
    },
    codes: ['hop-unreachable'],
  },
  {
    what: 'a transfer replaced by another',
    damage: ({ segmentEdges }) => {
      segmentEdges[1]?.set([1], 1);
    },
    codes: ['edge-count', 'hop-unreachable'],
  },
  {
    what: 'a start in the middle',
    damage: ({ segmentEdges }) => {
      segmentEdges[1]?.set([0]);
    },
    codes: ['edge-count', 'segment-instructions', 'transfer-start'],
  },
  {
    what: 'no start at the beginning',
    damage: ({ segmentEdges }) => {
      segmentEdges[3]?.set([1]);
    },
    codes: ['edge-count', 'transfer-start'],
  },
  {
    what: 'a segment shorter than its row says',
    damage: ({ segmentEdges }) => {
      segmentEdges[1] = Uint32Array.of(3, 4);
    },
    codes: ['edge-count', 'segment-rows', 'total'],
  },
  {
    what: 'a segment that cannot be read',
    damage: (trace) => ({
      ...trace,
      readSegment: (segment) => {
        if (segment === 1) throw new Error('transfers/000000.arrow: torn\nmore');
        return trace.readSegment(segment);
      },
    }),
    codes: ['edge-count', 'segment-unreadable', 'total'],
  },
  {
    what: 'instructions counted wrong',
    damage: ({ segments }) => {
      segments.instructionsBefore[2] = (segments.instructionsBefore[2] ?? 0) + 1;
    },
    codes: ['segment-instructions'],
  },
  {
    what: 'instructions before the first transfer',
    damage: ({ segments }) => {
      segments.instructionsBefore[3] = 5;
    },
    codes: ['segment-instructions', 'total'],
  },
  {
    what: 'a hole that nobody owns up to',
    damage: ({ segments }) => {
      segments.firstSeq[2] = 16;
    },
    codes: ['seq-hole'],
  },
  {
    what: 'two segments over one another',
    damage: ({ segments }) => {
      segments.firstSeq[2] = 5;
    },
    codes: ['mark-seq', 'seq-overlap'],
  },
  {
    what: 'two segments in one place',
    damage: ({ segments }) => {
      segments.batch[2] = 1;
    },
    codes: ['segment-place'],
  },
  {
    what: 'time running backward',
    damage: ({ segments }) => {
      segments.timeLastNs[1] = 5n;
    },
    codes: ['segment-time'],
  },
  {
    what: 'an end that the path does not lead to',
    damage: ({ marks }) => {
      marks.pc[1] = 0x1104n;
    },
    codes: ['end-unreachable'],
  },
  {
    what: 'an end that counts other instructions than the path',
    damage: ({ marks }) => {
      marks.number[1] = 13n;
    },
    codes: ['end-instructions'],
  },
];

const TABLE_CASES: readonly DamageCase[] = [
  {
    what: 'a mark past the end',
    damage: ({ marks }) => {
      marks.seq[0] = 100;
    },
    codes: ['mark-seq'],
  },
  {
    what: 'a symbol of no module',
    damage: ({ symbols }) => {
      symbols.module[1] = 9;
    },
    codes: ['symbol-module'],
  },
  {
    what: 'symbols out of order',
    damage: ({ symbols }) => {
      symbols.address[0] = 0x1110n;
    },
    codes: ['symbol-module'],
  },
  {
    what: 'a total that is not true',
    damage: ({ manifest }) => {
      manifest.totals.transfers += 1;
    },
    codes: ['total'],
  },
  {
    what: 'a table that cannot be read',
    damage: (trace) =>
      Object.defineProperty({ ...trace }, 'edges', {
        get: () => {
          throw new Error('edges.arrow: torn');
        },
      }),
    codes: ['table-unreadable'],
  },
  {
    what: 'a trace that was not closed',
    damage: (trace) => ({ ...trace, state: 'partial', problems: ['edges.arrow: truncated'] }),
    codes: ['trace-partial', 'trace-problem'],
  },
  {
    what: 'a guest without a classifier',
    damage: (trace) =>
      withManifest(trace, { guest: { ...trace.manifest.guest, isa: 'loongarch64' } }),
    codes: ['isa-unknown'],
  },
];

export const DAMAGES: readonly DamageCase[] = [
  ...BLOCK_CASES,
  ...EDGE_CASES,
  ...STREAM_CASES,
  ...TABLE_CASES,
];
