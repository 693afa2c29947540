/** What the engine finds, builds and refuses; what it records is in tests/differential/. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { needs, needsAll } from '../../../../../tests/require.ts';
import { EMBEDDED_DEFAULTS } from '../engine.ts';
import { findInPath, findProgram } from '../find-program.ts';
import { findQemu, findSysroot, qemuVersion } from './find.ts';
import { builtPlugin, cacheFolder, findCompiler } from './plugin.ts';
import { qemuEngine } from './qemu.ts';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'backtrail-engine-'));
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

const cc = needs('cc');
const qemu = needsAll('qemu-x86_64', 'cc');

function script(name: string, text: string): string {
  const file = path.join(folder, name);
  fs.writeFileSync(file, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return file;
}

/** Runs with one variable of the environment set, and puts it back. */
function withEnv<T>(name: string, value: string, run: () => T): T {
  const before = process.env[name];
  process.env[name] = value;
  try {
    return run();
  } finally {
    if (before === undefined) delete process.env[name];
    else process.env[name] = before;
  }
}

describe('programs', () => {
  test('are found as a shell finds them: in order, and only what can be executed', () => {
    const [first, second] = ['one', 'two'].map((name) => path.join(folder, name));
    for (const place of [first, second]) fs.mkdirSync(place ?? '');
    const tool = script('two/tool', 'exit 0');
    fs.writeFileSync(path.join(folder, 'one/tool'), 'not executable');
    fs.mkdirSync(path.join(folder, 'one/folder'));
    const search = [first, second].join(path.delimiter);
    expect(findInPath('tool', search)).toBe(tool);
    expect(findInPath('folder', search)).toBeNull();
    expect(findInPath('nothing', search)).toBeNull();
    expect(withEnv('PATH', search, () => findProgram('tool'))).toBe(tool);
  });

  test('that are not there: the message says what to write', () => {
    expect(() => findProgram('no-such-program')).toThrow(/write \.\/no-such-program/);
    expect(() => findProgram('./no-such-program')).toThrow(/no such file/);
  });
});

describe('QEMU', () => {
  test('that is missing: the message names it and the package', () => {
    const find = () => withEnv('PATH', folder, () => findQemu('riscv64', null));
    expect(find).toThrow(/no qemu-riscv64.*apt-get install qemu-user/);
    expect(() => findQemu('riscv64', '/nowhere/qemu')).toThrow(/\/nowhere\/qemu/);
  });

  test('is asked for its version', () => {
    const says = script('says', 'echo "qemu-x86_64 version 10.0.2 (Debian 1:10.0.2)"');
    expect(qemuVersion(says)).toBe('10.0.2');
    expect(() => qemuVersion(script('silent', 'exit 0'))).toThrow(/found no version/);
  });

  test.skipIf(cc.missing)(`that is static cannot load the plugin${cc.note}`, () => {
    const file = path.join(folder, 'static');
    const source = path.join(folder, 'static.c');
    fs.writeFileSync(source, 'int main(void) { return 0; }\n');
    expect(spawnSync(cc.path, ['-static', '-o', file, source]).status).toBe(0);
    expect(() => findQemu('x86_64', file)).toThrow(/found a static QEMU/);
  });

  test.skipIf(qemu.missing)(`that is here can be used${qemu.note}`, () => {
    const found = findQemu('x86_64', null);
    expect(found.path).toBe(qemu.path);
    expect(found.version).toMatch(/^\d+\.\d+/);
  });
});

describe('a sysroot', () => {
  const loader = '/lib/ld-of-nowhere.so.1';
  const header = (interpreter: string | null) => ({ isa: 'riscv64', interpreter });

  test('is not needed by what has no loader, or whose loader is here', () => {
    expect(findSysroot('p', header(null), null)).toBeNull();
    expect(findSysroot('p', header('/bin/sh'), null)).toBeNull();
  });

  test('must hold the loader', () => {
    fs.mkdirSync(path.join(folder, 'root/lib'), { recursive: true });
    const root = path.join(folder, 'root');
    expect(() => findSysroot('p', header(loader), root)).toThrow(/-L the folder/);
    fs.writeFileSync(path.join(root, loader), '');
    expect(findSysroot('p', header(loader), root)).toBe(root);
    expect(() => findSysroot('p', header(loader), null)).toThrow(/-L SYSROOT.*-static/);
  });
});

describe.skipIf(cc.missing)(`the plugin${cc.note}`, () => {
  const inCache = <T>(name: string, run: () => T): T =>
    withEnv('XDG_CACHE_HOME', path.join(folder, name), run);

  test('is compiled once, and found there after that', () => {
    inCache('cache', () => {
      const built = builtPlugin();
      expect(path.dirname(built)).toBe(cacheFolder());
      const { ino } = fs.statSync(built);
      expect(builtPlugin()).toBe(built);
      expect(fs.statSync(built).ino).toBe(ino);
      expect(fs.readdirSync(cacheFolder())).toEqual([path.basename(built)]);
    });
  });

  test('compiles without a warning', () => {
    const sources = path.join(import.meta.dirname, 'plugin');
    const files = fs.readdirSync(sources).filter((name) => name.endsWith('.c'));
    const flags = ['-std=gnu11', '-O2', '-fPIC', '-Wall', '-Wextra', '-Werror', '-fsyntax-only'];
    const paths = files.map((name) => path.join(sources, name));
    const run = spawnSync(cc.path, [...flags, ...paths], { encoding: 'utf8' });
    expect(run.stderr).toBe('');
    expect(run.status).toBe(0);
  });

  test('needs a compiler that works, and says so in one line', () => {
    const broken = script('broken-cc', '[ "$1" = --version ] && exit 0\necho "boom" >&2; exit 1');
    inCache('broken', () =>
      withEnv('CC', broken, () => {
        expect(findCompiler().path).toBe(broken);
        expect(builtPlugin).toThrow(/broken-cc did not compile the QEMU plugin: boom\. /);
        expect(fs.readdirSync(cacheFolder())).toEqual([]);
      }),
    );
    withEnv('CC', path.join(folder, 'no-cc'), () => {
      expect(findCompiler).toThrow(/no C compiler \(tried .*no-cc\)/);
    });
  });

  test('needs a cache that can be written', () => {
    fs.writeFileSync(path.join(folder, 'file'), '');
    inCache('file', () => expect(builtPlugin).toThrow(/Set XDG_CACHE_HOME/));
  });
});

describe.skipIf(qemu.missing)(`the plugin in QEMU${qemu.note}`, () => {
  const run = (options: string) =>
    spawnSync(qemu.path, ['-plugin', `${builtPlugin()}${options}`, '/bin/true'], {
      encoding: 'utf8',
    });

  test('refuses to run without a ring, with one that is not there, or that is none', () => {
    expect(run('').stderr).toMatch(/found no ring=PATH/);
    expect(run(',ring=/nowhere/ring').stderr).toMatch(/cannot open the ring \/nowhere\/ring/);
    const empty = path.join(folder, 'empty.ring');
    fs.writeFileSync(empty, '');
    expect(run(`,ring=${empty}`).stderr).toMatch(/cannot map the ring/);
    fs.writeFileSync(empty, Buffer.alloc(8192));
    const { stderr, status } = run(`,ring=${empty}`);
    expect(stderr).toMatch(/found version 0 and 8192 bytes, expected version 5 and 0 bytes/);
    expect(status).not.toBe(0);
  });
});

describe('a target', () => {
  test('that is no ELF program is refused', () => {
    const target = {
      program: script('script', 'exit 0'),
      args: [],
      sysroot: null,
      embedded: EMBEDDED_DEFAULTS,
    };
    expect(() => qemuEngine(null).prepare(target)).toThrow(/script/);
  });
});
