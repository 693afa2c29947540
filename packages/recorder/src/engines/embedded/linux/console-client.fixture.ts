/** The guest's thread of console.test.ts: does what it is told and says what came of it. */
import { parentPort, workerData } from 'node:worker_threads';
import { S } from './abi.ts';
import { ConsoleClient } from './console.ts';
import type { StandardFacts } from './io.ts';

/** Whatever stdin of the test run is: a pipe. */
class PipeClient extends ConsoleClient {
  override facts(): StandardFacts {
    return { mode: S.fifo, blockBytes: 4096, isFile: false, isTerminal: false, position: 0 };
  }
}

export interface Task {
  readonly do: 'wait' | 'read-all' | 'read' | 'sleep' | 'size' | 'characters' | 'raw' | 'end';
}

export type Answer = string | number | null | readonly (string | number | null)[];

if (parentPort !== null) {
  const port = parentPort;
  const shared: unknown = workerData;
  if (!(shared instanceof SharedArrayBuffer)) throw new TypeError('no mailbox was given');
  const client = new PipeClient(shared);
  const read = (bytes: number): string | null => {
    const into = new Uint8Array(new SharedArrayBuffer(bytes));
    const count = client.read(into);
    return count === null ? null : Buffer.from(into.subarray(0, count)).toString('latin1');
  };
  const answer = (task: Task): Answer => {
    switch (task.do) {
      case 'wait':
        return [client.wait(null, true), ...client.takeSignals()];
      case 'sleep':
        return [client.wait(1, false)];
      case 'read':
        return read(5);
      case 'characters':
      case 'raw':
        client.setTerminalMode(task.do);
        return task.do;
      case 'size': {
        const { rows, columns } = client.terminalSize();
        return [rows, columns];
      }
      case 'read-all': {
        let all = '';
        for (;;) {
          const part = read(1000);
          if (part === '') return all;
          if (part === null) client.wait(null, true);
          else all += part;
        }
      }
      default:
        port.close();
        return 'end';
    }
  };
  port.on('message', (task: Task) => port.postMessage(answer(task)));
}
