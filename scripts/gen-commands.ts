/** Renders docs/commands.md from the commands themselves: what --help prints, page after page. */
import { buildProgram, COMMANDS } from '../packages/cli/src/cli.ts';
import { GROUPS } from '../packages/cli/src/command.ts';
import type { Output } from '../packages/cli/src/io.ts';

export const COMMANDS_PATH = 'docs/commands.md';

/** A narrow page, so that examples need no scrolling where the page is shown. */
const COLUMNS = 80;

/** What --help prints; of the program itself if `name` is null. */
function helpOf(name: string | null): string {
  let text = '';
  const out: Output = {
    isTerminal: false,
    columns: COLUMNS,
    write: (data) => {
      text += String(data);
    },
    paint: (_paint, plain) => plain,
  };
  const stdin = { isTerminal: false, stream: process.stdin };
  const program = buildProgram([], { in: stdin, out, err: out, env: {} }, () => {});
  const page = name === null ? program : program.commands.find((one) => one.name() === name);
  page?.outputHelp();
  return text.trimEnd();
}

/** The whole page as text. */
export function renderCommands(): string {
  const lines = [
    '# Commands',
    '',
    '<!-- Generated from packages/cli/src/commands/*.ts by `npm run gen`. Do not edit. -->',
    '',
    'What `--help` prints. Exit status: 0 done, 1 failed, 2 the command line was wrong; `record`',
    'ends with the status of the program it ran, 128 + n if signal n killed it. Results go to',
    'stdout, all else to stderr; progress and summaries are shown only on a terminal, losses',
    'always. `NO_COLOR` is honoured. `BACKTRAIL_DEBUG=1` adds the stack to an error that nobody',
    'foresaw.',
    '',
    '```',
    helpOf(null),
    '```',
    '',
  ];
  for (const group of GROUPS) {
    lines.push(`## ${group}`, '');
    for (const { name } of COMMANDS.filter((command) => command.group === group)) {
      lines.push(`### backtrail ${name}`, '', '```');
      lines.push(helpOf(name), '```', '');
    }
  }
  lines.push('### backtrail complete', '', '```', helpOf('complete'), '```', '');
  return lines.join('\n');
}
