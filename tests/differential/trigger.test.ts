/** Recordings that end at a trigger: where it came, what is there, and that the guest runs on. */
import path from 'node:path';
import { MARK_KINDS, type Trace } from '@backtrail/recorder/trace';
import { beforeAll, describe, expect, test } from 'vitest';
import { checkTrace } from '../../packages/analyzer/src/check.ts';
import { Cursor } from '../../packages/analyzer/src/cursor.ts';
import { findPlace } from '../../packages/analyzer/src/place.ts';
import { bareGuest } from '../guests/bare/build.ts';
import { buildGuest, ISAS, needsIsa, temporaryFolder } from '../guests/build.ts';
import { type Recording, recordGuest } from '../guests/record.ts';
import { recordMachine, virtBoard } from '../guests/system.ts';
import { needsAll } from '../require.ts';

const folder = temporaryFolder('trigger');

function markOf({ marks }: Trace, kind: 'trigger' | 'signal') {
  const mark = marks.kind.indexOf(MARK_KINDS.indexOf(kind));
  if (mark < 0) return null;
  const pc = marks.hasPc[mark] === 1 ? marks.pc[mark] : null;
  return { vcpu: marks.vcpu[mark] ?? 0, seq: marks.seq[mark] ?? 0, pc, detail: marks.detail(mark) };
}

for (const isa of ISAS) {
  const need = needsIsa(isa);
  describe.skipIf(need.missing)(`a trigger, ${isa}${need.note}`, () => {
    let runs = 0;
    const record = (guest: string, args: readonly string[], more: Partial<Recording>) => {
      const output = path.join(folder, `${guest}.${isa}.${runs++}.trace`);
      const program = buildGuest(isa, guest, folder);
      const { trace, stdout } = recordGuest({ program, args, qemu: need.path, output, ...more });
      expect(trace.state).toBe('complete');
      expect(checkTrace(trace).findings).toEqual([]);
      return { trace, stdout };
    };
    let whole: Trace;
    beforeAll(() => {
      whole = record('forks', ['work'], {}).trace;
    });

    test.for(['all', 'last'] as const)('a function that runs, --keep %s', (keep) => {
      const { trace } = record('forks', ['work'], { keep, trigger: 'step', after: 500 });
      const { manifest } = trace;
      expect(manifest.losses).toEqual(whole.manifest.losses);
      const mark = markOf(trace, 'trigger');
      expect(mark).toMatchObject({ vcpu: 0, detail: 'step' });
      expect(trace.seqEnd(0)).toBeGreaterThanOrEqual((mark?.seq ?? 0) + 500);
      // It is where an instruction of that address ran first, in this trace and in one of all.
      const [start = 0n] = findPlace(trace, 'step', (name) => name).starts;
      expect(mark?.pc).toBe(start);
      for (const one of [trace, whole]) {
        const cursor = new Cursor(one);
        cursor.toEnd('backward');
        const first = cursor.address('forward', start);
        expect(first.moved).toBe(true);
        expect(first.position.seq + 1).toBe(mark?.seq);
      }
    });

    test('an address; one where nothing runs is waited for in vain', () => {
      const [pc = 0n] = findPlace(whole, 'work', (name) => name).starts;
      const { trace } = record('forks', ['work'], { trigger: `0x${pc.toString(16)}` });
      expect(markOf(trace, 'trigger')?.pc).toBe(pc);
      const { trace: other } = record('forks', ['work'], { trigger: '0xdead0000' });
      expect(markOf(other, 'trigger')).toBeNull();
      expect(other.manifest).toMatchObject({ stopped: null, end: { how: 'exit', status: 4 } });
      expect(other.transfers).toBe(whole.transfers);
    });

    test('a signal; the program goes on to its end', () => {
      const { trace: all, stdout } = record('signals', [], {});
      const first = markOf(all, 'signal');
      const number = all.marks.number[all.marks.kind.indexOf(MARK_KINDS.indexOf('signal'))];
      const run = record('signals', [], { keep: 'last', trigger: `signal:${number}` });
      expect(run.stdout.length).toBeGreaterThan(stdout.length / 2);
      expect(first).not.toBeNull();
      const mark = markOf(run.trace, 'trigger');
      // Whether it was still running when the recorder came to see the signal is up to the machine.
      expect([null, 'trigger']).toContain(run.trace.manifest.stopped);
      expect(mark?.seq).toBe(markOf(run.trace, 'signal')?.seq);
      expect(mark?.pc).toBe(markOf(run.trace, 'signal')?.pc);
    });
  });
}

const board = needsAll('qemu-system-riscv64', 'cc');
describe.skipIf(board.missing)(`a trigger in a machine${board.note}`, () => {
  test.each(['on_supervisor_trap', 'exception:2', '0x80000078'])('%s', (trigger) => {
    const output = path.join(folder, `machine.${trigger.replace(':', '-')}.trace`);
    const args = virtBoard(bareGuest('levels'), path.join(folder, 'serial'));
    const trace = recordMachine({ qemu: board.path, args, output, trigger });
    const found = markOf(trace, 'trigger');
    expect(found?.detail).toBe(trigger);
    const number = /^exception:(\d+)$/.exec(trigger)?.[1];
    if (number !== undefined) {
      const { marks } = trace;
      const exception = Array.from(marks.kind).findIndex(
        (kind, mark) => MARK_KINDS[kind] === 'exception' && marks.number[mark] === BigInt(number),
      );
      expect({ seq: found?.seq, pc: found?.pc }).toEqual({
        seq: marks.seq[exception],
        pc: marks.pc[exception],
      });
    } else {
      expect(findPlace(trace, trigger).starts[0]).toBe(found?.pc);
    }
    expect(checkTrace(trace).findings).toEqual([]);
  });
});
