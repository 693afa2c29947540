/** Traces that are partial, newer, cut or not there: one line each, no stack, nothing worse. */
import { cpSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runHere } from './io.fixture.ts';
import { SAMPLE, temporaryFolder } from './main.fixture.ts';

const folder = temporaryFolder();

/** A copy of the sample that may be spoilt. */
function copy(name: string): string {
  const directory = join(folder, name);
  cpSync(SAMPLE, directory, { recursive: true });
  return directory;
}

const READERS = [
  ['info'],
  ['info', '--json'],
  ['back'],
  ['crash'],
  ['crash', '--format', 'html'],
  ['stack'],
  ['check'],
  ['query', 'select count(*) from transfers'],
] as const;

async function everyReader(directory: string): Promise<string[]> {
  const said: string[] = [];
  for (const [name, ...rest] of READERS) {
    const { status, stderr } = await runHere([name, directory, ...rest]);
    said.push(`${name} ${status} ${stderr}`);
  }
  return said;
}

test('a newer format', async () => {
  const directory = copy('newer.trace');
  const path = join(directory, 'manifest.json');
  // A newer build would have made a checksum that fits; one may also be left away.
  const text = readFileSync(path, 'utf8').replace(/,\s*"crc32": "\w+"/, '');
  writeFileSync(path, text.replace('"version": 1,', '"version": 99,'));
  for (const said of await everyReader(directory)) {
    expect(said).toMatch(/1 backtrail: newer\.trace: format version 99, this build reads \d+\./);
  }
});

test('a manifest that was cut', async () => {
  const directory = copy('cut.trace');
  truncateSync(join(directory, 'manifest.json'), 200);
  for (const said of await everyReader(directory)) {
    expect(said).toMatch(/1 backtrail: .*manifest\.json: found \d+ characters that are no JSON/);
  }
});

test('a partial trace can be looked at, and says so; recover completes it', async () => {
  const directory = copy('partial.trace');
  renameSync(join(directory, 'manifest.json'), join(directory, 'manifest.partial.json'));
  const info = await runHere(['info', directory]);
  expect(info.status).toBe(0);
  expect(info.stdout).toMatch(/^state +partial: not closed, or still being recorded$/m);
  expect(info.stdout).toMatch(/^transfers +1,\d{3}/m);
  const back = await runHere(['back', directory, '-n', '1']);
  expect(back.stdout).toMatch(/^Partial trace\. /);
  const query = await runHere([
    'query',
    directory,
    'select count(*) > 1000 as many from transfers',
  ]);
  expect({ status: query.status, stdout: query.stdout }).toEqual({
    status: 0,
    stdout: 'many\n────\ntrue\n',
  });
  expect(query.stderr).toMatch(/^backtrail: .*: partial trace, .* backtrail recover .*\n$/);

  const recovered = await runHere(['recover', directory, '--json']);
  expect(recovered.stderr).toBe('');
  expect(JSON.parse(recovered.stdout)).toMatchObject({ directory, ring: null });
  expect((await runHere(['info', directory])).stdout).toMatch(/^state +complete, recovered/m);
  expect((await runHere(['recover', directory])).stderr).toMatch(
    /There is nothing to recover: backtrail info shows it\.\n$/,
  );
});

test('transfers that are gone are told by info, not served by back', async () => {
  const directory = copy('gone.trace');
  rmSync(join(directory, 'transfers', '000000.arrow'));
  const info = await runHere(['info', directory]);
  expect(info.stdout).toMatch(/^problems +.*000000\.arrow/m);
  const back = await runHere(['back', directory]);
  expect(back.status).toBe(1);
  expect(back.stderr).toMatch(/^backtrail: .*found no transfers that can be read.*\n$/);
  expect((await runHere(['check', directory])).status).toBe(1);
});
