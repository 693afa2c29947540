/**
 * Records one guest in a process of its own, so that a test can choose its environment, take what
 * the guest prints, or kill it. Arguments: the options of record() as JSON; then `progress` to be
 * told on file descriptor 3, while the guest runs, how many transfers are on disk, one a line.
 */
import { writeSync } from 'node:fs';
import { type RecordOptions, record } from '@backtrail/recorder';

const PROGRESS_FD = 3;

const options = JSON.parse(process.argv[2] ?? '') as RecordOptions;
const tells = process.argv[3] === 'progress';
await record({
  ...options,
  ...(tells && { onProgress: ({ transfers }) => writeSync(PROGRESS_FD, `${transfers}\n`) }),
});
