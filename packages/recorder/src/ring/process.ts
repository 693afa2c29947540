/** Who a process is: its number alone may be given again, its start time is not. */
import { readFileSync } from 'node:fs';

/**
 * Field 22 of /proc/PID/stat (proc(5)): start time in clock ticks since boot.
 * Null if there is no such process or it is dead and not yet reaped.
 */
export function processStart(pid: number): bigint | null {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return null;
  }
  // Field 2 is the name in parentheses and may hold anything, also ')' and blanks.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const state = fields[0];
  const start = fields[19];
  if (state === 'Z' || state === 'X' || start === undefined) return null;
  return BigInt(start);
}
