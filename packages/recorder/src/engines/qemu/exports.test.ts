/** What is said to be lost with a build of QEMU, by the names that its file exports. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { buildElf, FIXTURE } from '../../elf/elf.fixture.ts';
import { lostWith } from './exports.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'backtrail-exports-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function exporting(...names: readonly string[]): string {
  const file = path.join(folder, `qemu-${names.length}`);
  const symbols = names.map((name, i) => ({
    name,
    value: FIXTURE.textAddress + BigInt(16 * i),
    size: 16n,
    section: FIXTURE.text,
    type: 2,
  }));
  writeFileSync(file, buildElf({ dynsym: symbols, hash: 'gnu' }));
  return file;
}

test('each thing that is lost is named once', () => {
  const traps = 'causes of interrupts and exceptions, privilege';
  expect(lostWith(exporting(), null)).toEqual(['host addresses', '--start']);
  expect(lostWith(exporting(), 'x86_64')).toEqual(['host addresses', '--start', traps]);
  const some = exporting('tcg_tb_lookup', 'queue_tb_flush', 'vmstate_x86_cpu');
  expect(lostWith(some, null)).toEqual([]);
  expect(lostWith(some, 'x86_64')).toEqual([traps]);
  expect(lostWith(some, 'sparc')).toEqual([]);
});

test('of what is no program of its own nothing is known', () => {
  const script = path.join(folder, 'script');
  writeFileSync(script, '#!/bin/sh\nexec qemu-x86_64 "$@"\n');
  expect(lostWith(script, null)).toBeNull();
});
