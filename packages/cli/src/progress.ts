/** The live line of a recording, on a terminal. */
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

export class ProgressLine {
  readonly #out: Output;
  #before: Progress | null = null;
  #isShown = false;

  constructor(out: Output) {
    this.#out = out;
  }

  update(now: Progress): void {
    if (now.elapsedMs < SILENT_MS) return;
    if (this.#before !== null && now.elapsedMs - this.#before.elapsedMs < INTERVAL_MS) return;
    // One column is left free: a full line makes some terminals go on to the next.
    const text = cut(progressText(now, this.#before), this.#out.columns - 1);
    this.#out.write(`${CLEAR_LINE}${this.#out.paint('dim', text)}`);
    this.#before = now;
    this.#isShown = true;
  }

  clear(): void {
    if (this.#isShown) this.#out.write(CLEAR_LINE);
    this.#isShown = false;
  }
}
