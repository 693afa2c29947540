/**
 * Programs of other languages, recorded on the embedded engine: the output is that under QEMU, the
 * trace holds, a second run is the same to the last transfer; and where the program decides alone
 * what it does, its transfers are those that QEMU with our plugin records.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Trace } from '@backtrail/recorder/trace';
import { describe, expect, test } from 'vitest';
import { checkTrace } from '../../packages/analyzer/src/check.ts';
import { readSymbols } from '../../packages/recorder/src/elf/elf.ts';
import { temporaryFolder } from '../guests/build.ts';
import {
  buildGo,
  LANGUAGE_RUNS,
  type LanguageRun,
  languageFile,
  languageRunName,
} from '../guests/languages/languages.ts';
import { needs, needsAll } from '../require.ts';
import { functionAt, ONE_VARIABLE, recordOn } from './record-on.ts';
import { divergences, edgeText } from './same-transfers.ts';

const folder = temporaryFolder('languages');
const qemu = needsAll('qemu-riscv64', 'cc');
const go = needs('go');
const goProgram = go.missing ? '' : buildGo(go.path, folder);

const fileOf = ({ program }: LanguageRun): string =>
  program === 'go' ? goProgram : languageFile(program);

/** Each run in a folder of its own, of the same name length: the paths are on the guest's stack. */
function ownFolder(run: LanguageRun, suffix: string): string {
  const own = path.join(folder, `${languageRunName(run)}.${suffix}`);
  mkdirSync(own);
  return own;
}

function recorded(run: LanguageRun, engine: 'embedded' | 'qemu', suffix: string) {
  const own = ownFolder(run, suffix);
  const output = `${own}.trace`;
  const { args, stdin } = run;
  return recordOn(engine, { program: fileOf(run), args, stdin, output, folder: own });
}

/** Where the recording of QEMU is not compared, what the program prints under it is enough. */
function outputUnderQemu(run: LanguageRun): string {
  const child = spawnSync(qemu.path, [fileOf(run), ...run.args], {
    cwd: ownFolder(run, 'q'),
    input: run.stdin,
    encoding: 'utf8',
    env: ONE_VARIABLE,
  });
  const signal = child.signal === null ? 0 : SIGNAL_STATUS + os.constants.signals[child.signal];
  expect(child.status ?? signal).toBe(run.status);
  return child.stdout;
}

const SIGNAL_STATUS = 128;

function statusOf({ manifest: { end } }: Trace): number {
  if (end?.how === 'exit') return end.status;
  return end?.how === 'signal' ? SIGNAL_STATUS + end.number : -1;
}

/** Transfers of one vCPU within functions whose names begin so. */
function within(trace: Trace, file: string, prefix: string): string[] {
  const symbols = readSymbols(file);
  const spans = Array.from({ length: symbols.count }, (_, i) => i)
    .filter((i) => symbols.name(i).startsWith(prefix))
    .map((i) => [symbols.address[i] ?? 0n, symbols.size[i] ?? 0n] as const);
  const isInside = (at: bigint): boolean =>
    spans.some(([start, size]) => at >= start && at < start + size);
  const { edges } = trace;
  const texts = Array.from({ length: edges.count }, (_, edge) => {
    const both = isInside(edges.source[edge] ?? 0n) && isInside(edges.target[edge] ?? 0n);
    return edges.hasSource[edge] === 1 && both ? edgeText(trace, edge) : null;
  });
  const streams = trace.vcpus.map((vcpu) =>
    Array.from(trace.segmentsOf(vcpu))
      .flatMap((segment) => Array.from(trace.readSegment(segment), (edge) => texts[edge] ?? null))
      .filter((text) => text !== null),
  );
  // One goroutine does it all, on one thread: whichever that is.
  return streams.reduce((most, stream) => (stream.length > most.length ? stream : most), []);
}

function expectSame(
  run: LanguageRun,
  same: Exclude<LanguageRun['same'], 'none' | 'twice'>,
  [embedded, other]: readonly [Trace, Trace],
): void {
  const file = fileOf(run);
  if (same !== 'all') {
    const mine = within(embedded, file, same.prefix);
    expect(mine.length).toBeGreaterThan(10_000);
    expect(mine).toEqual(within(other, file, same.prefix));
    return;
  }
  const found = divergences(embedded, other).map(({ after, first, second }) => {
    return `${functionAt(file, after ?? 0n)} ${first.count} ${second.count}`;
  });
  // QEMU has no set_robust_list, and glibc branches on its answer; this one has no symbols.
  expect(found).toEqual(run.program === 'rust.elf' ? ['? 0 1'] : []);
}

describe.skipIf(qemu.missing)(`programs of other languages${qemu.note}`, () => {
  for (const run of LANGUAGE_RUNS) {
    const isMissing = run.program === 'go' && go.missing;
    test.skipIf(isMissing)(`${languageRunName(run)}${isMissing ? go.note : ''}`, () => {
      const { trace, stdout } = recorded(run, 'embedded', 'a');
      expect(statusOf(trace)).toBe(run.status);
      expect(checkTrace(trace).findings).toEqual([]);
      expect(trace.manifest.unknownCalls).toEqual([]);
      if (run.same !== 'none' && run.same !== 'twice') {
        const other = recorded(run, 'qemu', 'b');
        expect(statusOf(other.trace)).toBe(run.status);
        expect(stdout.toString()).toBe(other.stdout.toString());
        expectSame(run, run.same, [trace, other.trace]);
        return;
      }
      expect(stdout.toString()).toBe(outputUnderQemu(run));
      if (run.same === 'none') return;
      const second = recorded(run, 'embedded', 'c');
      expect(second.trace.vcpus).toEqual(trace.vcpus);
      for (const vcpu of trace.vcpus) {
        expect(divergences(trace, second.trace, vcpu), `vCPU ${vcpu}`).toEqual([]);
      }
    });
  }
});
