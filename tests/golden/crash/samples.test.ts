/**
 * Crash reports of the sample traces, letter by letter, in text and in JSON. UPDATE=1 writes the
 * files anew. The commands that a report names are run.
 */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { crashReport } from '@backtrail/analyzer';
import { openTrace } from '@backtrail/recorder/trace';
import { afterAll, describe, expect, test } from 'vitest';
import { runHere } from '../../../packages/cli/src/io.fixture.ts';
import { Golden, reportJson } from './golden.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const SAMPLES = readdirSync(path.join(ROOT, 'traces'))
  .filter((name) => /^v\d+$/.test(name))
  .flatMap((version) =>
    readdirSync(path.join(ROOT, 'traces', version)).map((name) => ({
      name: `${version}-${name}`,
      trace: `traces/${version}/${name}/${name}.trace`,
    })),
  );

// Paths in the output are relative to the root of the project.
const before = process.cwd();
process.chdir(ROOT);
afterAll(() => process.chdir(before));

const golden = new Golden('samples');

describe.each(SAMPLES)('$name', ({ name, trace }) => {
  test('text', async () => {
    const { status, stdout, stderr } = await runHere(['crash', trace]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    golden.compare(`${name}.txt`, stdout);
  });

  test('JSON', async () => {
    const { stdout } = await runHere(['crash', trace, '--format', 'json']);
    const report = await crashReport(openTrace(trace));
    expect(JSON.parse(stdout)).toEqual(report);
    golden.compare(`${name}.json.txt`, reportJson(report));
  });
});

// Each kind of command is in one of these; all samples would take a while.
test.each(['smash', 'riscv64-smash', 'riscv64-wild-jump'])(
  'commands named for %s',
  async (name) => {
    const { next } = await crashReport(openTrace(`traces/v1/${name}/${name}.trace`));
    expect(next.length).toBeGreaterThan(0);
    for (const { words } of next) {
      const { status, stdout, stderr } = await runHere(words);
      if (words[0] === 'walk') {
        // It takes all but a terminal.
        expect(stderr).toMatch(/^backtrail: walk: found no terminal/);
        continue;
      }
      expect({ words, status, stderr }).toEqual({ words, status: 0, stderr: '' });
      expect(stdout).not.toBe('');
    }
  },
);

test('every golden file is read by a test', () => {
  expect(golden.orphans).toEqual([]);
});
