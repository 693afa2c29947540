/**
 * Proves a trace: that it agrees with itself and with the code it recorded. Nothing here trusts the
 * recorder: instructions are classified anew from their bits, every hop between two transfers is
 * walked through recorded blocks, and every count is taken again.
 */
import type { Trace } from '@backtrail/recorder/trace';
import { checkBlocks } from './check/blocks.ts';
import { checkEdges } from './check/edges.ts';
import { type CheckCode, type Finding, Findings, reasonOf } from './check/findings.ts';
import { HopCheck, type StreamTotals } from './check/hops.ts';
import {
  checkMarks,
  checkSegments,
  checkSources,
  checkSymbols,
  checkTotals,
} from './check/totals.ts';
import { createClassifier } from './disassembly/classify.ts';
import { CodeIndex } from './path/code-index.ts';
import { HopResolver } from './path/hops.ts';

export { CHECK_CODES, type CheckCode, type Finding } from './check/findings.ts';

export interface CheckOptions {
  /** Findings kept of each code; all are counted. 100 if left out. */
  readonly findingsPerCodeMax?: number;
}

export interface CheckReport {
  /** No error was found; warnings may have been. */
  readonly isSound: boolean;
  readonly findings: readonly Finding[];
  /** How often each code was found, also beyond those kept. */
  readonly counts: ReadonlyMap<CheckCode, number>;
  readonly errorCount: number;
  readonly warningCount: number;
  /** What was looked at. */
  readonly checked: {
    readonly blocks: number;
    readonly edges: number;
    readonly segments: number;
    readonly transfers: number;
    readonly vcpus: number;
    /** Instructions of the whole path; -1 where part of it is not known. */
    readonly instructions: number;
  };
}

const FINDINGS_PER_CODE_MAX = 100;

/** Never throws because of what a trace holds: that is a finding. */
export function checkTrace(trace: Trace, options: CheckOptions = {}): CheckReport {
  const findings = new Findings(options.findingsPerCodeMax ?? FINDINGS_PER_CODE_MAX);
  if (trace.state !== 'complete') {
    const message = () => `${trace.directory}: ${trace.state}. Run: backtrail recover`;
    findings.add('trace-partial', message);
  }
  for (const problem of trace.problems) findings.add('trace-problem', () => problem);
  let streams: StreamTotals | null = null;
  const attempt = (step: () => void): void => {
    try {
      step();
    } catch (thrown) {
      findings.add('table-unreadable', () => reasonOf(thrown));
    }
  };
  attempt(() => checkSegments(trace, findings));
  attempt(() => checkMarks(trace, findings));
  attempt(() => checkSymbols(trace, findings));
  attempt(() => checkSources(trace, findings));
  attempt(() => {
    streams = checkCode(trace, findings);
  });
  return report(trace, findings, streams);
}

/** All that needs blocks and edges. */
function checkCode(trace: Trace, findings: Findings): StreamTotals {
  const { isa } = trace.manifest.guest;
  const classifier = createClassifier(isa);
  if (classifier === null) findings.add('isa-unknown', () => `guest ${isa}`);
  const code = new CodeIndex(trace);
  const resolver = new HopResolver(trace, code);
  checkBlocks(trace, classifier, findings);
  checkEdges({ trace, code, ends: resolver.ends, classifier, findings });
  const hops = new HopCheck(trace, resolver, classifier, findings);
  for (const vcpu of trace.vcpus) hops.checkVcpu(vcpu);
  checkTotals(trace, hops.totals, findings);
  return hops.totals;
}

function report(trace: Trace, findings: Findings, streams: StreamTotals | null): CheckReport {
  const errorCount = findings.countOf('error');
  let transfers = 0;
  for (const taken of streams?.taken ?? []) transfers += taken;
  const countOf = (table: 'blocks' | 'edges' | 'segments'): number => {
    try {
      return trace[table].count;
    } catch {
      return 0;
    }
  };
  return {
    isSound: errorCount === 0,
    findings: findings.list,
    counts: findings.counts,
    errorCount,
    warningCount: findings.countOf('warning'),
    checked: {
      blocks: countOf('blocks'),
      edges: countOf('edges'),
      segments: countOf('segments'),
      transfers,
      vcpus: trace.vcpus.length,
      instructions: streams?.instructions ?? -1,
    },
  };
}
