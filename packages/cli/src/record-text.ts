/** What is said after a recording or a recovery. */
import { relative } from 'node:path';
import { bitsPerTransfer, describeLosses, type Manifest } from '@backtrail/recorder/trace';
import type { Output } from './io.ts';
import { describeLoss, describeStop, describeUnknownCalls, tellEnd } from './summary.ts';
import { formatBytes, plural, printable, shellWords, significant } from './text.ts';

interface Finished {
  readonly directory: string;
  readonly manifest: Manifest;
  readonly problems: readonly string[];
}

/** The shorter of the absolute path and the one from here. */
export function shortPath(directory: string): string {
  const here = relative(process.cwd(), directory);
  return here !== '' && here.length < directory.length ? here : directory;
}

/** A limit that the user gave is no loss; what else ended recording is. */
const isAskedFor = (stopped: string | null): boolean =>
  stopped === null || stopped === 'max-transfers';

/** One line for each thing that is missing from the trace; they are told even to a log file. */
export function lossLines({ directory, manifest, problems }: Finished): string[] {
  const path = printable(shortPath(directory));
  const lines = describeLosses(manifest)
    .filter((loss) => loss.severity !== 'info')
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
