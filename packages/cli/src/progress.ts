/** The live line of something that takes a while, on a terminal. */
import type { IndexProgress } from '@backtrail/analyzer';
import type { Progress } from '@backtrail/recorder';
import type { Output } from './io.ts';
import { cut, formatBytes, formatDuration, significant } from './text.ts';

/** A program that ends sooner never sees a line drawn over its output. */
const SILENT_MS = 500;
const INTERVAL_MS = 100;
/** Back to the first column and clear what is there (ECMA-48 EL). */
const CLEAR_LINE = '\r\u001b[2K';

/** `1.25 M`: transfers change too fast to be read digit by digit. */
function short(count: number): string {
  if (count < 1e4) return String(Math.round(count));
  if (count < 1e6) return `${significant(count / 1e3)} k`;
  if (count < 1e9) return `${significant(count / 1e6)} M`;
  return `${significant(count / 1e9)} G`;
}

/** What the line says. `before` is the update before, for the rate. */
export function progressText(now: Progress, before: Progress | null): string {
  const since = before ?? { transfers: 0, elapsedMs: 0 };
  const seconds = (now.elapsedMs - since.elapsedMs) / 1000;
  const rate = seconds > 0 ? (now.transfers - since.transfers) / seconds : 0;
  const bits = now.transfers === 0 ? 0 : (8 * now.bytes) / now.transfers;
  const waited = now.waitNs === 0 ? '' : `, program waited ${formatDuration(now.waitNs)}`;
  return (
    `recording ${formatDuration(now.elapsedMs * 1e6)}: ${short(now.transfers)} transfers, ` +
    `${short(rate)}/s, ${formatBytes(now.bytes)}, ${significant(bits)} bits each${waited}`
  );
}

/** What the line says while an index is built. */
export function indexText({ transfers, totalTransfers }: IndexProgress, elapsedMs: number): string {
  const percent = totalTransfers === 0 ? 100 : Math.floor((100 * transfers) / totalTransfers);
  const rate = elapsedMs > 0 ? transfers / (elapsedMs / 1000) : 0;
  const total = short(totalTransfers);
  return `indexing, once for this trace: ${percent} % of ${total}, ${short(rate)}/s`;
}

/** One line that is drawn anew, and cleared when it is over. */
export class StatusLine {
  readonly #out: Output;
  #shownMs: number | null = null;

  constructor(out: Output) {
    this.#out = out;
  }

  /** @param text is only asked for when it will be drawn. */
  update(elapsedMs: number, text: () => string): void {
    if (!this.#out.isTerminal || elapsedMs < SILENT_MS) return;
    if (this.#shownMs !== null && elapsedMs - this.#shownMs < INTERVAL_MS) return;
    // One column is left free: a full line makes some terminals go on to the next.
    const line = cut(text(), this.#out.columns - 1);
    this.#out.write(`${CLEAR_LINE}${this.#out.paint('dim', line)}`);
    this.#shownMs = elapsedMs;
  }

  clear(): void {
    if (this.#shownMs !== null) this.#out.write(CLEAR_LINE);
    this.#shownMs = null;
  }
}

/** The line of a recording. */
export class ProgressLine {
  readonly #line: StatusLine;
  #before: Progress | null = null;

  constructor(out: Output) {
    this.#line = new StatusLine(out);
  }

  update(now: Progress): void {
    this.#line.update(now.elapsedMs, () => {
      const text = progressText(now, this.#before);
      this.#before = now;
      return text;
    });
  }

  clear(): void {
    this.#line.clear();
  }
}
