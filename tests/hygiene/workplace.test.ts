import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectFiles, ROOT } from './files.ts';
import { checkWorkplace } from './workplace.ts';

test('workplace: no file names the machine it was made on', () => {
  const messages = projectFiles().flatMap((file) =>
    checkWorkplace(file, readFileSync(path.join(ROOT, file), 'latin1')),
  );
  expect(messages).toEqual([]);
});

describe('workplace: the rule can fail', () => {
  const folder = `/${'work'}/main`;
  const scheme = `https:${'//'}`;
  const setting = `regis${'try'}=`;
  test.each([
    ['a path', `cd ${folder}`],
    ['a build folder in a binary', `\0DW_AT_comp_dir\0${folder}\0`],
    ['a home folder', `/${'home'}/jane/a.out`],
    ['a registry', `"resolved": "${scheme}npm-regis${'try'}.example.org/a.tgz"`],
    ['a registry setting', `audit=false\n${setting}x\n`],
    ['a registry setting of a scope', `@scope:${setting}x\n`],
  ])('%s', (_, text) => {
    expect(checkWorkplace('a', text)).toHaveLength(1);
  });

  test.each([
    `packages/${'work'}/main`,
    `https:${'//'}example.org/${'work'}/main`,
    '/home/user/a.out',
    'the registry',
  ])('%s is fine', (text) => {
    expect(checkWorkplace('a', text)).toEqual([]);
  });
});
