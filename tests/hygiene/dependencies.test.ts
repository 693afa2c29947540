import { describe, expect, test } from 'vitest';
import { checkLock, checkVersions, isJson, type Json } from './dependencies.ts';
import { projectFiles, readSources } from './files.ts';

function parse(text: string): Json {
  const value: unknown = JSON.parse(text);
  if (!isJson(value)) throw new Error(`expected a JSON object, found ${text.slice(0, 20)}`);
  return value;
}

const manifests = readSources(
  projectFiles().filter((file) => /^(?:packages\/\w+\/)?package\.json$/.test(file)),
).map((file) => ({ file: file.path, json: parse(file.text) }));

const byFolder = Object.fromEntries(
  manifests.map(({ file, json }) => [file.replace(/\/?package\.json$/, ''), json]),
);

describe('dependencies: the project', () => {
  test('every version is exact', () => {
    expect(manifests.length).toBeGreaterThanOrEqual(4);
    expect(manifests.flatMap(({ file, json }) => checkVersions(file, json))).toEqual([]);
  });

  test('the lock is in sync, whole, and names no registry', () => {
    const [lock] = readSources(['package-lock.json']);
    expect(checkLock(parse(lock?.text ?? ''), byFolder)).toEqual([]);
  });

  test('workspace packages share one version', () => {
    expect(new Set(manifests.map(({ json }) => json['version'])).size).toBe(1);
  });
});

describe('dependencies: the rules can fail', () => {
  test.each(['^1.2.3', '~1.2.3', '1.x', '*', 'latest', '>=1.2.3', 'file:../a', '1.2'])(
    'version %s',
    (version) => {
      expect(checkVersions('package.json', { devDependencies: { ink: version } })).toEqual([
        `package.json: "ink" must have an exact version, not "${version}"`,
      ]);
    },
  );

  test('an exact version may have a suffix', () => {
    expect(checkVersions('package.json', { dependencies: { a: '1.5.5-r.5' } })).toEqual([]);
  });

  const root: Json = { version: '0.1.0', dependencies: { a: '1.0.0' } };
  const entry: Json = { version: '1.0.0', integrity: 'sha512-x' };
  const lockOf = (packages: Json): Json => ({ packages });

  test('a good lock passes', () => {
    const nested = { ...entry, optionalDependencies: { b: '^2.0.0' } };
    const packages = {
      '': root,
      'node_modules/a': nested,
      'node_modules/a/node_modules/b': { version: '2.0.0', integrity: 'sha512-y' },
    };
    expect(checkLock(lockOf(packages), { '': root })).toEqual([]);
  });

  test.each([
    ['a host', { '': root, 'node_modules/a': { ...entry, resolved: 'https://x/a.tgz' } }, 1],
    ['no integrity', { '': root, 'node_modules/a': { version: '1.0.0' } }, 1],
    ['another version', { '': root, 'node_modules/a': { ...entry, version: '1.0.1' } }, 1],
    ['a stale section', { '': { version: '0.1.0' }, 'node_modules/a': entry }, 1],
    [
      'a dropped platform package',
      { '': root, 'node_modules/a': { ...entry, optionalDependencies: { 'a-darwin': '1.0.0' } } },
      1,
    ],
    ['an unlocked package', { '': root }, 2],
    ['no entry for a package', { 'node_modules/a': entry }, 1],
  ])('a lock with %s', (_, packages, count) => {
    expect(checkLock(lockOf(packages), { '': root })).toHaveLength(count);
  });

  test('a lock without packages', () => {
    expect(checkLock({}, {})).toEqual(['package-lock.json: no "packages"; run npm install']);
  });
});
