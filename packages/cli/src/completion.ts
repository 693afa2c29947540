/**
 * Shell completion: commands, options and choices come from the parser by way of @bomb.sh/tab,
 * which always switches the shell's own file names off; so paths are completed here.
 */
import { readdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import tab from '@bomb.sh/tab/commander';
import type { Command } from 'commander';
import { exampleLines } from './command.ts';
import type { Output } from './io.ts';

/** Names offered at most; a folder may hold millions. */
const PATHS_MAX = 1000;
/**
 * The script for bash hands the words to `compgen -W`, which expands them like shell code: a file
 * named `$(reboot)` must never be among them.
 */
const HARMLESS = /^[\w@%+=:,./-]+$/;

/**
 * Paths that begin with `typed`: folders end in a slash, but traces, which are what is looked for.
 * @param withFiles whether plain files are wanted too
 */
export function completePath(typed: string, withFiles: boolean): string[] {
  const folder = typed.endsWith('/') ? typed : typed.slice(0, typed.lastIndexOf('/') + 1);
  const start = typed.slice(folder.length);
  const paths: string[] = [];
  try {
    for (const entry of readdirSync(folder === '' ? '.' : folder, { withFileTypes: true })) {
      const { name } = entry;
      if (!name.startsWith(start) || (name.startsWith('.') && !start.startsWith('.'))) continue;
      const isFolder = entry.isDirectory();
      if (!(isFolder || withFiles) || !HARMLESS.test(folder + name)) continue;
      paths.push(`${folder}${name}${isFolder && !name.endsWith('.trace') ? '/' : ''}`);
      if (paths.length === PATHS_MAX) break;
    }
  } catch {
    // A folder that is not there or not ours has nothing to offer.
  }
  return paths.sort();
}

/** Arguments that are paths, by the name in their command's spec; true: plain files as well. */
const PATHS: Readonly<Record<string, boolean>> = { trace: false, path: true, program: true };

/**
 * The script for bash calls a function of the package bash-completion, which not every machine has:
 * a plain one for those without. It does not join words at `=` and `:` again.
 */
const BASH_WITHOUT_PACKAGE = `declare -F _get_comp_words_by_ref >/dev/null ||
_get_comp_words_by_ref() {
  words=("\${COMP_WORDS[@]}") cword=$COMP_CWORD
  cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}"
}
`;

const EXAMPLES = [
  { line: 'source <(backtrail complete bash)', says: 'for all shells: put it in ~/.bashrc' },
  { line: 'source <(backtrail complete zsh)', says: 'for all shells: put it in ~/.zshrc' },
  { line: 'backtrail complete fish | source', says: 'for all shells: put it in config.fish' },
];

/**
 * Adds `complete`, made to look like the other commands.
 * @param argv the words after `backtrail`; the last one is what is being completed
 */
export function addCompletion(program: Command, argv: readonly string[], out: Output): void {
  const root = tab(program);
  const typed = argv.at(-1) ?? '';
  for (const command of program.commands) {
    for (const argument of command.registeredArguments) {
      const withFiles = PATHS[argument.name()];
      if (withFiles === undefined) continue;
      root.commands.get(command.name())?.argument(argument.name(), (complete) => {
        for (const path of completePath(typed, withFiles)) {
          complete(path, `${basename(path)} in ${dirname(path)}`);
        }
      });
    }
  }
  const complete = program.commands.find((command) => command.name() === 'complete');
  complete
    ?.summary('Print what makes your shell complete backtrail')
    .description('Print what makes your shell complete backtrail')
    .configureHelp({ commandDescription: () => DETAILS })
    .helpGroup('This machine:')
    .hook('preAction', ({ args }) => {
      if (args.length === 1 && args[0] === 'bash') out.write(BASH_WITHOUT_PACKAGE);
    })
    .addHelpText('after', `\nExamples:\n${exampleLines(EXAMPLES).join('\n')}`);
}

const DETAILS =
  'Print what makes your shell complete backtrail: a script for bash, zsh, fish or powershell ' +
  'that knows its commands, options, choices and traces.';
