/**
 * The instruction history rebuilt from a trace is the one that the emulator logs when it executes
 * one instruction at a time and knows nothing of a plugin.
 */
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { buildGuest, ISAS, needsIsa, temporaryFolder } from '../guests/build.ts';
import { recordGuest, runBare } from '../guests/record.ts';
import { firstDifference, readExecLog, tracedInstructions, withoutRepeated } from './exec-log.ts';

const folder = temporaryFolder('history');

for (const isa of ISAS) {
  const need = needsIsa(isa);
  const sources = isa === 'x86_64' ? ['flow', 'shapes', 'strings_x86'] : ['flow', 'shapes'];
  describe.skipIf(need.missing)(`executed instructions, ${isa}${need.note}`, () => {
    for (const source of sources) {
      test(source, () => {
        const program = buildGuest(isa, source, folder);
        const name = path.join(folder, `${source}.${isa}`);
        const run = { program, qemu: need.path };
        const step = ['-singlestep', '-d', 'exec,nochain', '-D', `${name}.log`];
        const printed = runBare(run, step);
        const { trace, stdout } = recordGuest({ ...run, output: `${name}.trace` });
        expect(stdout).toBe(printed);
        const stepped = readExecLog(`${name}.log`).map(({ pc }) => pc);
        const expected = withoutRepeated(stepped, trace);
        const found = tracedInstructions(trace, 0);
        expect(firstDifference(found, expected)).toBeNull();
        expect(found.length).toBe(trace.manifest.totals.instructions);
        expect(found.length).toBeGreaterThan(15_000);
      });
    }
  });
}
