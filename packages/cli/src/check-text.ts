/** What a check found, as text and as JSON. */
import type { CheckReport } from '@backtrail/analyzer';
import type { Output } from './io.ts';
import { formatCount, plural, printable } from './text.ts';

/** Findings shown of each code; --json has all that were kept. */
const SHOWN_PER_CODE_MAX = 10;

export function checkJson(report: CheckReport): string {
  const { isSound, errorCount, warningCount, checked, findings } = report;
  const counts = Object.fromEntries(report.counts);
  const json = { isSound, errorCount, warningCount, checked, counts, findings };
  return `${JSON.stringify(json, null, 2)}\n`;
}

/** One line for each finding: how grave, which, where, what. */
function findingLines(report: CheckReport, out: Output): string[] {
  const lines: string[] = [];
  const shown = new Map<string, number>();
  for (const { code, severity, message, at } of report.findings) {
    const count = (shown.get(code) ?? 0) + 1;
    shown.set(code, count);
    if (count > SHOWN_PER_CODE_MAX) continue;
    const where = at === undefined ? '' : `vCPU ${at.vcpu}, seq ${formatCount(at.seq)}: `;
    const head = out.paint(severity === 'error' ? 'red' : 'yellow', `${severity} ${code}`);
    lines.push(`${head}: ${where}${printable(message)}`);
  }
  for (const [code, count] of report.counts) {
    const more = count - Math.min(count, SHOWN_PER_CODE_MAX);
    if (more > 0) lines.push(`${code}: ${formatCount(more)} more of these`);
  }
  return lines;
}

/** Findings first, then what was looked at, then the verdict. */
export function checkText(report: CheckReport, out: Output): string {
  const { checked } = report;
  const path =
    checked.instructions < 0
      ? 'how many instructions ran is not known'
      : `${plural(checked.instructions, 'instruction')} on the path`;
  const verdict = report.isSound
    ? out.paint('green', 'proven: nothing contradicts')
    : out.paint('red', `not proven: ${plural(report.errorCount, 'error')}`);
  const warned = report.warningCount === 0 ? '' : `, ${plural(report.warningCount, 'warning')}`;
  const lines = [
    ...findingLines(report, out),
    `checked ${plural(checked.transfers, 'transfer')} of ${plural(checked.vcpus, 'vCPU')} in ` +
      `${plural(checked.segments, 'segment')}, ${plural(checked.edges, 'edge')}, ` +
      `${plural(checked.blocks, 'block')}; ${path}`,
    `${verdict}${warned}`,
  ];
  return `${lines.join('\n')}\n`;
}
