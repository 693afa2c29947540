/** The call stack at one moment of one vCPU, with all that is told of it. */
import {
  type BrokenReturns,
  type CallStack,
  createDemangler,
  createSourceLocator,
  createSymbolizer,
  type NamedFrame,
  nameFrames,
  ODDITIES,
  type Oddity,
  type Symbolizer,
  stacksBy,
  type TraceIndex,
} from '@backtrail/analyzer';
import { BacktrailError, KINDS, type Trace } from '@backtrail/recorder/trace';
import { vcpuOf } from './backward-range.ts';

export interface StackOptions {
  /** Null: the one that ended last. */
  readonly vcpu: number | null;
  /** seq of the transfer after which; null: the last one. */
  readonly at: number | null;
  readonly framesMax: number;
}

export interface StackAnswer {
  readonly trace: Trace;
  readonly stack: CallStack;
  readonly frames: readonly NamedFrame[];
  readonly brokenReturns: BrokenReturns;
  /** How often each happened in the whole run of the vCPU. */
  readonly counts: Readonly<Record<Oddity, number>>;
  readonly symbolizer: Symbolizer;
}

/** @throws BacktrailError E_VCPU, E_SEQ, E_EMPTY, E_KINDS */
export function stackAt(trace: Trace, index: TraceIndex, options: StackOptions): StackAnswer {
  const vcpu = vcpuOf(trace, options.vcpu);
  const last = trace.seqEnd(vcpu) - 1;
  const seq = options.at ?? last;
  if (seq > last) {
    throw new BacktrailError(
      'E_SEQ',
      `--at: found ${seq}, but the last transfer of vCPU ${vcpu} is ${last}. ` +
        'Give that or less, or leave it away.',
    );
  }
  requireCalls(trace);
  const stacks = stacksBy(trace, index);
  const demangler = createDemangler();
  const demangle = (name: string): string => demangler.demangle(name);
  const symbolizer = createSymbolizer(trace, { demangle });
  const locator = createSourceLocator(trace, symbolizer, { demangle });
  const stack = stacks.at(vcpu, seq, { framesMax: options.framesMax });
  const timeNs = trace.segments.timeLastNs[trace.segmentAt(vcpu, seq)];
  const counts = Object.fromEntries(
    ODDITIES.map((oddity) => [oddity, stacks.odd(vcpu, oddity).count]),
  );
  return {
    trace,
    stack,
    frames: nameFrames(stack, { symbolizer, locator }, timeNs),
    brokenReturns: stacks.brokenReturns(vcpu),
    counts: { broken: 0, unwound: 0, switched: 0, redirected: 0, ...counts },
    symbolizer,
  };
}

/** Where an engine does not tell kinds, nobody knows what is a call. */
function requireCalls({ edges, directory, manifest }: Trace): void {
  const calls = [KINDS.indexOf('call'), KINDS.indexOf('indirect-call')];
  if (edges.kind.some((kind) => calls.includes(kind))) return;
  throw new BacktrailError(
    'E_KINDS',
    `${directory}: found no transfer of kind call (guest ${manifest.guest.isa}), expected ` +
      'some to make a stack of. See what is there: backtrail back',
  );
}
