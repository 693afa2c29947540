/** `backtrail query`: SQL over a trace. */
import type { CommandSpec } from '../command.ts';
import { TRACE_ARGUMENT } from '../options.ts';

export const QUERY: CommandSpec = {
  name: 'query',
  summary: 'Ask a trace in SQL, or type SQL at a prompt',
  group: 'Look back',
  details: [
    'Tables are transfers, edges, blocks, marks, modules, symbols and segments, with views and ' +
      'macros on top: .tables at the prompt lists them. SQL is that of DuckDB; 0x401000 may be ' +
      'written for an address.',
    'Without SQL it is read from stdin, or typed at a prompt if stdin is a terminal. SQL may ' +
      "read the trace and, with COPY … TO 'file', write files; nothing else without --unsafe.",
  ],
  arguments: [
    TRACE_ARGUMENT,
    {
      syntax: '[sql]',
      says:
        'one statement or more, with ; between; a table of each is written, in other forms ' +
        'the last; - reads stdin',
    },
  ],
  options: [
    {
      flags: '--format <name>',
      says: 'how the result is written (default: by the name of -o, else table)',
      choices: ['table', 'json', 'csv', 'arrow', 'parquet'],
    },
    { flags: '-o, --output <file>', says: 'where to; a file of that name is replaced' },
    { flags: '--unsafe', says: 'let SQL read and write files and change settings' },
  ],
  examples: [
    { line: 'backtrail query a.out.trace', says: 'a prompt; try .help' },
    { line: "backtrail query a.out.trace 'from hot_edges limit 9'", says: 'one question' },
    { line: "backtrail query a.out.trace 'from calls' -o calls.csv", says: 'a file' },
    { line: 'backtrail query a.out.trace --format csv < report.sql', says: 'in a script' },
  ],
  async run(call, io) {
    const { runQuery } = await import('../query.ts');
    return await runQuery(
      {
        directory: call.word(0),
        sql: call.words[1] ?? null,
        format: call.text('format'),
        output: call.text('output'),
        isUnsafe: call.flag('unsafe'),
      },
      io,
    );
  },
};
