/** Crash reports for tests. */
import { type CrashReport, crashReport } from '@backtrail/analyzer';
import { openTrace } from '@backtrail/recorder/trace';
import { SAMPLE } from './main.fixture.ts';

/** Whatever a name may hold: tags, quotes, fences, terminal escapes, a turn of the text. */
export const HOSTILE = '</script><img src=x onerror="alert(1)">\'`````\n# x\u001b[31m\u202e|&amp;';

const OURS: readonly string[] = ['format', 'row', 'how', 'known', 'code', 'kind', 'state'];

/** A report in which every text of the trace is hostile. */
export async function hostileReport(): Promise<CrashReport> {
  const report = await crashReport(openTrace(SAMPLE));
  const text = JSON.stringify(report, (key, value: unknown) => {
    const isTheirs = typeof value === 'string' && !OURS.includes(key);
    return isTheirs && !/^0x[0-9a-f]+$/.test(value) ? HOSTILE : value;
  });
  return JSON.parse(text) as CrashReport;
}
