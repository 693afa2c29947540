/**
 * Records one guest in a process of its own, so that a test can choose its environment, take what
 * the guest prints, or kill it. Argument: the options of record() as JSON. On file descriptor 3, if
 * there is one: `N` and a newline for the transfers on disk, while the guest runs.
 */
import { fstatSync, writeSync } from 'node:fs';
import { type RecordOptions, record } from '@backtrail/recorder';

const PROGRESS_FD = 3;

function isOpen(fd: number): boolean {
  try {
    return fstatSync(fd).isSocket() || fstatSync(fd).isFIFO();
  } catch {
    return false;
  }
}

const options = JSON.parse(process.argv[2] ?? '') as RecordOptions;
const tells = isOpen(PROGRESS_FD) && process.argv[3] === 'progress';
await record({
  ...options,
  ...(tells && { onProgress: ({ transfers }) => writeSync(PROGRESS_FD, `${transfers}\n`) }),
});
