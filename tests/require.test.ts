import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { findTool, need, needs, needsAll, needsFile } from './require.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'backtrail-require-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const missing = 'no-such-tool-of-backtrail';

describe('require', () => {
  test('finds an executable file on the path, and nothing else', () => {
    const [tool, text, inner] = ['tool', 'text', 'inner'].map((name) => path.join(folder, name));
    writeFileSync(tool ?? '', '');
    chmodSync(tool ?? '', 0o755);
    writeFileSync(text ?? '', '', { mode: 0o644 });
    mkdirSync(inner ?? '');
    const search = `relative:/nowhere:${folder}`;
    expect(findTool('tool', search)).toBe(tool);
    expect(findTool('inner', search)).toBeNull();
    expect(findTool('absent', search)).toBeNull();
    expect(findTool(tool ?? '', '')).toBe(tool);
  });

  test('a file needs not be executable', () => {
    const file = path.join(folder, 'library');
    writeFileSync(file, '');
    expect(needsFile(file, 'unused')).toEqual({ missing: false, path: file, note: '' });
  });

  test('a tool that is there is no reason to skip', () => {
    expect(need(process.execPath, 'unused', true)).toEqual({
      missing: false,
      path: process.execPath,
      note: '',
    });
  });

  test('a missing tool is skipped by name, with the line that installs it', () => {
    const failing: string[] = [];
    const found = need(missing, 'apt-get install x', false, (title) => failing.push(title));
    expect(found.missing).toBe(true);
    expect(found.note).toBe(` [skipped: no ${missing}; apt-get install x]`);
    expect(failing).toEqual([]);
  });

  test('where everything is required, a missing tool is a failing test', () => {
    const failing: string[] = [];
    need(missing, 'apt-get install x', true, (title, message) => failing.push(title, message));
    expect(failing).toEqual([
      `needs ${missing} (BACKTRAIL_REQUIRE_ALL=1)`,
      `found no ${missing}, expected it on this machine. Run: apt-get install x`,
    ]);
  });
});

describe('require: several tools', () => {
  const both = needsAll('cc', 'readelf');
  const first = needs('cc');

  test('the path is that of the first', () => {
    expect(both.path).toBe(first.path);
    expect(both.missing).toBe(first.missing || needs('readelf').missing);
  });
});
