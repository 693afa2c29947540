/** Crash reports as they are written: hostile names, damaged traces, files, every format. */
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crashReport } from '@backtrail/analyzer';
import { openTrace } from '@backtrail/recorder/trace';
import { expect, test } from 'vitest';
import { SEED } from '../../../tests/seed.ts';
import { crashHtml } from './crash-html.ts';
import { hostileReport } from './crash-report.fixture.ts';
import { crashMarkdown, crashText } from './crash-text.ts';
import { runHere } from './io.fixture.ts';
import { SAMPLE, temporaryFolder } from './main.fixture.ts';

const folder = temporaryFolder();
const SCREEN = { isTerminal: false, columns: 80, paint: (_paint: string, text: string) => text };
const FORMATS = ['text', 'markdown', 'json', 'html'] as const;

test('HTML: nothing from the trace becomes a tag, an attribute or a script', async () => {
  const html = crashHtml(await hostileReport());
  expect(html).not.toContain('<img');
  expect(html.match(/<script>/g)).toHaveLength(1);
  expect(html.match(/<\/script>/g)).toHaveLength(1);
  expect(html).toContain('&lt;/script&gt;&lt;img src=x onerror=&quot;alert(1)&quot;&gt;');
  // Every attribute is one of ours.
  const names = Array.from(html.matchAll(/<\w+((?: [\w-]+="[^"]*")*)>/g), ([, attributes = '']) =>
    Array.from(
      attributes.replaceAll(/"[^"]*"/g, '').matchAll(/ ([\w-]+)=/g),
      ([, name = '']) => name,
    ),
  );
  const known = /^(lang|charset|http-equiv|content|name|class|id|style|title|colspan)$/;
  expect(names.flat().length).toBeGreaterThan(100);
  expect(names.flat().filter((name) => !known.test(name))).toEqual([]);
  expect(html.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e]/u);
});

test('HTML: nothing is loaded, and only our script may run', async () => {
  const html = crashHtml(await crashReport(openTrace(SAMPLE)));
  expect(html).not.toMatch(/https?:|url\(|@import|\bsrc=|\bhref=/);
  expect(html).toMatch(/content="default-src &#39;none&#39;; [^"]*script-src &#39;sha256-/);
});

test('text and Markdown: line breaks alone, no fence that ends early', async () => {
  const report = await hostileReport();
  for (const text of [crashText(report, SCREEN), crashMarkdown(report)]) {
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e]/u);
  }
  const lines = crashMarkdown(report).split('\n');
  const headings = lines.filter((line) => line.startsWith('#'));
  expect(headings.every((line) => /^##? /.test(line))).toBe(true);
  // A fence closes with as many backticks as it began with; within it there are fewer in a row.
  const fences = lines.filter((line) => /^`{3,}$/.test(line));
  expect(fences.length % 2).toBe(0);
  for (let i = 0; i < fences.length; i += 2) expect(fences[i]).toBe(fences[i + 1]);
});

test.each(FORMATS)('%s goes to a file whole, and by its name', async (format) => {
  const ending = { text: 'txt', markdown: 'md', json: 'json', html: 'html' }[format];
  const file = join(folder, `report.${ending}`);
  const { status, stdout } = await runHere(['crash', SAMPLE, '-o', file]);
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
  const printed = await runHere(['crash', SAMPLE, '--format', format]);
  expect(readFileSync(file, 'utf8')).toBe(printed.stdout);
});

test('where recording had stopped nothing failed that the trace knows of', async () => {
  const copy = join(folder, 'stopped.trace');
  cpSync(SAMPLE, copy, { recursive: true });
  const file = join(copy, 'manifest.json');
  const text = readFileSync(file, 'utf8').replace(/,\s*"crc32": "[0-9a-f]+"/, '');
  writeFileSync(file, text.replace('"stopped": null', '"stopped": "max-transfers"'));
  const whole = await runHere(['crash', SAMPLE]);
  const { stdout } = await runHere(['crash', copy]);
  expect(whole.stdout).toMatch(/^Where it failed$/m);
  expect(stdout).toMatch(/^Where recording stopped$/m);
  expect(stdout).not.toMatch(/failed/);
});

test('a vCPU that is not there, and a folder that is not there', async () => {
  expect((await runHere(['crash', SAMPLE, '--vcpu', '7'])).stderr).toBe(
    'backtrail: --vcpu: found 7, expected one of 0. Leave it away for the one that ended last.\n',
  );
  const missing = await runHere(['crash', SAMPLE, '-o', join(folder, 'no', 'report.html')]);
  expect(missing.status).toBe(1);
  expect(missing.stderr).toMatch(/cannot be written: .* Choose another -o\.\n$/);
});

test('lines fit the terminal', async () => {
  const { stdout } = await runHere(['crash', SAMPLE], { columns: 60 });
  // The folder of the trace stands alone and is copied, not read.
  const lines = stdout.split('\n').filter((line) => !line.includes('smash.trace'));
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(60);
});

test('damaged files: a report or one line, in every format', async () => {
  const seed = SEED;
  let state = seed;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const files = readdirSync(SAMPLE, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.(arrow|json)$/.test(name),
  );
  for (let run = 0; run < 24; run++) {
    const directory = join(folder, `damaged-${run}.trace`);
    cpSync(SAMPLE, directory, { recursive: true });
    const file = join(directory, files[random(files.length)] ?? '');
    const bytes = readFileSync(file);
    const isCut = random(3) === 0;
    for (let i = 0; i < 4; i++) bytes[random(bytes.length)] = random(256);
    writeFileSync(file, isCut ? bytes.subarray(0, random(bytes.length)) : bytes);
    const format = FORMATS[run % FORMATS.length] ?? 'text';
    const { status, stderr } = await runHere(['crash', directory, '--format', format]);
    const says = `seed ${seed}, run ${run}, ${file}: ${stderr}`;
    if (status === 0) expect(stderr, says).toBe('');
    else expect(stderr, says).toMatch(/^backtrail: (?!unexpected)[^\n]*\n$/);
  }
});
