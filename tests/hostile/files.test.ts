/** A trace whose files lead elsewhere: nothing there is read, written or removed. */
import fs from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { runHere } from '../../packages/cli/src/io.fixture.ts';
import { copySample, temporaryFolder } from './make.ts';

const folder = temporaryFolder();
const TABLES = ['manifest.json', 'edges.arrow', 'blocks.arrow', 'marks.arrow', 'segments.arrow'];
const LATE = ['modules.arrow', 'symbols.arrow'];
const READERS = [['info'], ['crash'], ['back'], ['stack'], ['check'], ['query', 'from edges']];

let directory = '';
let outside = '';
let count = 0;

beforeEach(() => {
  directory = copySample('riscv64-smash', path.join(folder, `${count++}.trace`));
  outside = path.join(folder, `outside-${count}`);
  fs.mkdirSync(outside);
});

/** Moves a file or folder of the trace out, and puts a link in its place. */
function moveOut(name: string): string {
  const moved = path.join(outside, path.basename(name));
  fs.renameSync(path.join(directory, name), moved);
  fs.symlinkSync(moved, path.join(directory, name));
  return moved;
}

const statesOf = (where: string): string[] =>
  fs
    .readdirSync(where, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const stat = fs.lstatSync(path.join(where, name));
      return `${name} ${stat.ino} ${stat.size} ${stat.mtimeMs}`;
    });

describe('links', () => {
  test.each([...TABLES, ...LATE, 'transfers', 'transfers/000000.arrow'])(
    '%s: told as a link, not followed',
    async (name) => {
      const moved = moveOut(name);
      const info = await runHere(['info', directory]);
      const said = `${info.stdout}${info.stderr}`;
      expect(said).toContain('found a link, expected a');
      expect(said).toContain(path.basename(moved));
      for (const [command = '', ...rest] of READERS) {
        const { status, stdout, stderr } = await runHere([command, directory, ...rest]);
        // Either refused in one line, or answered from what is in the folder.
        if (status !== 0) expect(`${stdout}${stderr}`).toMatch(/\S/);
        expect(stderr).not.toContain('unexpected');
      }
    },
  );

  test('a manifest of another trace is not taken for that of this one', async () => {
    moveOut('manifest.json');
    const { status, stdout, stderr } = await runHere(['info', directory]);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/manifest\.json: found a link, expected a regular file.*\.\n$/);
  });

  test('the folder itself may be a link: its user named it', async () => {
    const link = path.join(outside, 'link.trace');
    fs.symlinkSync(directory, link);
    expect((await runHere(['info', link])).status).toBe(0);
    expect((await runHere(['check', link])).status).toBe(0);
  });
});

describe('recover writes into the folder alone', () => {
  const DRAFTS = ['manifest.partial.json', ...TABLES.slice(1), 'transfers/000000.arrow'].map(
    (name) => `${name}.tmp`,
  );

  test.each(DRAFTS)('a link in place of the draft %s', async (name) => {
    const victim = path.join(outside, 'victim');
    fs.writeFileSync(victim, 'precious');
    fs.rmSync(path.join(directory, 'symbols.arrow'));
    fs.truncateSync(path.join(directory, 'transfers/000000.arrow'), 1500);
    fs.symlinkSync(victim, path.join(directory, name));
    const { stderr } = await runHere(['recover', directory]);
    expect(stderr).not.toContain('unexpected');
    expect(fs.readFileSync(victim, 'utf8')).toBe('precious');
  });

  test('a link in place of transfers/: nothing there is rewritten or removed', async () => {
    const moved = moveOut('transfers');
    fs.cpSync(path.join(moved, '000000.arrow'), path.join(moved, '000007.arrow'));
    fs.writeFileSync(path.join(moved, '000001.arrow.tmp'), 'precious');
    const before = statesOf(outside);
    fs.rmSync(path.join(directory, 'symbols.arrow'));
    const { status, stderr } = await runHere(['recover', directory]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/transfers: found a link, expected a folder/);
    expect(statesOf(outside)).toEqual(before);
  });
});

test('files that are pipes or folders do not make anybody wait', async () => {
  for (const name of [...TABLES, ...LATE]) {
    fs.rmSync(path.join(directory, name), { force: true });
    fs.mkdirSync(path.join(directory, name));
    const { stdout, stderr } = await runHere(['info', directory]);
    expect(`${stdout}${stderr}`).toMatch(/found no regular file/);
    expect(stderr).not.toContain('unexpected');
  }
});
