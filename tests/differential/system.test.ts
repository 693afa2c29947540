/**
 * Whole machines under QEMU: what a trace says of them is what QEMU's own log says of the same
 * run, block by block and trap by trap; what the guest itself wrote down; and what the embedded
 * engine records of the same guest.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Trace } from '@backtrail/recorder/trace';
import { describe, expect, test } from 'vitest';
import { checkTrace } from '../../packages/analyzer/src/check.ts';
import { type BareGuest, bareGuest } from '../guests/bare/build.ts';
import { temporaryFolder } from '../guests/build.ts';
import { newerQemu } from '../guests/linux.ts';
import { buildHarts, recordMachine, virtBoard } from '../guests/system.ts';
import { needsAll } from '../require.ts';
import { firstDifference, tracedRuns } from './exec-log.ts';
import { recordOn } from './record-on.ts';
import { divergences } from './same-transfers.ts';
import { countKinds, readMachineLog, type Trap, tracedTraps } from './system-log.ts';

const folder = temporaryFolder('system');
const need = needsAll('qemu-system-riscv64', 'cc');

interface Recorded {
  readonly trace: Trace;
  /** What the guest wrote to its serial port. */
  readonly printed: string;
}

function recordSample(
  guest: BareGuest,
  name: string,
  more: readonly string[] = [],
  qemu = need.path,
): Recorded {
  const [serial, output] = [path.join(folder, `${name}.txt`), path.join(folder, `${name}.trace`)];
  const args = [...virtBoard(bareGuest(guest), serial), ...more];
  const trace = recordMachine({ qemu, args, output });
  return { trace, printed: readFileSync(serial, 'latin1').replaceAll('\r', '') };
}

/** As the sample prints them: `ecall: exception 11, epc 0x80000490, tval 0x0`. */
function printedTraps(text: string): Trap[] {
  const line = /: (exception|interrupt) (\d+), epc (0x[0-9a-f]+), tval (0x[0-9a-f]+)/g;
  return Array.from(text.matchAll(line), ([, kind, number = '', epc = '', tval = '']) => ({
    isInterrupt: kind === 'interrupt',
    number: BigInt(number),
    source: BigInt(epc),
    address: BigInt(tval),
  }));
}

/** Where the emulator's own first instructions are; the embedded board begins behind them. */
const BOOT = 'start/null none → 0x1000';

describe.skipIf(need.missing)(`whole machines, riscv64${need.note}`, () => {
  const newest = newerQemu('11', 'riscv64');
  const newer = newerQemu('10', 'riscv64');
  describe.each([
    { version: 'installed', path: need.path, note: '' },
    { version: '10', ...newer },
    { version: '11', ...newest },
  ])('QEMU $version $note', ({ version, path: qemu, note }) => {
    test.skipIf(note !== '').each<BareGuest>(['traps', 'vectors', 'scheduler', 'levels', 'csrs'])(
      "%s: QEMU's log has the same blocks and the same traps, each at its place",
      (guest) => {
        const name = `${guest}-${version}`;
        const file = path.join(folder, `${name}.log`);
        const options = ['-d', 'exec,int,nochain', '-D', file];
        const { trace } = recordSample(guest, name, options, qemu);
        const log = readMachineLog(file);
        expect(checkTrace(trace).findings).toEqual([]);
        expect(tracedTraps(trace, 0)).toEqual(log.traps.get(0) ?? []);
        expect(countKinds(trace, 0).withoutCause).toBe(0);
        // A newer one runs what accesses a device once more, alone, which its log tells, too.
        if (version !== 'installed') return;
        const runs = tracedRuns(trace, 0).map(({ pc }) => pc);
        // In the last one the machine was switched off: how far it came nobody knows.
        const blocks = (log.blocks.get(0) ?? []).slice(0, -1);
        expect(firstDifference(runs, blocks)).toBeNull();
        expect(blocks.length).toBeGreaterThan(40);
      },
    );
  });

  test.each<BareGuest>(['traps', 'vectors'])('%s: the same transfers as on our board', (guest) => {
    const { trace, printed } = recordSample(guest, `${guest}-qemu`);
    const output = path.join(folder, `${guest}-embedded.trace`);
    const run = { program: bareGuest(guest), args: [], stdin: '', output };
    const embedded = recordOn('embedded', run);
    expect(embedded.stdout.toString('latin1').replaceAll('\r', '')).toBe(printed);
    const found = divergences(embedded.trace, trace);
    expect(found.map(({ secondHas }) => secondHas)).toEqual([BOOT]);
    expect(found[0]).toMatchObject({ first: { seq: 0, count: 1 }, second: { seq: 0, count: 2 } });
    expect(checkTrace(trace).findings).toEqual([]);
  });

  test('traps: every trap that the guest wrote down, and no other', () => {
    const { trace, printed } = recordSample('traps', 'traps-own');
    const traps = printedTraps(printed);
    expect(tracedTraps(trace, 0)).toEqual(traps);
    expect(traps.length).toBe(26);
    expect(countKinds(trace, 0)).toEqual({ withoutCause: 0, calls: 1, returns: 27 });
    expect(trace.manifest.engine).toMatchObject({ name: 'qemu', mode: 'system' });
    expect(trace.modules.path(0)).toBe(bareGuest('traps'));
    expect(trace.symbols.count).toBeGreaterThan(10);
    expect(trace.manifest.guest).toEqual({ isa: 'riscv64', endian: 'little', addressBits: 64 });
  });
});

const harts = needsAll('qemu-system-riscv64', 'riscv64-linux-gnu-gcc', 'cc');
describe.skipIf(harts.missing)(`whole machines, several harts${harts.note}`, () => {
  test('each has its own stream, and the traps that it wrote down', () => {
    const [serial, output] = ['harts.txt', 'harts.trace'].map((name) => path.join(folder, name));
    if (serial === undefined || output === undefined) throw new Error('two names');
    const args = [...virtBoard(buildHarts(folder), serial), '-smp', '4'];
    const trace = recordMachine({ qemu: harts.path, args, output });
    const [, ...printed] = readFileSync(serial, 'latin1').split(/^hart \d\r?$/m);
    expect(printed.length).toBe(4);
    for (const [vcpu, text] of printed.entries()) {
      const own = printedTraps(text);
      expect(tracedTraps(trace, vcpu)).toEqual(own);
      expect(own.length).toBeGreaterThan(123);
      expect(countKinds(trace, vcpu)).toMatchObject({ withoutCause: 0, calls: 60 });
    }
    expect(checkTrace(trace).findings).toEqual([]);
  });
});
