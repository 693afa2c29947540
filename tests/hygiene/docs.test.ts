import { describe, expect, test } from 'vitest';
import { isJson } from './dependencies.ts';
import { checkDocs, type Known } from './docs.ts';
import { projectFiles, readSources } from './files.ts';

/** `help` and `complete` come from the parser and its completion package, not from a file. */
const BUILT_IN_COMMANDS = ['help', 'complete'];

function knownOfProject(): Known {
  const files = projectFiles();
  const [manifest] = readSources(['package.json']);
  const parsed: unknown = JSON.parse(manifest?.text ?? '{}');
  const scripts = isJson(parsed) ? parsed['scripts'] : null;
  const commands = files.flatMap((file) => {
    const name = /^packages\/cli\/src\/commands\/([a-z-]+)\.ts$/.exec(file)?.[1];
    return name === undefined ? [] : [name];
  });
  return {
    files,
    scripts: isJson(scripts) ? Object.keys(scripts) : [],
    commands: [...commands, ...BUILT_IN_COMMANDS],
  };
}

test('docs: every path, link, script and command they name exists', () => {
  const known = knownOfProject();
  const pages = known.files.filter((file) =>
    /^(?:README\.md|CONTRIBUTING\.md|docs\/.*\.md)$/.test(file),
  );
  expect(pages.length).toBeGreaterThan(3);
  expect(readSources(pages).flatMap((file) => checkDocs(file, known))).toEqual([]);
});

describe('docs: the rule can fail', () => {
  const known: Known = {
    files: [
      'README.md',
      'LICENSE',
      'docs/ring.md',
      'packages/cli/src/main.ts',
      'traces/v1/a/expected.json',
    ],
    scripts: ['lint'],
    commands: ['info'],
  };
  const check = (text: string, path = 'README.md'): string[] => checkDocs({ path, text }, known);

  test.each([
    ['`docs/rings.md`', 'README.md:1: no such path: docs/rings.md'],
    [
      'see\n`packages/cli/src/main.js:12`',
      'README.md:2: no such path: packages/cli/src/main.js:12',
    ],
    ['`packages/tui/*.ts`', 'README.md:1: no such path: packages/tui/*.ts'],
    ['`npm run lints`', 'README.md:1: no script "lints" to run'],
    ['```\nnpm run lints # all\n```', 'README.md:2: no script "lints" to run'],
    ['`backtrail walk x.trace`', 'README.md:1: no command "backtrail walk"'],
    ['```sh\n$ npx backtrail walk x\n```', 'README.md:2: no command "backtrail walk"'],
    ['```sh\nls && backtrail walk x\n```', 'README.md:2: no command "backtrail walk"'],
    ['```\ncat docs/rings.md\n```', 'README.md:2: no such path: docs/rings.md'],
    ['[ring](docs/rings.md#bytes)', 'README.md:1: broken link: docs/rings.md#bytes'],
  ])('%s', (text, message) => {
    expect(check(text)).toEqual([message]);
  });

  test.each([
    '`docs/ring.md`, `docs/ring.md:12`, `docs/`, `packages/cli/src/*.ts`, `traces/v1/NAME/`',
    '`npm run lint`, `npm test`, `backtrail info x.trace`, `backtrail --help`, `backtrail`',
    '```\nthe backtrail trace\nbacktrail: error\n```',
    '[ring](docs/ring.md), [LICENSE](LICENSE), [here](#words), [there](https://example.org/docs/no.md)',
  ])('%s is fine', (text) => {
    expect(check(text)).toEqual([]);
  });

  test('links are relative to their page', () => {
    expect(check('[ring](ring.md) [up](../README.md)', 'docs/sql.md')).toEqual([]);
    expect(check('[ring](docs/ring.md)', 'docs/sql.md')).toHaveLength(1);
  });
});
