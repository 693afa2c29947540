import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { deliver } from './deliver.ts';

let folder = '';
const at = (name: string): string => path.join(folder, name);
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'backtrail-deliver-'));
  fs.writeFileSync(at('staged'), 'new');
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

describe('deliver', () => {
  test('moves the file, over an old one too', () => {
    fs.writeFileSync(at('out'), 'old, and longer');
    deliver(at('staged'), at('out'));
    expect(fs.readFileSync(at('out'), 'utf8')).toBe('new');
    expect(fs.readdirSync(folder)).toEqual(['out']);
  });

  test('writes through a symbolic link and leaves it one', () => {
    fs.writeFileSync(at('real'), 'old, and longer');
    fs.symlinkSync('real', at('link'));
    deliver(at('staged'), at('link'));
    expect(fs.readFileSync(at('real'), 'utf8')).toBe('new');
    expect(fs.lstatSync(at('link')).isSymbolicLink()).toBe(true);
    expect(fs.existsSync(at('staged'))).toBe(false);
  });

  test('a device stays a device', () => {
    deliver(at('staged'), '/dev/null');
    expect(fs.statSync('/dev/null').isCharacterDevice()).toBe(true);
  });

  test('a folder of files is refused and removed', () => {
    fs.mkdirSync(at('parts'));
    fs.writeFileSync(at('parts/0'), '');
    expect(() => deliver(at('parts'), at('out'))).toThrow('COPY made a folder');
    expect(fs.readdirSync(folder)).toEqual(['staged']);
  });

  test('what cannot be written is told', () => {
    expect(() => deliver(at('staged'), at('no/out'))).toThrow(/no\/out: cannot be written: ENOENT/);
    expect(fs.readdirSync(folder)).toEqual([]);
  });
});
