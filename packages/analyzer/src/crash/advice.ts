/** What a report cannot tell, and what to look at next. */
import type { Loss } from '@backtrail/recorder/trace';
import { describeLosses } from '@backtrail/recorder/trace';
import type { CrashNext, CrashReport, CrashUnknown } from './report.ts';
import { LAST_PART_TRANSFERS, type Scene } from './scene.ts';

type Found = Omit<CrashReport, 'unknown' | 'next'>;

/** @param callsWhole whether returns were looked at from the beginning of the run. */
export function unknowns(scene: Scene, found: Found, callsWhole: boolean): CrashUnknown[] {
  const { trace } = scene;
  const { manifest } = trace;
  const list: CrashUnknown[] = [];
  const tell = (code: CrashUnknown['code'], says: string): void => void list.push({ code, says });
  if (trace.state === 'partial') {
    tell('partial', 'The trace is not closed: its end and its names are not known yet.');
  }
  if (found.end.how === 'unknown') tell('end', 'Nobody saw how the run ended.');
  if (found.where?.known === 'block') {
    const indirect = found.where.endsIndirect
      ? ', or at the address that its last instruction went to'
      : '';
    tell(
      'fault-pc',
      'The engine is not told where a fatal signal comes: it came at one of the instructions ' +
        `listed${indirect}. How many of them ran is not known.`,
    );
  }
  for (const loss of describeLosses(manifest)) tell('losses', lossText(loss));
  if (scene.damaged > 0) {
    tell('damaged', `${scene.damaged} segments near the end are damaged and were passed over.`);
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
  if (scene.tools.disassembler === null) {
    tell('no-disassembly', `Instructions of ${scene.isa} are shown as bytes.`);
  }
  if (trace.symbols.count === 0) tell('no-symbols', 'The trace has no symbols.');
  return list;
}

const lossText = ({ count, says, advice }: Loss): string => `${count} ${says} ${advice}`;

/** Commands worth running, the best first. */
export function nextSteps(found: Found, callsWhole: boolean): CrashNext[] {
  const { trace, vcpu, seqEnd } = found;
  const { directory } = trace;
  const isOther = found.trace.vcpus > 1;
  const own = isOther ? ['--vcpu', `${vcpu}`] : [];
  const list: CrashNext[] = [];
  const broken = found.brokenReturns?.first[0];
  if (broken !== undefined) {
    list.push({
      says: 'the call whose return address was overwritten, and all that ran in it',
      words: [
        'query',
        directory,
        `from transfers_between(${vcpu}, ${broken.calledSeq}, ${broken.seq})`,
      ],
    });
  }
  const wild = found.wildJumps[0];
  if (wild !== undefined && wild.source !== null && wild.seq !== broken?.seq) {
    list.push({
      says: 'where else the jump that went wild went before',
      words: ['query', directory, `from transfers_from(${wild.source.address})`],
    });
  }
  const { where } = found;
  if (where?.isCode === true && found.end.isFault) {
    list.push({
      says: 'when the code that failed ran before, without failing',
      words: [
        'query',
        directory,
        `from last_executed_before(${where.place.address}, ${vcpu}, ${seqEnd - 1})`,
      ],
    });
  }
  const event = found.events[0];
  if (event !== undefined && event.transfersAgo < LAST_PART_TRANSFERS) {
    list.push({
      says: `around the last ${event.kind}`,
      words: ['back', directory, ...own, '--from', `${Math.min(event.seq + 5, seqEnd - 1)}`],
    });
  }
  if (found.stack !== null && !callsWhole) {
    list.push({
      says: 'the same, with all calls and returns from the beginning',
      words: ['crash', directory, ...own, '--whole'],
    });
  }
  list.push({ says: 'further back', words: ['back', directory, ...own, '-n', '200'] });
  list.push({ says: 'prove the trace itself', words: ['check', directory] });
  return list;
}
