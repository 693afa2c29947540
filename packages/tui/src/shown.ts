/** What the terminal shows: lines for its size, and what becomes of what is typed. */
import type { Line } from './line.ts';

export interface Shown {
  readonly hasColor: boolean;
  /** Lines that were copied, printed when the terminal is back. */
  readonly copied: readonly string[];
  /** As many lines as there are rows. */
  lines(columns: number, rows: number): Line[];
  /** What came from the terminal. */
  take(data: string): void;
  /** Called while nobody waits. @returns whether there is more to do ahead of the next key */
  rest(): boolean;
  stop(): void;
  /** The lines are others now. */
  onChange: () => void;
  onDone: (error?: Error) => void;
  /** The shell is to have its turn. */
  onSuspend: () => void;
}
