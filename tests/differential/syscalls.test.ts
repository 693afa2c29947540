/** System calls as marks: those that QEMU's own log of them has, and the same on both engines. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { MARK_KINDS, type Trace } from '@backtrail/recorder/trace';
import { describe, expect, test } from 'vitest';
import { syscallName } from '../../packages/analyzer/src/guest-names.ts';
import { buildGuest, needsIsa, temporaryFolder } from '../guests/build.ts';
import { guestEnvironment, recordGuest } from '../guests/record.ts';
import { recordOn } from './record-on.ts';

const folder = temporaryFolder('syscalls');

interface Call {
  readonly name: string;
  /** Null: it did not come back. */
  readonly result: bigint | null;
}

const SYSCALL = MARK_KINDS.indexOf('syscall');

const callMarks = ({ marks }: Trace): number[] =>
  Array.from({ length: marks.count }, (_none, mark) => mark).filter(
    (mark) => marks.kind[mark] === SYSCALL,
  );

function marked(trace: Trace): Call[] {
  const { isa } = trace.manifest.guest;
  return callMarks(trace).map((mark) => {
    const number = trace.marks.number[mark] ?? -1n;
    const result = trace.marks.hasCode[mark] === 1 ? (trace.marks.code[mark] ?? null) : null;
    return { name: syscallName(isa, number) ?? `${number}`, result };
  });
}

/**
 * `8518 brk(NULL) = 0x4ad000`, `8518 x(…) = -1 errno=38 (Function not implemented)`, and
 * `8518 Unknown syscall 334`, of which the result is not told, as it always is ENOSYS.
 */
const LINE =
  /^\d+ (?:Unknown syscall (\d+)|(\w+)\(.*?\)(?: = (0x[0-9a-f]+|-?\d+)(?: errno=(\d+))?)?)/;

function logged(text: string, isa: string): Call[] {
  return text.split('\n').flatMap((line) => {
    const [, unknown, name = '', result, error] = LINE.exec(line) ?? [];
    if (unknown !== undefined) {
      const known = syscallName(isa, BigInt(unknown));
      return [{ name: known ?? unknown, result: -38n }];
    }
    if (name === '') return [];
    if (error !== undefined) return [{ name, result: -BigInt(error) }];
    return [{ name, result: result === undefined ? null : BigInt(result) }];
  });
}

/** Process numbers are others in each run; QEMU's log has its own names for some. */
const comparable = (calls: readonly Call[]): Call[] =>
  calls.map(({ name, result }) =>
    /^set_tid_address$/.test(name) ? { name, result: null } : { name, result },
  );

for (const isa of ['x86_64', 'riscv64'] as const) {
  const need = needsIsa(isa);
  describe.skipIf(need.missing)(`system calls, ${isa}${need.note}`, () => {
    test('are those that QEMU logs, with what they returned', () => {
      const program = buildGuest(isa, 'forks', folder);
      const output = path.join(folder, `${isa}.trace`);
      const { trace } = recordGuest({
        program,
        args: ['work'],
        qemu: need.path,
        output,
        syscalls: true,
      });
      const run = spawnSync(need.path, ['-strace', program, 'work'], {
        encoding: 'utf8',
        env: guestEnvironment(),
      });
      const found = marked(trace);
      expect(comparable(found)).toEqual(comparable(logged(run.stderr, isa)));
      expect(found.length).toBeGreaterThan(8);
      expect(found.at(-1)).toEqual({ name: 'exit_group', result: null });
      const { marks } = trace;
      const [brk = -1] = callMarks(trace);
      expect(marks.detail(brk)).toMatch(/^0x0(?:, 0x[0-9a-f]+){5}$/);
    });
  });
}

const riscv = needsIsa('riscv64');
describe.skipIf(riscv.missing)(`system calls on both engines${riscv.note}`, () => {
  test('are the same, from the same places', () => {
    const sample = new URL('../guests/riscv64/bin/libc.elf', import.meta.url);
    const run = { program: fileURLToPath(sample), args: [], stdin: '', syscalls: true };
    const [embedded, qemu] = (['embedded', 'qemu'] as const).map((engine) => {
      const { trace } = recordOn(engine, { ...run, output: path.join(folder, `${engine}.trace`) });
      return callMarks(trace).map((mark) => [trace.marks.number[mark], trace.marks.pc[mark]]);
    });
    expect(embedded).toEqual(qemu);
    expect(embedded?.length).toBeGreaterThan(3);
  });
});
