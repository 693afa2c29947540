/** What is said where tools are missing or will not do. */
import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { needsAll } from '../../../tests/require.ts';
import { runMain, temporaryFolder } from './main.fixture.ts';

const ISA = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
const folder = temporaryFolder();

function emptyPath(name: string): string {
  const path = join(folder, name);
  mkdirSync(path);
  return path;
}

/** An ELF file of 64 bytes that asks for no loader, as a static program does not. */
function staticElf(): Buffer {
  const header = Buffer.alloc(64);
  header.write('\u007fELF', 0, 'latin1');
  header.set([2, 1, 1], 4); // 64-bit, little-endian, version 1
  header.writeUInt16LE(2, 16); // ET_EXEC
  header.writeUInt16LE(ISA === 'aarch64' ? 183 : 62, 18);
  header.writeUInt32LE(1, 20);
  header.writeUInt16LE(64, 52);
  header.writeUInt16LE(56, 54);
  return header;
}

const isLinux = process.platform === 'linux';

test.runIf(isLinux)('no QEMU', () => {
  const PATH = emptyPath('nothing');
  const { status, stderr } = runMain(['record', '-o', join(folder, 'a'), process.execPath], {
    env: { PATH },
  });
  expect(status).toBe(1);
  expect(stderr).toBe(
    `backtrail: found no qemu-${ISA}, expected QEMU user mode for ${ISA} guests. ` +
      'On Debian 12: apt-get install qemu-user\n',
  );
  expect(existsSync(join(folder, 'a'))).toBe(false);
});

test.runIf(isLinux)('a static QEMU', () => {
  const PATH = emptyPath('static');
  writeFileSync(join(PATH, `qemu-${ISA}`), staticElf());
  chmodSync(join(PATH, `qemu-${ISA}`), 0o755);
  const { status, stderr } = runMain(['record', process.execPath], { env: { PATH } });
  expect(status).toBe(1);
  expect(stderr).toMatch(
    /found a static QEMU, which cannot load plugins, expected a dynamic one\./,
  );
});

test('doctor says what is missing and how to get it', () => {
  const PATH = join(folder, 'nothing-here');
  const { status, stdout } = runMain(['doctor', '--json'], { env: { PATH, CC: undefined } });
  expect(status).toBe(1);
  const { canRecord, found } = JSON.parse(stdout) as {
    canRecord: boolean;
    found: { name: string; ok: boolean; says: string }[];
  };
  expect(canRecord).toBe(false);
  const says = (name: string): string => found.find((one) => one.name === name)?.says ?? '';
  expect(says('qemu')).toMatch(/apt-get install qemu-user/);
  expect(says('compiler')).toMatch(/apt-get install gcc/);
  expect(found.find((one) => one.name === 'node')?.ok).toBe(true);
});

const need = needsAll(ISA === 'aarch64' ? 'qemu-aarch64' : 'qemu-x86_64', 'cc');

describe.skipIf(need.missing)(`with QEMU${need.note}`, () => {
  test('no compiler', () => {
    const PATH = emptyPath('qemu-only');
    symlinkSync(need.path, join(PATH, `qemu-${ISA}`));
    const { status, stderr } = runMain(['record', process.execPath], {
      env: { PATH, CC: undefined, XDG_CACHE_HOME: folder },
    });
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /^backtrail: found no C compiler \(tried cc, gcc, clang\), expected one/,
    );
    expect(stderr).toMatch(/apt-get install gcc libc6-dev/);
  });

  test('doctor is content', () => {
    const { status, stdout } = runMain(['doctor']);
    expect(stdout).toMatch(/Programs of this machine can be recorded under QEMU/);
    expect(status).toBe(0);
  });
});
