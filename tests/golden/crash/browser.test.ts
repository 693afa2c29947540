/**
 * The HTML page of a crash report in a real browser, from file://: it is there with scripts and
 * without, its one script may run, and nothing that a trace holds becomes part of the page.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { crashReport } from '@backtrail/analyzer';
import { openTrace } from '@backtrail/recorder/trace';
import { describe, expect, test } from 'vitest';
import { crashHtml } from '../../../packages/cli/src/crash-html.ts';
import { HOSTILE, hostileReport } from '../../../packages/cli/src/crash-report.fixture.ts';
import { temporaryFolder } from '../../guests/build.ts';
import { need } from '../../require.ts';

const TRACE = fileURLToPath(
  new URL('../../../traces/v1/riscv64-smash/riscv64-smash.trace', import.meta.url),
);
const folder = temporaryFolder('browser');
// Not among the tools that CI must have: it is larger than all of them together.
const chromium = need('chromium', 'apt-get install chromium', false);

/** The page as it is in the browser when all is loaded. */
function dom(name: string, html: string): string {
  const file = path.join(folder, `${name}.html`);
  writeFileSync(file, html);
  const profile = `--user-data-dir=${path.join(folder, `${name}-profile`)}`;
  const always = ['--headless', '--no-sandbox', '--disable-gpu', profile, '--dump-dom'];
  const { status, stdout } = spawnSync(chromium.path, [...always, pathToFileURL(file).href], {
    encoding: 'utf8',
    timeout: 60_000,
    maxBuffer: 1 << 26,
  });
  expect(status).toBe(0);
  return stdout;
}

describe.skipIf(chromium.missing)(`the HTML page in a browser${chromium.note}`, () => {
  test('without scripts all is there', async () => {
    const html = crashHtml(await crashReport(openTrace(TRACE)));
    // A browser whose scripts are off cannot tell of its page: the script is taken out.
    const page = dom('plain', html.replace(/<script>[\s\S]*<\/script>/, ''));
    expect(page).toContain('<html lang="en">');
    const ids = Array.from(page.matchAll(/<section id="(\w+)">/g), ([, id]) => id);
    expect(ids).toEqual([
      'where',
      'findings',
      'stack',
      'transfers',
      'flame',
      'timeline',
      'before',
      'next',
    ]);
    expect(page.match(/class="bar/g)?.length).toBeGreaterThan(20);
    expect(page).toContain('<code>parse_record+0x1c</code>');
  });

  test('hostile names are text, and only our script runs', async () => {
    const page = dom('hostile', crashHtml(await hostileReport()));
    // The script marks the page; had it been another one, the policy would have stopped it.
    expect(page).toContain('<html lang="en" class="js">');
    expect(page).not.toMatch(/<img|<[^>]* onerror=[^>]*>(?=[^"]*$)/);
    expect(page.match(/<script>/g)).toHaveLength(1);
    const shown = HOSTILE.slice(0, HOSTILE.indexOf('`'));
    expect(page).toContain(shown.replaceAll('<', '&lt;').replaceAll('>', '&gt;'));
  });
});
