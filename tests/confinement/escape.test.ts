/**
 * A guest that tries to get out of the folders that it was given, through the command line. Each
 * try ends as on a Linux where those folders are all there is, and nothing outside changes.
 */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { openTrace } from '@backtrail/recorder/trace';
import { describe, expect, test } from 'vitest';
import { runMain } from '../../packages/cli/src/main.fixture.ts';
import { compile, temporaryFolder } from '../guests/build.ts';
import { needs } from '../require.ts';

const compiler = needs('riscv64-linux-gnu-gcc');
const SOURCE = new URL('./escape.c', import.meta.url).pathname;

/** Nothing of it can be seen. */
const READ = `
absolute, parent, many parents, inside and up, link, relative link, link to follow, proc root,
proc cwd, proc of another, proc mem, disk, at parent, at absolute, stat, access, readlink outside,
from above, chdir outside: ENOENT
fchdir above: done
after that: ENOENT
chroot, mount, unshare, handle: EPERM
create: ENOENT
create above: EROFS
create by link, overwrite, truncate, mkdir, mkdir by link, unlink, rmdir, chmod, symlink: ENOENT
mknod, socket file: EPERM
temporary file: ENOENT
`;

/** The current folder is read-only. */
const READ_ONLY = `
create here, write here, append here, truncate at opening, truncate here, unlink here, rename here,
mkdir here, link here, temporary file here, chmod of an open file: EROFS
truncate an open file: EINVAL
write to an open file: EBADF
write by proc, shared mapping, made writable: EACCES
`;

const ACROSS = `
own file, with its owner's rights: done
rename out: ENOENT
rename above: EXDEV
rename in: ENOENT
rename in, from above: EXDEV
link out, link in: ENOENT
link in, from above: EXDEV
own link, write by own link, create by own link, hard link to a link, chmod by own link: ENOENT
move it, link in its place: done
open folder: ENOENT
made in the open folder, folder made in it: done
current folder: ENOENT
made in the current folder, its own files, back up: done
7 names
where: done
/moved/outside
remove it: done
folder that is gone, made in it, current folder that is gone: ENOENT
`;

/** The guest does not see it, nor moves what its path leads through. */
const TRACE = `
manifest, by its real name, made in it: ENOENT
made over it: EEXIST
move what is in it, move it: ENOENT
move its folder, move the folder above, move the link, remove the link: EBUSY
another link over it: EBUSY
another folder over it: ENOTEMPTY
beside it: done
`;

/** `a, b: X` stands for two lines. */
function lines(text: string): string[] {
  return text
    .trim()
    .replaceAll(',\n', ', ')
    .split('\n')
    .flatMap((line) => {
      const [names = '', end] = line.split(': ');
      return end === undefined ? [line] : splitNames(names).map((name) => `${name}: ${end}`);
    });
}

/** Two names have a comma themselves. */
const splitNames = (names: string): string[] =>
  names.includes('in, from above') ? [names] : names.split(', ');

interface Place {
  readonly here: string;
  readonly outside: string;
  readonly writable: string;
  readonly program: string;
}

describe.skipIf(compiler.missing)(`a guest that wants out${compiler.note}`, () => {
  const folder = realpathSync(temporaryFolder('confinement'));
  const program = path.join(folder, 'escape');
  if (!compiler.missing) compile(compiler.path, ['-O1', '-w', '-static', '-o', program, SOURCE]);

  function place(): Place {
    const base = mkdtempSync(path.join(folder, 'place-'));
    const [here, outside] = [path.join(base, 'here'), path.join(base, 'outside')];
    const writable = path.join(here, 'writable');
    for (const one of ['in', 'writable/bin', '../outside']) {
      mkdirSync(path.join(here, one), { recursive: true });
    }
    writeFileSync(path.join(outside, 'secret'), 'secret');
    symlinkSync('secret', path.join(outside, 'link'));
    for (const file of ['file', 'in/file']) writeFileSync(path.join(here, file), 'inside');
    symlinkSync(outside, path.join(here, 'out'));
    symlinkSync('../outside', path.join(here, 'up'));
    cpSync(program, path.join(here, 'escape'));
    cpSync(program, path.join(writable, 'bin/secret'));
    return { here, outside, writable, program: path.join(here, 'escape') };
  }

  function attempt(
    { here }: Place,
    options: readonly string[],
    words: readonly string[],
  ): string[] {
    const argv = ['record', '--engine', 'embedded', '--keep', 'none', ...options, '--', ...words];
    const { status, stdout, stderr } = runMain(argv, { cwd: here });
    expect(stderr).toBe('');
    expect(status).toBe(0);
    return stdout.trimEnd().split('\n');
  }

  function expectUnharmed({ here, outside }: Place): void {
    expect(readdirSync(outside).sort()).toEqual(['link', 'secret']);
    expect(readFileSync(path.join(outside, 'secret'), 'latin1')).toBe('secret');
    expect(readdirSync(path.dirname(here)).sort()).toEqual(['here', 'outside']);
    const own = ['escape', 'file', 'in', 'out', 'up', 'writable'];
    expect(readdirSync(here).sort()).toEqual(own);
    expect(readFileSync(path.join(here, 'file'), 'latin1')).toBe('inside');
  }

  test('the current folder, read-only', () => {
    const at = place();
    const found = attempt(at, [], ['./escape', at.outside]);
    expect(found).toEqual(lines(READ + READ_ONLY.trimStart()));
    expectUnharmed(at);
    expect(readdirSync(at.writable)).toEqual(['bin']);
  });

  test('one folder may be written to; folders move under what is open', () => {
    const at = place();
    const words = ['./writable/bin/secret', at.outside, at.writable, 'program'];
    const found = attempt(at, ['--writable', at.writable], words);
    expect(found).toEqual([
      ...lines(READ + READ_ONLY.trimStart() + ACROSS.trimStart()),
      'program: read "\x7fELF\x02\x01"',
      'link in place of bin: done',
      'program now: ENOENT',
    ]);
    expectUnharmed(at);
    expect(statSync(path.join(at.writable, 'own')).mode & 0o7777).toBe(0o755);
    const made = ['a', 'b', 'bin', 'moved', 'own', 'to-outside', 'to-secret', 'was-bin'];
    expect(readdirSync(at.writable).sort()).toEqual(made);
  });

  test('the trace itself, in a folder that may be written to', () => {
    const at = place();
    mkdirSync(path.join(at.writable, 'real/deep'), { recursive: true });
    symlinkSync('real/deep', path.join(at.writable, 'links'));
    const output = path.join(at.writable, 'links/trace');
    const words = ['./escape', at.outside, at.writable, 'trace'];
    const options = ['-o', output, '--writable', at.writable];
    const argv = ['record', '--quiet', '--engine', 'embedded', ...options, '--', ...words];
    const { status, stdout, stderr } = runMain(argv, { cwd: at.here });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout.trimEnd().split('\n')).toEqual(lines(TRACE));
    expectUnharmed(at);
    expect(openTrace(output).state).toBe('complete');
    expect(readdirSync(path.join(at.writable, 'real/deep')).sort()).toEqual(['new', 'trace']);
  });

  test('a root of its own: the folder outside is not even on the way', () => {
    const at = place();
    const words = ['./escape', at.outside, '/writable'];
    const found = attempt(at, ['--root', at.here, '--writable', at.writable], words);
    // Above the root is the root itself: `..` stays in it.
    expect(found).toEqual(lines(READ + READ_ONLY.trimStart() + ACROSS.trimStart()));
    expectUnharmed(at);
  });
});
