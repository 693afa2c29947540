/** Floating point on the embedded engine prints what it prints under QEMU, to the last bit. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { EMBEDDED_DEFAULTS, RING_BYTES_DEFAULT } from '@backtrail/recorder';
import { openTrace } from '@backtrail/recorder/trace';
import { describe, expect, test } from 'vitest';
import { buildGuest, needsIsa, temporaryFolder } from '../guests/build.ts';
import { guestEnvironment, RECORD_PROCESS, runBare } from '../guests/record.ts';
import { SOURCE_ARGUMENTS } from '../source-process.ts';

const folder = temporaryFolder('floats');
const need = needsIsa('riscv64');

describe.skipIf(need.missing)(`floating point of a whole program${need.note}`, () => {
  test('planets, singles, conversions, the math library, modes and flags', () => {
    const program = buildGuest('riscv64', 'floats', folder);
    const output = path.join(folder, 'floats.trace');
    const options = {
      program,
      args: [],
      output,
      keep: 'last',
      ringBytes: RING_BYTES_DEFAULT,
      maxTransfers: 0,
      sysroot: null,
      qemu: null,
      engine: 'embedded',
      embedded: EMBEDDED_DEFAULTS,
    };
    const child = spawnSync(
      process.execPath,
      [...SOURCE_ARGUMENTS, RECORD_PROCESS, JSON.stringify(options)],
      { encoding: 'utf8', env: guestEnvironment(), maxBuffer: 1 << 28 },
    );
    expect(child.stderr).toBe('');
    expect(child.stdout).toBe(runBare({ program, qemu: need.path }, []));
    expect(child.stdout.split('\n').length).toBeGreaterThan(30);
    expect(openTrace(output).manifest.end).toEqual({ how: 'exit', status: 0 });
  });
});
