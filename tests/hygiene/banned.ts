/** Words and calls that have no place in the project, each with what to do instead. */
import {
  isC,
  isJavaScript,
  isTestSupport,
  isTypeScript,
  lineAt,
  type SourceFile,
} from './files.ts';
import { mask } from './mask.ts';

type View = 'code' | 'comments' | 'text';

interface Rule {
  readonly name: string;
  readonly applies: (file: string) => boolean;
  /** Files that hold this are let off. */
  readonly unless?: RegExp;
  /** What the pattern is looked for in: masked code, comments alone, or everything. */
  readonly view: View;
  readonly pattern: RegExp;
  readonly message: string;
}

const isScript = (file: string): boolean => isTypeScript(file) || isJavaScript(file);
const isCode = (file: string): boolean => isScript(file) || isC(file);
const isShellOrSql = (file: string): boolean => /\.(sql|sh|py|[sS])$/.test(file) || isCi(file);
const isCi = (file: string): boolean => file.startsWith('.ci/');
const isTest = (file: string): boolean => isScript(file) && isTestSupport(file);
const isLibrary = (file: string): boolean =>
  /^packages\/(recorder|analyzer|tui)\/src\//.test(file) && isScript(file) && !isTestSupport(file);
const isShipped = (file: string): boolean =>
  /^packages\/\w+\/src\//.test(file) && isScript(file) && !isTestSupport(file);

const RULES: readonly Rule[] = [
  {
    name: 'any',
    applies: isTypeScript,
    view: 'code',
    // Not `expect.any(…)`, `Promise.any`, or a property of that name.
    pattern: /(?<![.\w$#])any\b(?!\s*[(:?])/g,
    message: '`any` hides a doubt; use unknown and look',
  },
  {
    name: 'using',
    applies: isShipped,
    view: 'code',
    pattern: /^[ \t]*(?:await )?using \w+ =/gm,
    message: 'Node 22 does not know `using`; use try and finally',
  },
  {
    name: 'ts-ignore',
    applies: isScript,
    view: 'comments',
    pattern: /@ts-(?:ignore|nocheck|expect-error)\b/g,
    message: 'a silenced compiler; mend the type',
  },
  {
    name: 'lint-ignore',
    applies: isScript,
    view: 'comments',
    pattern: /(?:biome-ignore|oxlint-disable|eslint-disable)(?![^\n]*(?::|--) ?\S)/g,
    message: 'a silenced linter without a reason',
  },
  {
    name: 'leftover',
    applies: isCode,
    view: 'comments',
    // `TODO` in backticks is the word, not the deed.
    pattern: /(?<![\w`])(?:TODO|FIXME|XXX)(?![\w`])/g,
    message: 'a leftover note; do it now or open an issue',
  },
  {
    name: 'leftover',
    applies: (file) => isShellOrSql(file) || file.endsWith('.md'),
    view: 'text',
    pattern: /(?<![\w`])(?:TODO|FIXME|XXX)(?![\w`])/g,
    message: 'a leftover note; do it now or open an issue',
  },
  {
    name: 'source condition',
    applies: isScript,
    view: 'text',
    pattern: /--conditions=(?!backtrail-source\b)[\w-]+/g,
    message: 'finds what was built, perhaps long ago; use --conditions=backtrail-source',
  },
  {
    name: 'only',
    applies: isTest,
    view: 'code',
    pattern: /\.only\b\s*[(.`]/g,
    message: 'a focused test switches the others off',
  },
  {
    name: 'skip',
    applies: isTest,
    view: 'code',
    // guests/build.ts asks require.ts for a guest's compiler and emulator together.
    unless: /from '(?:\.\.?\/)+(?:tests\/)?(?:require|guests\/build)\.ts'/,
    pattern: /\b(?:test|it|describe)(?:\.\w+)*\.(?:skip|skipIf|runIf|todo)\b/g,
    message: 'a skip that CI cannot see; ask tests/require.ts for what is missing',
  },
  {
    name: 'sleep',
    applies: isTest,
    view: 'code',
    pattern:
      /(?<!\w)(?:setTimeout|setInterval|sleep|sleepSync)\s*\(|\bAtomics\s*\.\s*wait\w*\s*\(/g,
    message: 'a test must wait for an event, never for a time',
  },
  {
    name: 'sleep',
    applies: isTest,
    view: 'text',
    pattern: /^import\b[^'"]*\bfrom\s+'(?:node:)?timers(?:\/promises)?'/gm,
    message: 'a test must wait for an event, never for a time',
  },
  {
    name: 'console',
    applies: isLibrary,
    view: 'code',
    pattern: /(?<![.\w$#])console\s*[.[]|\bprocess\s*\.\s*std(?:out|err)\b/g,
    message: 'libraries do not print; return it, or take a function that is told',
  },
  {
    name: 'module-state',
    applies: isShipped,
    view: 'code',
    pattern: /^(?:export\s+)?(?:let|var)\s/gm,
    message: 'state of a module is shared by all its users; put it into an object',
  },
  {
    name: 'module-state',
    applies: isShipped,
    view: 'code',
    // An empty collection at the top level is there to be filled.
    pattern: /^(?:export\s+)?const\s[^=]*=\s*new\s+(?:Weak)?(?:Map|Set)(?:<[^;]*>)?\(\s*\)/gm,
    message: 'state of a module is shared by all its users; put it into an object',
  },
];

/** `rule path`: exceptions, each with its reason. */
export const ALLOWED: Readonly<Record<string, string>> = {
  'skip tests/bin/backtrail.test.ts': 'an older Node is found by its version, not by its name',
  'sleep tests/fuzz/run.ts':
    'no test: it watches processes that may hang, for as long as it is told',
};

export function checkBanned(file: SourceFile, allowed = ALLOWED): string[] {
  const rules = RULES.filter((rule) => rule.applies(file.path));
  if (rules.length === 0) return [];
  const masked = mask(file.text, isC(file.path) ? 'c' : 'ts');
  const views: Readonly<Record<View, string>> = { ...masked, text: file.text };
  const messages: string[] = [];
  for (const rule of rules) {
    if (`${rule.name} ${file.path}` in allowed || rule.unless?.test(file.text)) continue;
    for (const match of views[rule.view].matchAll(rule.pattern)) {
      const found = match[0].trim().split('\n')[0];
      messages.push(
        `${file.path}:${lineAt(file.text, match.index)}: \`${found}\`: ${rule.message}`,
      );
    }
  }
  return messages;
}
