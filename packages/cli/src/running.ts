/** Commands that say something to a recording that runs. */
import type { ArgumentSpec, CommandSpec } from './command.ts';
import { JSON_OPTION } from './options.ts';

type Recorder = typeof import('@backtrail/recorder');

export const RUNNING: ArgumentSpec = {
  syntax: '<process>',
  says: 'number of its recorder or its guest, or a ring file',
};

/** What differs between them. */
export interface Request extends Pick<CommandSpec, 'name' | 'summary' | 'details'> {
  /** Asks the recording of that argument; returns where its trace is. */
  readonly ask: (recorder: Recorder, of: string) => string;
}

/** A command that asks, and says where the trace is. */
export const requestCommand = ({ name, summary, details, ask }: Request): CommandSpec => ({
  name,
  summary,
  group: 'Record',
  details,
  arguments: [RUNNING],
  options: [JSON_OPTION],
  examples: [{ line: `backtrail ${name} 4711`, says: 'of that process' }],
  async run(call, io) {
    const recorder = await import('@backtrail/recorder');
    const { shortPath } = await import('./record-text.ts');
    const { fields, printable } = await import('./text.ts');
    const directory = ask(recorder, call.word(0));
    io.out.write(
      call.flag('json')
        ? `${JSON.stringify({ directory }, null, 2)}\n`
        : fields([['trace', printable(shortPath(directory))]]),
    );
    return 0;
  },
});
