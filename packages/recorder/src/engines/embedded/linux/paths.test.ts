/** What a guest can reach: against the host's own path resolution, and against its wishes. */
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../../../../../tests/guests/build.ts';
import { Failure } from './errno.ts';
import { resolve } from './paths.ts';
import { View } from './view.ts';

const base = realpathSync(temporaryFolder('linux-paths'));
const PROGRAM = path.join(base, 'program');
const PID = 1000;

const inside = path.join(base, 'inside');
const NAMES = ['a', 'b', 'c', 'file', 'deep'] as const;

/** Folders a, a/b, c; files in them; a secret beside them. */
function makeTree(): void {
  mkdirSync(path.join(inside, 'a/b'), { recursive: true });
  mkdirSync(path.join(inside, 'c'));
  for (const file of ['file', 'a/file', 'a/b/file', 'c/deep']) {
    writeFileSync(path.join(inside, file), 'inside');
  }
  writeFileSync(path.join(base, 'secret'), 'secret');
}

const component = fc.constantFrom(...NAMES, '..', '.', 'none', 'inside', 'secret', '');
const anyPath = fc
  .tuple(fc.boolean(), fc.array(component, { minLength: 1, maxLength: 8 }))
  .map(([isAbsolute, parts]) => `${isAbsolute ? '/' : ''}${parts.join('/')}`);
const target = fc.oneof(
  anyPath,
  fc.constantFrom('/', '..', '../..', '../../secret', '/secret', base, path.join(base, 'secret')),
);
const LINKS = ['l', 'a/l', 'a/b/l', 'c/l', 'm', 'c/m', 'a/m'] as const;
const links = fc.array(
  fc.record({
    where: fc.constantFrom(...LINKS),
    target: fc.oneof(target, fc.constantFrom('l', 'm', 'a/l', '../l', '../a/m', 'c/m/file')),
  }),
  { maxLength: 5 },
);
const wanted = fc
  .tuple(fc.boolean(), fc.array(fc.oneof(component, fc.constantFrom('l', 'm')), { minLength: 1 }))
  .map(([isAbsolute, parts]) => `${isAbsolute ? '/' : ''}${parts.join('/')}`)
  .filter((text) => text !== '');

function makeLinks(list: readonly { where: string; target: string }[]): void {
  for (const where of LINKS) rmSync(path.join(inside, where), { force: true });
  for (const { where, target: to } of list) {
    const at = path.join(inside, where);
    rmSync(at, { force: true });
    if (to !== '') symlinkSync(to, at);
  }
}

/** The place, or the name of the error. */
function resolved(view: View, from: string, wish: string): string {
  try {
    const place = resolve(view, from, wish, true);
    return place.entry === null ? 'ENOENT' : place.path;
  } catch (error) {
    if (error instanceof Failure) return error.message;
    throw error;
  }
}

function byHost(from: string, wish: string): string {
  try {
    // The kernel's own resolution; realpath of the library would accept `file/..`.
    const real = wish.startsWith('/') ? wish : `${from}/${wish}`;
    statSync(real);
    return realpathSync.native(real);
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'no error';
  }
}

makeTree();

describe('paths', () => {
  test('the guest that sees all resolves as the host does', () => {
    const view = new View({ root: '/', writable: [], folder: inside }, PROGRAM, PID);
    fc.assert(
      fc.property(links, wanted, (list, wish) => {
        makeLinks(list);
        // What is made up is not there on the host.
        if (/^\/*(?:proc|dev|sys)/.test(wish)) return;
        expect(resolved(view, inside, wish)).toBe(byHost(inside, wish));
      }),
      { numRuns: 400 },
    );
  });

  test.each([
    { what: 'a root', root: inside, from: '/' },
    { what: 'no root', root: null, from: inside },
  ])('with $what nothing outside is reached, whatever links say', ({ root, from }) => {
    fc.assert(
      fc.property(links, wanted, (list, wish) => {
        makeLinks(list);
        const view = new View({ root, writable: [], folder: inside }, PROGRAM, PID);
        for (const one of [wish, `/${wish}`, path.join(base, wish), `${inside}/${wish}`]) {
          const found = outcome(view, from, one);
          if (found?.kind !== 'host') continue;
          // Neither the place nor anything on the way to it is a link: the host goes there, too.
          expect(realpathSync.native(path.dirname(found.path))).toBe(path.dirname(found.path));
          expect(found.path === inside || found.path.startsWith(`${inside}/`)).toBe(true);
          const isFile = lstatSync(found.path).isFile();
          if (isFile) expect(readFileSync(found.path, 'utf8')).toBe('inside');
        }
      }),
      { numRuns: 400 },
    );
  });

  test('without a root the way to the folder can be walked and shows nothing else', () => {
    const view = new View({ root: null, writable: [], folder: inside }, PROGRAM, PID);
    const up = path.dirname(inside);
    expect(view.names(up)).toEqual(['inside']);
    expect(readdirSync(up)).toContain('secret');
    const top = base.split('/')[1] ?? '';
    expect(new Set(view.names('/'))).toEqual(new Set(['dev', 'proc', 'sys', top]));
    expect(resolved(view, inside, '../secret')).toBe('ENOENT');
    expect(resolved(view, inside, '../inside/a/../file')).toBe(path.join(inside, 'file'));
    expect(resolved(view, inside, '/etc/passwd')).toBe('ENOENT');
    expect(resolved(view, inside, '/proc/self/root/etc/passwd')).toBe('ENOENT');
    expect(resolved(view, inside, '/proc/self/cwd/file')).toBe(path.join(inside, 'file'));
  });

  test('only writable folders may be changed', () => {
    const writable = [path.join(inside, 'a')];
    for (const root of [null, inside]) {
      const view = new View({ root, writable, folder: inside }, PROGRAM, PID);
      const at = (file: string): string => (root === null ? path.join(inside, file) : `/${file}`);
      expect(view.writablePath(at('a/b/new'))).toBe(path.join(inside, 'a/b/new'));
      for (const file of ['new', 'c/new', 'ab', '../secret']) {
        expect(() => view.writablePath(path.posix.normalize(at(file)))).toThrow('EROFS');
      }
    }
  });

  test('a folder that is not there is a clear error', () => {
    const options = { root: path.join(base, 'none'), writable: [], folder: inside };
    expect(() => new View(options, PROGRAM, PID)).toThrow(
      /^--root: found no folder .*none, expected one that can be read\. Make it, or name another/,
    );
  });
});

function outcome(view: View, from: string, wish: string) {
  try {
    return resolve(view, from, wish, true).entry;
  } catch (error) {
    if (error instanceof Failure) return null;
    throw error;
  }
}
