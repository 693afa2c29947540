/** A program whose UI has a fault of its own: the test looks at what it leaves behind. */
import { openTrace } from '@backtrail/analyzer';
import { walk } from './app.ts';

const [directory = '', where = ''] = process.argv.slice(2);
let frames = 0;

function fault(): never {
  throw new TypeError(`a fault in ${where}`);
}

const options = {
  ended: 'It ended.',
  /** Asked for when `y` is pressed. */
  get command(): string {
    return where === 'a key' ? fault() : 'backtrail walk';
  },
  /** Asked for with every frame. */
  get hasColor(): boolean {
    return where === 'a frame' && frames++ > 0 ? fault() : false;
  },
};

try {
  await walk(openTrace(directory), options, { stdin: process.stdin, stdout: process.stdout });
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
