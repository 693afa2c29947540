/** Checks of what surrounds the streams: segments, sequence numbers, marks, symbols, totals. */
import { MARK_KINDS, type Trace } from '@backtrail/recorder/trace';
import { lossless } from './blocks.ts';
import type { Findings } from './findings.ts';
import type { StreamTotals } from './hops.ts';

/** Order and completeness of the segments of every vCPU. */
export function checkSegments(trace: Trace, findings: Findings): void {
  const { segments, manifest } = trace;
  checkPlaces(trace, findings);
  let uncovered = 0;
  const holes: { vcpu: number; seq: number; end: number }[] = [];
  for (const vcpu of trace.vcpus) {
    let next = 0;
    let last = -1;
    for (const segment of trace.segmentsOf(vcpu)) {
      const first = segments.firstSeq[segment] ?? 0;
      if (first < next) {
        const end = next;
        findings.add(
          'seq-overlap',
          () => `segment ${segment}: vCPU ${vcpu} from seq ${first}, the one before ends at ${end}`,
          { vcpu, seq: first },
        );
      }
      if (first > next && gapTransfers(trace, vcpu, next, first) < first - next) {
        holes.push({ vcpu, seq: next, end: first });
        uncovered += first - next;
      }
      checkTimes(trace, segment, last, findings);
      next = Math.max(next, first + (segments.rows[segment] ?? 0));
      last = segment;
    }
  }
  const { overwritten, unrecorded, damaged } = manifest.losses;
  const counted = overwritten + unrecorded + damaged;
  if (uncovered <= counted) return;
  for (const { vcpu, seq, end } of holes) {
    findings.add(
      'seq-hole',
      () =>
        `vCPU ${vcpu}: seq ${seq} to ${end - 1} missing, no gap mark says so; ` +
        `${uncovered} such transfers in all, loss counters say ${counted}`,
      { vcpu, seq },
    );
  }
}

/** Transfers that gap marks own up to between two positions. */
function gapTransfers(trace: Trace, vcpu: number, from: number, to: number): number {
  const { marks } = trace;
  const gap = MARK_KINDS.indexOf('gap');
  let sum = 0;
  for (let mark = 0; mark < marks.count; mark++) {
    if (marks.kind[mark] !== gap || marks.vcpu[mark] !== vcpu) continue;
    const seq = marks.seq[mark] ?? 0;
    if (seq < from || seq > to) continue;
    sum += marks.hasNumber[mark] === 1 ? Number(marks.number[mark] ?? 0n) : 0;
  }
  return sum;
}

function checkPlaces(trace: Trace, findings: Findings): void {
  const { segments } = trace;
  const seen = new Map<number, number>();
  for (let segment = 0; segment < segments.count; segment++) {
    const file = segments.file[segment] ?? 0;
    const batch = segments.batch[segment] ?? 0;
    const place = file * 0x1_0000_0000 + batch;
    const other = seen.get(place);
    if (other !== undefined) {
      const message = () => `segments ${other} and ${segment}: both file ${file}, batch ${batch}`;
      findings.add('segment-place', message);
    }
    seen.set(place, segment);
  }
}

function checkTimes(trace: Trace, segment: number, last: number, findings: Findings): void {
  const { segments } = trace;
  const first = segments.timeFirstNs[segment] ?? 0n;
  const end = segments.timeLastNs[segment] ?? 0n;
  const before = last < 0 ? 0n : (segments.timeLastNs[last] ?? 0n);
  if (first <= end && before <= first) return;
  findings.add(
    'segment-time',
    () =>
      `segment ${segment}: opened at ${first} ns, published at ${end} ns` +
      (last < 0 ? '' : `, the one before published at ${before} ns`),
  );
}

/** Rows that the table of segments promises against rows that are there. */
export function checkRows(trace: Trace, segment: number, found: number, findings: Findings): void {
  const rows = trace.segments.rows[segment] ?? 0;
  if (rows === found) return;
  const message = () => `segment ${segment}: its row says ${rows} transfers, it holds ${found}`;
  findings.add('segment-rows', message);
}

/** Marks lie inside their vCPU's stream. */
export function checkMarks(trace: Trace, findings: Findings): void {
  if (trace.state !== 'complete' || !lossless(trace)) return;
  const { marks } = trace;
  for (let mark = 0; mark < marks.count; mark++) {
    const vcpu = marks.vcpu[mark] ?? 0;
    const seq = marks.seq[mark] ?? 0;
    const end = trace.seqEnd(vcpu);
    if (seq <= end) continue;
    const kind = MARK_KINDS[marks.kind[mark] ?? 0] ?? 'unknown';
    const message = () => `mark ${mark} (${kind}): vCPU ${vcpu} seq ${seq}, that ends at ${end}`;
    findings.add('mark-seq', message, { vcpu, seq });
  }
}

export function checkSymbols(trace: Trace, findings: Findings): void {
  const { symbols, modules } = trace;
  let lastModule = 0;
  let lastAddress = 0n;
  for (let symbol = 0; symbol < symbols.count; symbol++) {
    const module = symbols.module[symbol] ?? 0;
    const address = symbols.address[symbol] ?? 0n;
    const isSorted = module > lastModule || (module === lastModule && address >= lastAddress);
    if (module >= modules.count || !isSorted) {
      findings.add(
        'symbol-module',
        () =>
          `symbol ${symbol}: module ${module} of ${modules.count}` +
          (isSorted ? '' : `, after module ${lastModule}: not in order`),
      );
    }
    lastModule = module;
    lastAddress = address;
  }
}

interface Stretches {
  readonly count: number;
  readonly module: Uint32Array;
  readonly address: BigUint64Array;
  readonly size: BigUint64Array;
}

/** Lines are sorted and apart; so are inlined functions of one depth. */
export function checkSources(trace: Trace, findings: Findings): void {
  const { lines, inlines, modules } = trace;
  const check = (name: string, rows: Stretches, depthOf: (row: number) => number): void => {
    const ends = new Map<number, bigint>();
    let last = { module: 0, address: 0n, depth: 0 };
    for (let row = 0; row < rows.count; row++) {
      const module = rows.module[row] ?? 0;
      const address = rows.address[row] ?? 0n;
      const size = rows.size[row] ?? 0n;
      const depth = depthOf(row);
      if (module !== last.module) ends.clear();
      const isSorted =
        module > last.module ||
        (module === last.module &&
          (address > last.address || (address === last.address && depth >= last.depth)));
      const isApart = address >= (ends.get(depth) ?? 0n);
      if (module >= modules.count || !isSorted || !isApart || size === 0n) {
        findings.add(
          'source-line',
          () =>
            `${name} ${row}: module ${module} of ${modules.count}, ${size} bytes` +
            (isSorted && isApart ? '' : ', not after the one before'),
        );
      }
      ends.set(depth, address + size);
      last = { module, address, depth };
    }
  };
  check('line', lines, () => 0);
  check('inlined function', inlines, (row) => inlines.depth[row] ?? 0);
}

/** The manifest's totals, and how often each edge was taken; only of a trace closed properly. */
export function checkTotals(trace: Trace, streams: StreamTotals, findings: Findings): void {
  const { manifest, edges } = trace;
  if (trace.state !== 'complete') return;
  const { totals } = manifest;
  let transfers = 0;
  for (const taken of streams.taken) transfers += taken;
  const compare = (name: string, said: number, found: number): void => {
    if (said !== found) {
      findings.add('total', () => `${name}: the manifest says ${said}, the trace holds ${found}`);
    }
  };
  compare('transfers', totals.transfers, transfers);
  compare('segments', totals.segments, trace.segments.count);
  compare('edges', totals.edges, edges.count);
  compare('blocks', totals.blocks, trace.blocks.count);
  compare('marks', totals.marks, trace.marks.count);
  compare('modules', totals.modules, trace.modules.count);
  compare('symbols', totals.symbols, trace.symbols.count);
  compare('source files', totals.sources, trace.sources.count);
  compare('lines', totals.lines, trace.lines.count);
  compare('inlined functions', totals.inlines, trace.inlines.count);
  if (totals.vcpus < trace.vcpus.length) compare('vCPUs', totals.vcpus, trace.vcpus.length);
  if (streams.instructions >= 0) {
    compare('instructions', totals.instructions, streams.instructions);
  }
  if (manifest.losses.damaged > 0) return;
  for (let edge = 0; edge < edges.count; edge++) {
    const said = edges.taken[edge] ?? 0;
    const found = streams.taken[edge] ?? 0;
    if (said === found) continue;
    const message = () => `edge ${edge}: its row says taken ${said} times, segments hold ${found}`;
    findings.add('edge-count', message);
  }
}
