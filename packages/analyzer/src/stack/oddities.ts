/** What may be out of the ordinary in a call stack. */
import type { FrameStack } from './frames.ts';

/** What is out of the ordinary; a listener hears of each. */
export const ODDITIES = ['broken', 'unwound', 'switched', 'redirected'] as const;
/**
 * `broken`: a return that went where no open frame was called from. `unwound`: control came back
 * to a lower frame, those above are closed. `switched`: it went on on another stack. `redirected`:
 * a signal or trap handler made control go on elsewhere.
 */
export type Oddity = (typeof ODDITIES)[number];

/** Told before the stack is changed. */
export type OddityListener = (oddity: Oddity, edge: number, seq: number, stack: FrameStack) => void;
