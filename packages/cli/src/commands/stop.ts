/** `backtrail stop`: end a recording while the program runs on. */
import { requestCommand } from '../running.ts';

export const STOP = requestCommand({
  name: 'stop',
  summary: 'End a recording while the program runs on',
  details: [
    'Ends a recording under QEMU: its trace is closed, and the program runs on ' +
      'unrecorded, after a recording that began with --start at the speed of QEMU alone. ' +
      'The recorder stays until the program ends, and passes its exit status on.',
  ],
  ask: ({ stopRecording }, of) => stopRecording(of),
});
