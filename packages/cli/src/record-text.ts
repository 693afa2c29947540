/** What is said after a recording or a recovery. */
import { relative } from 'node:path';
import {
  bitsPerTransfer,
  describeLosses,
  type Manifest,
  type Severity,
} from '@backtrail/recorder/trace';
import type { Output } from './io.ts';
import { describeLoss, describeStop, describeUnknownCalls, tellEnd } from './summary.ts';
import { formatBytes, plural, printable, shellWords, significant } from './text.ts';

interface Finished {
  readonly directory: string;
  readonly manifest: Manifest;
  readonly problems: readonly string[];
  /** Processes that it forked. */
  readonly children?: readonly Finished[];
}

/** Children whose losses are told one by one. */
const CHILDREN_TOLD_MAX = 8;

/** The shorter of the absolute path and the one from here. */
export function shortPath(directory: string): string {
  const here = relative(process.cwd(), directory);
  return here !== '' && here.length < directory.length ? here : directory;
}

/** A limit that the user gave is no loss; what else ended recording is. */
const isAskedFor = (stopped: string | null): boolean =>
  stopped === null || ['max-transfers', 'trigger', 'asked'].includes(stopped);

/** One line for each thing that is missing from the trace; they are told even to a log file. */
export function lossLines(finished: Finished): string[] {
  const lines = ownLossLines(finished);
  const executed = (finished.children ?? []).filter(
    ({ manifest }) => manifest.losses.execsUnrecorded > 0,
  );
  if (executed.length > 0) {
    const path = printable(shortPath(finished.directory));
    const who = plural(executed.length, 'forked process', 'forked processes');
    lines.push(`${path}: ${who} executed another program (exec), which ran unrecorded.`);
  }
  const children = (finished.children ?? [])
    .map((child) => ownLossLines(child, ['data-loss']))
    .filter((told) => told.length > 0);
  const more = children.length - CHILDREN_TOLD_MAX;
  lines.push(...children.slice(0, CHILDREN_TOLD_MAX).flat());
  if (more > 0)
    lines.push(`${plural(more, 'child process', 'child processes')} more lack something`);
  return lines;
}

function ownLossLines(
  { directory, manifest, problems }: Finished,
  severities: readonly Severity[] = ['data-loss', 'warning'],
): string[] {
  const path = printable(shortPath(directory));
  const lines = describeLosses(manifest)
    .filter((loss) => severities.includes(loss.severity))
    .map((loss) => `${path}: ${describeLoss(loss)}`);
  if (manifest.stopped !== null && !isAskedFor(manifest.stopped)) {
    lines.unshift(`${path}: recording stopped ${describeStop(manifest.stopped)}.`);
  }
  return [...lines, ...problems.map((problem) => `${path}: ${printable(problem)}`)];
}

/** For a terminal: what was written where, how it ended, what is missing, what to type next. */
export function recordLines(finished: Finished, out: Output): string[] {
  const { manifest, directory } = finished;
  const path = shellWords([shortPath(directory)]);
  const { transfers, bytes } = manifest.totals;
  const bits = bitsPerTransfer(manifest);
  const each = bits === null ? '' : `, ${significant(bits)} bits each`;
  const lines = [
    `${tellEnd(manifest)}; ` +
      `${plural(transfers, 'transfer')} in ${path} (${formatBytes(bytes)}${each})`,
  ];
  const children = finished.children ?? [];
  if (children.length > 0) {
    const held = children.reduce((sum, child) => sum + child.manifest.totals.transfers, 0);
    lines.push(
      `${plural(children.length, 'process', 'processes')} that it forked: ` +
        `${plural(held, 'transfer')} in ${shellWords([`${shortPath(directory)}/children`])}`,
    );
  }
  if (manifest.stopped !== null && isAskedFor(manifest.stopped)) {
    lines.push(`recording stopped ${describeStop(manifest.stopped)}`);
  }
  const kept = describeLosses(manifest).filter((loss) => loss.severity === 'info');
  for (const loss of kept) lines.push(describeLoss(loss));
  if (manifest.unknownCalls.length > 0) {
    lines.push(out.paint('yellow', describeUnknownCalls(manifest.unknownCalls)));
  }
  for (const line of lossLines(finished)) lines.push(out.paint('yellow', line));
  const { end } = manifest;
  const isFine = end?.how === 'exit' && end.status === 0;
  const next = isFine ? 'back' : 'crash';
  lines.push(`next: ${out.paint('bold', `backtrail ${next} ${path}`)}`);
  return lines;
}
