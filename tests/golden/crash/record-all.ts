/** Records several guests one after the other: a process for each would take longer than they. */
import { type RecordOptions, record } from '@backtrail/recorder';

const list = JSON.parse(process.argv[2] ?? '[]') as readonly RecordOptions[];
for (const options of list) await record(options);
