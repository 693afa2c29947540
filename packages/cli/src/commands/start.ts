/** `backtrail start`: begin a recording that waits. */
import { requestCommand } from '../running.ts';

export const START = requestCommand({
  name: 'start',
  summary: 'Begin a recording that waits',
  details: [
    'Lets a recording under QEMU begin that was started with --start. Until then its ' +
      'program runs without being recorded, at the speed of QEMU alone. The trace begins ' +
      'where each vCPU is then.',
  ],
  ask: ({ startRecording }, of) => startRecording(of),
});
