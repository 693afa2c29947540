/** What a sample trace is held to: traces/vN/NAME/expected.json is this, as it once was. */
import { createHash } from 'node:crypto';
import { CAUSES, KINDS, type Trace } from '../packages/recorder/src/trace/index.ts';

/** Transfers written out from either end of a vCPU's stream. */
const SHOWN = 4;

interface Transfer {
  readonly seq: number;
  readonly source: string | null;
  readonly target: string;
  readonly cause: string | null;
  readonly kind: string | null;
}

export interface SampleFacts {
  readonly command: readonly string[];
  readonly end: Trace['manifest']['end'];
  readonly totals: Readonly<Record<string, number>>;
  readonly vcpus: readonly {
    readonly vcpu: number;
    readonly transfers: number;
    /** Of source, target (u64, little-endian; source 0 where null), cause, kind (u8) of each. */
    readonly sha256: string;
    readonly first: readonly Transfer[];
    readonly last: readonly Transfer[];
  }[];
}

const hex = (address: bigint): string => `0x${address.toString(16)}`;

function transferAt(trace: Trace, vcpu: number, seq: number): Transfer {
  const segment = trace.segmentAt(vcpu, seq);
  const at = seq - (trace.segments.firstSeq[segment] ?? 0);
  const edge = trace.readSegment(segment)[at] ?? 0;
  const { edges } = trace;
  return {
    seq,
    source: edges.hasSource[edge] === 1 ? hex(edges.source[edge] ?? 0n) : null,
    target: hex(edges.target[edge] ?? 0n),
    cause: CAUSES[edges.cause[edge] ?? 0] ?? null,
    kind: KINDS[edges.kind[edge] ?? 0] ?? null,
  };
}

function streamHash(trace: Trace, vcpu: number): string {
  const hash = createHash('sha256');
  const { edges } = trace;
  for (const segment of trace.segmentsOf(vcpu)) {
    const transfers = trace.readSegment(segment);
    const bytes = Buffer.alloc(transfers.length * 18);
    transfers.forEach((edge, i) => {
      bytes.writeBigUInt64LE(edges.hasSource[edge] === 1 ? (edges.source[edge] ?? 0n) : 0n, i * 18);
      bytes.writeBigUInt64LE(edges.target[edge] ?? 0n, i * 18 + 8);
      bytes.writeUInt8(edges.cause[edge] ?? 0, i * 18 + 16);
      bytes.writeUInt8(edges.kind[edge] ?? 0, i * 18 + 17);
    });
    hash.update(bytes);
  }
  return hash.digest('hex');
}

export function sampleFacts(trace: Trace): SampleFacts {
  const { command, end, totals } = trace.manifest;
  const { bytes: _bytes, waitNs: _waitNs, ...counted } = totals;
  // Tables that are younger than the first samples are told of where they are.
  const { sources, lines, inlines, ...older } = counted;
  const younger = lines + inlines === 0 ? {} : { sources, lines, inlines };
  return {
    command,
    end,
    totals: { ...older, ...younger },
    vcpus: trace.vcpus.map((vcpu) => {
      const seqEnd = trace.seqEnd(vcpu);
      const at = (seq: number): Transfer => transferAt(trace, vcpu, seq);
      return {
        vcpu,
        transfers: seqEnd,
        sha256: streamHash(trace, vcpu),
        first: Array.from({ length: Math.min(SHOWN, seqEnd) }, (_, i) => at(i)),
        last: Array.from({ length: Math.min(SHOWN, seqEnd) }, (_, i) => at(seqEnd - 1 - i)),
      };
    }),
  };
}
