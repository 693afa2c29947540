/** A recording that is cut off, or that keeps only the end: the rest is what a whole one holds. */
import path from 'node:path';
import { MARK_KINDS, type Trace } from '@backtrail/recorder/trace';
import { beforeAll, describe, expect, test } from 'vitest';
import { checkTrace } from '../../packages/analyzer/src/check.ts';
import { buildGuest, needsIsa, temporaryFolder } from '../guests/build.ts';
import { type Recording, recordGuest } from '../guests/record.ts';

const folder = temporaryFolder('limits');
const need = needsIsa('x86_64');

/** `source target cause kind` of the transfers that are there, and the seq of the first. */
function stream(trace: Trace, vcpu: number): { readonly first: number; readonly rows: string[] } {
  const { edges, segments } = trace;
  const names = Array.from(
    { length: edges.count },
    (_, i) => `${edges.source[i]} ${edges.target[i]} ${edges.cause[i]} ${edges.kind[i]}`,
  );
  const rows: string[] = [];
  let first = -1;
  for (const segment of trace.segmentsOf(vcpu)) {
    if (first < 0) first = segments.firstSeq[segment] ?? 0;
    for (const edge of trace.readSegment(segment)) rows.push(names[edge] ?? 'none');
  }
  return { first, rows };
}

describe.skipIf(need.missing)(`limits of a recording${need.note}`, () => {
  const record = (source: string, name: string, more: Partial<Recording>): Trace => {
    const program = buildGuest('x86_64', source, folder);
    const output = path.join(folder, `${name}.trace`);
    const { trace } = recordGuest({ program, qemu: need.path, output, ...more });
    expect(trace.state).toBe('complete');
    expect(checkTrace(trace).findings).toEqual([]);
    return trace;
  };

  let whole: ReturnType<typeof stream>;
  beforeAll(() => {
    whole = stream(record('flow', 'whole', {}), 0);
  });

  test.for([1, 2, 1023, 5000])('--max-transfers %i: the first so many', (maxTransfers) => {
    const trace = record('flow', `max-${maxTransfers}`, { maxTransfers, ringBytes: 8192 });
    const { manifest } = trace;
    expect(stream(trace, 0)).toEqual({ first: 0, rows: whole.rows.slice(0, maxTransfers) });
    expect(manifest.stopped).toBe('max-transfers');
    expect(manifest.end).toEqual({ how: 'exit', status: 0 });
    expect(manifest.losses.unrecorded).toBe(0);
    const stop = [...trace.marks.kind].findIndex((kind) => MARK_KINDS[kind] === 'stop');
    expect(Number(trace.marks.number[stop])).toBe(whole.rows.length - maxTransfers);
    if (maxTransfers > 1) expect(manifest.totals.instructions).toBeGreaterThan(maxTransfers);
  });

  test('--max-transfers with threads: no more than that, and no hole in any stream', () => {
    const trace = record('threads', 'max-threads', { maxTransfers: 9000, ringBytes: 8192 });
    expect(trace.manifest.totals.transfers).toBeLessThanOrEqual(9000);
    expect(trace.manifest.totals.transfers).toBeGreaterThan(5000);
    for (const vcpu of trace.vcpus) expect(stream(trace, vcpu).first).toBe(0);
  });

  test('--keep last: the end, and a gap that says how much came before', () => {
    const trace = record('flow', 'last', { keep: 'last', ringBytes: 8192 });
    const { first, rows } = stream(trace, 0);
    expect(first).toBeGreaterThan(5000);
    expect(rows.length).toBeGreaterThan(1024);
    expect(rows).toEqual(whole.rows.slice(first));
    expect(trace.manifest.losses.overwritten).toBe(first);
    const gaps = [...trace.marks.kind.keys()].filter(
      (mark) => MARK_KINDS[trace.marks.kind[mark] ?? 0] === 'gap',
    );
    expect(gaps.map((mark) => [trace.marks.seq[mark], trace.marks.number[mark]])).toEqual([
      [0, BigInt(first)],
    ]);
  });

  test('--keep last with threads: what is lost of each is told', () => {
    const trace = record('threads', 'last-threads', { keep: 'last', ringBytes: 8192 });
    const { losses, totals } = trace.manifest;
    const gaps = [...trace.marks.kind.keys()]
      .filter((mark) => MARK_KINDS[trace.marks.kind[mark] ?? 0] === 'gap')
      .reduce((sum, mark) => sum + Number(trace.marks.number[mark]), 0);
    expect(gaps).toBe(losses.overwritten);
    expect(totals.vcpus).toBe(6);
  });
});
