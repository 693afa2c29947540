/** Several vCPUs in one order: every move against the whole list, sorted. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BASE_NS, withHoles, withTimes } from './cursor.model.ts';
import { Cursor, type Landing } from './cursor.ts';
import { randomFrom, randomRun } from './path/random-run.fixture.ts';
import type { Direction } from './path.ts';
import type { FixtureTrace } from './trace.fixture.ts';
import { makeMarks } from './trace-tables.fixture.ts';

/** All transfers in order, by the definition. */
function allOf(trace: FixtureTrace): Landing[] {
  const { timeFirstNs, timeLastNs, firstSeq, rows } = trace.segments;
  const { marks } = trace;
  const relative = (time: bigint | undefined): number => Number((time ?? 0n) - BASE_NS);
  const all = trace.vcpus.flatMap((vcpu) => {
    const stamps = Array.from(trace.segmentsOf(vcpu)).flatMap((segment) => {
      const first = firstSeq[segment] ?? 0;
      const last = first + (rows[segment] ?? 0) - 1;
      const opened = { at: first, timeNs: relative(timeFirstNs[segment]) };
      const closed = { at: last, timeNs: relative(timeLastNs[segment]) };
      const within = Array.from({ length: marks.count }, (_none, mark) => mark)
        .filter((mark) => marks.vcpu[mark] === vcpu)
        .map((mark) => ({ at: (marks.seq[mark] ?? 0) - 0.5, timeNs: relative(marks.timeNs[mark]) }))
        .filter(({ at, timeNs }) => {
          return at > first && at < last && timeNs >= opened.timeNs && timeNs <= closed.timeNs;
        })
        .sort((a, b) => a.at - b.at || a.timeNs - b.timeNs);
      const lasts = within.filter(({ at }, i) => at !== within[i + 1]?.at);
      return last > first ? [opened, ...lasts, closed] : [opened];
    });
    const rising = stamps.map(({ at }, i) => {
      return { at, timeNs: Math.max(...stamps.slice(0, i + 1).map(({ timeNs }) => timeNs)) };
    });
    const recorded = Array.from(trace.segmentsOf(vcpu)).flatMap((segment) =>
      Array.from({ length: rows[segment] ?? 0 }, (_none, i) => (firstSeq[segment] ?? 0) + i),
    );
    return recorded.map((seq) => {
      const after = rising.find(({ at }) => at > seq);
      const before = rising.findLast(({ at }) => at <= seq) ?? { at: 0, timeNs: 0 };
      const part = after === undefined ? 0 : (after.timeNs - before.timeNs) * (seq - before.at);
      const timeNs = before.timeNs + part / ((after?.at ?? seq + 1) - before.at);
      return { vcpu, seq, timeNs };
    });
  });
  all.sort((a, b) => a.timeNs - b.timeNs || a.vcpu - b.vcpu || a.seq - b.seq);
  return all.map(({ vcpu, seq }) => ({ vcpu, seq }));
}

const same = (a: Landing, b: Landing): boolean => a.vcpu === b.vcpu && a.seq === b.seq;

function checkOrder(seed: number, hasHoles: boolean, vcpus: number): void {
  const random = randomFrom(seed);
  const segmentTransfers = 1 + random(9);
  const run = randomRun(seed, { vcpus, transfers: 40, segmentTransfers, changesCode: false });
  const lost = new Set(
    Array.from(run.trace.segments.vcpu.keys()).filter(() => hasHoles && random(4) === 0),
  );
  const held = withHoles(run.trace, (segment) => lost.has(segment));
  if (held.vcpus.length === 0) return;
  const marked = Array.from({ length: 8 }, () => {
    const vcpu = held.vcpus[random(held.vcpus.length)] ?? 0;
    const timeNs = BASE_NS + BigInt(random(300));
    return { kind: 'signal' as const, vcpu, seq: random(40), timeNs };
  });
  const marks = makeMarks({ blocks: [], edges: [], vcpus: [], marks: marked });
  const trace = withTimes({ ...held, marks }, random);
  const all = allOf(trace);
  const shown = trace.vcpus.filter(() => random(4) > 0);
  const among = all.filter(({ vcpu }) => shown.includes(vcpu));
  const cursor = new Cursor(trace);
  for (let i = 0; i < 12; i++) {
    const at = all[random(all.length)] ?? { vcpu: 0, seq: 0 };
    const place = all.findIndex((one) => same(one, at));
    const direction: Direction = random(2) === 0 ? 'forward' : 'backward';
    const before = among.filter((one) => all.findIndex((other) => same(one, other)) < place);
    const after = among.filter((one) => all.findIndex((other) => same(one, other)) > place);
    const ahead = direction === 'forward' ? after : before.toReversed();

    expect(cursor.to(at.seq, 0, at.vcpu).position).toMatchObject(at);
    const count = 1 + random(6);
    const moved = cursor.merged(direction, shown, count);
    const steps = Math.min(count, ahead.length);
    expect(moved.steps).toBe(steps);
    expect(moved.why === null).toBe(steps === count);
    expect(moved.position).toMatchObject(steps === 0 ? at : (ahead[steps - 1] ?? at));

    cursor.to(at.seq, 0, at.vcpu);
    const wanted = new Set(Array.from({ length: 3 }, () => random(trace.edges.count)));
    const edgeOf = ({ vcpu, seq }: Landing): number => {
      const segment = trace.segmentAt(vcpu, seq);
      return trace.readSegment(segment)[seq - (trace.segments.firstSeq[segment] ?? 0)] ?? -1;
    };
    const landed = cursor.landing(direction, `${seed} ${i}`, (edge) => wanted.has(edge), shown);
    const found = ahead.find((one) => wanted.has(edgeOf(one)));
    expect(landed.moved).toBe(found !== undefined);
    expect(landed.position).toMatchObject(found ?? at);

    cursor.to(at.seq, 0, at.vcpu);
    const position = (one: Landing): number => all.findIndex((other) => same(one, other));
    const ranked = shown
      .flatMap((vcpu) => markPlaces(trace, vcpu))
      .map((one) => ({ ...one, rank: position(one) * 1000 + one.index }))
      .sort((a, b) => a.rank - b.rank);
    const here = place * 1000;
    const nearest =
      direction === 'forward'
        ? ranked.find(({ rank, vcpu }) => rank > here && (vcpu === at.vcpu || rank >= here + 1000))
        : ranked.findLast(({ rank }) => rank < here);
    const to = cursor.mark(direction, ['signal'], shown);
    expect(to.moved).toBe(nearest !== undefined);
    const { vcpu, seq, index } = nearest ?? { ...at, index: 0 };
    expect(to.position).toMatchObject({ vcpu, seq, index });
  }
}

/** Where the marks of a vCPU stand: all that a cursor on it alone comes to. */
function markPlaces(trace: FixtureTrace, vcpu: number): (Landing & { index: number })[] {
  const cursor = new Cursor(trace, { vcpu });
  const found = new Map<string, Landing & { index: number }>();
  for (const direction of ['backward', 'forward'] as const) {
    cursor.toEnd(direction === 'forward' ? 'backward' : 'forward');
    for (;;) {
      const move = cursor.mark(direction, ['signal']);
      if (!move.moved) break;
      const { seq, index } = move.position;
      found.set(`${seq}:${index}`, { vcpu, seq, index });
    }
  }
  return [...found.values()];
}

test('moves over several vCPUs are those of one sorted list', () => {
  const vcpus = fc.integer({ min: 1, max: 5 });
  fc.assert(
    fc.property(fc.nat(), fc.boolean(), vcpus, (seed, hasHoles, count) => {
      checkOrder(seed, hasHoles, count);
    }),
    { numRuns: 25 },
  );
});
