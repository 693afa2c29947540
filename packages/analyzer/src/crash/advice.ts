/** What a report cannot tell, and what to look at next. */
import type { Loss } from '@backtrail/recorder/trace';
import { describeLosses } from '@backtrail/recorder/trace';
import type { CrashNext, CrashReport, CrashUnknown } from './report.ts';
import { LAST_PART_TRANSFERS, type Scene } from './scene.ts';

/** Frames that a page shows whole. */
const STACK_SHOWN = 16;

type Found = Omit<CrashReport, 'unknown' | 'next'>;

/** @param callsWhole whether returns were looked at from the beginning of the run. */
export function unknowns(scene: Scene, found: Found, callsWhole: boolean): CrashUnknown[] {
  const { trace } = scene;
  const { manifest } = trace;
  const list: CrashUnknown[] = [];
  const tell = (code: CrashUnknown['code'], says: string): void => void list.push({ code, says });
  if (trace.state === 'partial') {
    tell('partial', 'The trace is not closed: counts and names may be missing.');
  }
  if (found.end.how === 'unknown') tell('end', 'Nobody saw how the run ended.');
  if (found.where?.known === 'block') {
    const indirect = found.where.endsIndirect
      ? ', or at the address that its last instruction went to'
      : '';
    const what = `${blockOnly(found.end)} one of the instructions listed${indirect}.`;
    tell('fault-pc', `${what} How many of them ran is not known.`);
  }
  if (manifest.filter !== undefined) {
    tell('filter', 'Recorded with a filter: of code outside only where it was entered and left.');
  }
  for (const loss of describeLosses(manifest)) tell('losses', lossText(loss));
  if (scene.damaged > 0) {
    const what =
      scene.damaged === 1
        ? '1 segment near the end is'
        : `${scene.damaged} segments near the end are`;
    tell('damaged', `${what} damaged and passed over.`);
  }
  if (found.stack === null) {
    tell('calls', `Calls and returns of ${scene.isa} are not told apart from other jumps.`);
  } else if (!callsWhole) {
    tell(
      'not-whole',
      `Calls and returns before transfer ${found.callsFromSeq} were not looked at: the run is ` +
        'long. With --whole they are.',
    );
  }
  const isWritten = trace.blocks.count > 0 && trace.blocks.text(0) !== null;
  if (scene.tools.disassembler === null && !isWritten) {
    tell('no-disassembly', `Instructions of ${scene.isa} are shown as bytes.`);
  }
  if (trace.symbols.count === 0) tell('no-symbols', 'The trace has no symbols.');
  return list;
}

/** Why only a block is known, and what happened in it. */
function blockOnly({ how, recordingStopped }: Found['end']): string {
  if (recordingStopped !== null) return 'Recording stopped before the run ended, at';
  if (how !== 'signal') return 'The engine is not told where the run ended: it was at';
  return 'The engine is not told where a fatal signal comes: it came at';
}

const lossText = ({ count, says, advice }: Loss): string =>
  `${count.toLocaleString('en-US')} ${says} ${advice}`;

/** Commands worth running, the best first. */
export function nextSteps(found: Found, callsWhole: boolean): CrashNext[] {
  const { trace, vcpu, seqEnd, stack } = found;
  const { directory } = trace;
  const own = trace.vcpus > 1 ? ['--vcpu', `${vcpu}`] : [];
  const list = specificSteps(found, own);
  if (trace.state === 'partial') {
    list.unshift({ says: 'make the trace whole first', words: ['recover', directory] });
  }
  const astray = found.brokenReturns?.first[0]?.seq ?? found.wildJumps[0]?.seq ?? seqEnd - 1;
  list.push({
    says: 'walk through it on the screen, from there backward',
    words: ['walk', directory, '--at', `${vcpu}:${astray}`],
  });
  if (stack !== null && stack.depth > STACK_SHOWN) {
    list.push({ says: 'more of the call stack', words: ['stack', directory, ...own, '-n', '500'] });
  }
  if (stack !== null && !callsWhole) {
    list.push({
      says: 'the same, with all calls and returns from the beginning',
      words: ['crash', directory, ...own, '--whole'],
    });
  }
  list.push({ says: 'further back', words: ['back', directory, ...own, '-n', '200'] });
  list.push({ says: 'prove the trace itself', words: ['check', directory] });
  return list;
}

/** Those that what was found suggests. */
function specificSteps(found: Found, own: readonly string[]): CrashNext[] {
  const { trace, vcpu, seqEnd, where } = found;
  const { directory } = trace;
  const list: CrashNext[] = [];
  const ask = (says: string, sql: string): void => {
    list.push({ says, words: ['query', directory, sql] });
  };
  const broken = found.brokenReturns?.first[0];
  if (broken !== undefined) {
    ask(
      'the call whose return address was overwritten, and all that ran in it',
      `from transfers_between(${vcpu}, ${broken.calledSeq}, ${broken.seq})`,
    );
  }
  const wild = found.wildJumps[0];
  if (wild !== undefined && wild.source !== null && wild.seq !== broken?.seq) {
    ask(
      'where else the jump that went wild went before',
      `from transfers_from(${wild.source.address})`,
    );
  }
  if (where?.isCode === true && found.end.isFault) {
    ask(
      'when the code that failed ran before, without failing',
      `from last_executed_before(${where.place.address}, ${vcpu}, ${seqEnd - 1})`,
    );
  }
  const event = found.events[0];
  if (event !== undefined && event.transfersAgo < LAST_PART_TRANSFERS) {
    list.push({
      says: `around the last ${event.kind}`,
      words: ['back', directory, ...own, '--from', `${Math.min(event.seq + 5, seqEnd - 1)}`],
    });
  }
  return list;
}
