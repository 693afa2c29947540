/** What `backtrail crash` does: makes the report, writes it in the format that is asked for. */
import { crashReport } from '@backtrail/analyzer';
import { openTrace } from '@backtrail/recorder/trace';
import { crashHtml } from './crash-html.ts';
import { crashMarkdown, crashText } from './crash-text.ts';
import { indexOf } from './indexing.ts';
import type { Io, Output } from './io.ts';
import { fileSink } from './result-file.ts';

export interface CrashRequest {
  readonly directory: string;
  /** Null: by the name of the file, else text. */
  readonly format: string | null;
  /** Null: stdout. */
  readonly output: string | null;
  readonly vcpu: number | null;
  readonly rows: number;
  readonly isWhole: boolean;
  readonly readsSource: boolean;
}

const BY_NAME: readonly (readonly [RegExp, string])[] = [
  [/\.html?$/, 'html'],
  [/\.md$/, 'markdown'],
  [/\.json$/, 'json'],
];

/** A file is no terminal: lines are not cut, nothing is coloured. */
const plainScreen = (out: Output): Pick<Output, 'isTerminal' | 'columns' | 'paint'> => ({
  isTerminal: false,
  columns: out.columns,
  paint: (_paint, text) => text,
});

export async function runCrash(request: CrashRequest, io: Io): Promise<number> {
  const { output } = request;
  const named = BY_NAME.find(([name]) => output !== null && name.test(output));
  const format = request.format ?? named?.[1] ?? 'text';
  const trace = openTrace(request.directory);
  const { vcpu, rows, readsSource } = request;
  // The next report of it has the index, and is as quick as that of a short run.
  const whole = request.isWhole
    ? { index: (await indexOf(trace, io)).index, callTransfersMax: Number.POSITIVE_INFINITY }
    : {};
  const report = await crashReport(trace, { vcpu, rows, readsSource, ...whole });
  const text = (): string => {
    switch (format) {
      case 'json':
        return `${JSON.stringify(report, null, 2)}\n`;
      case 'html':
        return crashHtml(report);
      case 'markdown':
        return crashMarkdown(report);
      default:
        return crashText(report, output === null ? io.out : plainScreen(io.out));
    }
  };
  if (output === null) {
    io.out.write(text());
    return 0;
  }
  const sink = fileSink(output);
  try {
    sink.write(text());
    sink.finish();
  } catch (error) {
    sink.abandon();
    throw error;
  }
  return 0;
}
