/**
 * A trace with no transfer that can be read: nowhere to walk. What it says nevertheless is shown:
 * how the run ended, what is damaged, which marks there are.
 */
import type { Trace } from '@backtrail/analyzer';
import { decodeKeys } from './input.ts';
import { fitted, formatCount, harmless, type Line, span, wrapped } from './line.ts';
import { marksOf, Names } from './names.ts';
import type { Shown } from './shown.ts';
import type { WalkOptions } from './world.ts';

const MARKS_MAX = 1000;
const STEPS: Readonly<Record<string, number>> = {
  up: -1,
  k: -1,
  down: 1,
  j: 1,
  pageup: -10,
  pagedown: 10,
};

export class EmptySession implements Shown {
  readonly copied: readonly string[] = [];
  readonly hasColor: boolean;
  onChange: () => void = () => {};
  onDone: (error?: Error) => void = () => {};
  onSuspend: () => void = () => {};
  readonly #trace: Trace;
  readonly #says: readonly string[];
  #from = 0;

  constructor(trace: Trace, options: WalkOptions) {
    this.#trace = trace;
    this.hasColor = options.hasColor;
    this.#says = says(trace, options);
  }

  lines(columns: number, rows: number): Line[] {
    const name = harmless(this.#trace.directory.replace(/\/+$/, '').replace(/^.*\//, ''));
    const text = this.#says.flatMap((one) => wrapped(one, Math.max(10, columns - 2)));
    const height = Math.max(0, rows - 2);
    this.#from = Math.max(0, Math.min(this.#from, text.length - height));
    const shown = text.slice(this.#from, this.#from + height);
    const blanks = Array.from({ length: height - shown.length }, () => '');
    const lines: Line[] = [
      [span(` ${name}  no transfers`, 'bold')],
      ...[...shown, ...blanks].map((line): Line => [span(` ${line}`)]),
      [span(' ↑↓ more  q quit', 'dim')],
    ];
    return lines.slice(0, rows).map((line) => fitted(line, columns));
  }

  take(data: string): void {
    for (const key of decodeKeys(data).keys) {
      if (key === 'q' || key === 'ctrl+c') {
        this.onDone();
        return;
      }
      if (key === 'ctrl+z') this.onSuspend();
      this.#from = Math.max(0, this.#from + (STEPS[key] ?? 0));
    }
    this.onChange();
  }

  rest(): boolean {
    return false;
  }

  stop(): void {}
}

function says(trace: Trace, { ended }: WalkOptions): string[] {
  const { manifest, marks, problems } = trace;
  const { transfers } = manifest.totals;
  const isDamaged = transfers > 0 || problems.length > 0;
  const why = isDamaged
    ? `Of ${formatCount(transfers)} transfers that were recorded none can be read.`
    : 'No transfer was recorded: nothing but sequential code ran, or the guest never began to run.';
  const vcpus = new Set(marks.vcpu);
  const names = new Names(trace);
  const rows = [...vcpus].flatMap((vcpu) => Array.from(marksOf(trace, vcpu)));
  const told = rows.slice(0, MARKS_MAX).map((mark) => {
    return `vCPU ${marks.vcpu[mark]}, before transfer ${marks.seq[mark]}: ${names.mark(mark)}`;
  });
  const more = rows.length > MARKS_MAX ? [`… ${formatCount(rows.length - MARKS_MAX)} more`] : [];
  return [
    '',
    why,
    ended,
    '',
    ...(problems.length === 0 ? [] : ['Damage:', ...problems.map(harmless), '']),
    ...(told.length === 0 ? ['There are no marks.'] : ['Marks:', ...told, ...more]),
    '',
    'backtrail info tells what else the trace holds.',
  ];
}
