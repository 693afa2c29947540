/**
 * Traces as somebody would make them who means harm: every text in them, of which there are many,
 * steers a terminal, ends a tag of HTML, or leads out of the folder.
 */
import { cpSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { openTrace } from '@backtrail/recorder/trace';
import { afterAll } from 'vitest';
import type { CodeSources } from '../../packages/recorder/src/trace/rows.ts';
import type { SymbolTable } from '../../packages/recorder/src/trace/trace.ts';
import { MARK_KINDS } from '../../packages/recorder/src/trace/vocabulary.ts';
import { TraceWriter } from '../../packages/recorder/src/trace/writer.ts';

export const SAMPLES = fileURLToPath(new URL('../../traces/v1/', import.meta.url));

/**
 * A title and a colour of the terminal, a link, the C1 form, a bell, a line break and what turns
 * text around; then HTML that would run, and what ends attributes, comments, scripts and JSON.
 */
export const POISON =
  '\u001b]0;pwned\u0007\u001b[31m\u001b]8;;http://x/\u001b\\\u009b2J\r\n\u202Epwned' +
  '<script>pwned()</script><img src=x onerror=pwned()>\'"`--></style></script></svg>]]>&amp;';

export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'backtrail-hostile-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A copy of a sample that may be spoilt. */
export function copySample(name: string, into: string): string {
  cpSync(path.join(SAMPLES, name, `${name}.trace`), into, { recursive: true });
  return into;
}

const list = <T>(count: number, of: (row: number) => T): T[] =>
  Array.from({ length: count }, (_, row) => of(row));

/** Every symbol is one source line, and inlined into another. */
function poisonedLines(symbols: SymbolTable, poison: string): CodeSources {
  const { count, module, address, size } = symbols;
  const ones = new Uint32Array(count).fill(1);
  const zeros = new Uint32Array(count);
  return {
    sources: { count: 1, path: [`/${poison}/${poison}.c`] },
    lines: {
      count,
      module,
      address,
      size,
      source: zeros,
      line: ones,
      column: ones,
      isStatement: ones,
    },
    inlines: {
      count,
      module,
      address,
      size,
      depth: zeros,
      name: list(count, () => poison),
      callSource: zeros,
      callLine: ones,
      callColumn: ones,
    },
  };
}

/**
 * Writes a sample again, with `poison` in every text. Symbols keep their names before it, so that
 * each is still another.
 */
export function poisonTrace(sample: string, into: string, poison = `${POISON}\u0000`): string {
  copySample(sample, into);
  const { modules, symbols, marks } = openTrace(into);
  const rows = {
    modules: {
      ...modules,
      path: list(modules.count, (i) => `/${i}${poison}/${poison}`),
      buildId: list(modules.count, () => poison),
    },
    symbols: { ...symbols, name: list(symbols.count, (i) => `${symbols.name(i)}${poison}`) },
    code: poisonedLines(symbols, poison),
  };
  const end = list(marks.count, (i) => i).find((i) => MARK_KINDS[marks.kind[i] ?? 0] === 'end');
  renameSync(path.join(into, 'manifest.json'), path.join(into, 'manifest.partial.json'));
  const writer = TraceWriter.resume(into);
  const kinds = list(MARK_KINDS.length, (kind) => kind).filter(
    (kind) => MARK_KINDS[kind] !== 'end',
  );
  const count = kinds.length;
  writer.addMarks({
    count,
    vcpu: new Uint32Array(count),
    seq: new Float64Array(count).fill(1),
    timeNs: new BigUint64Array(count).fill(marks.timeNs[end ?? 0] ?? 0n),
    kind: Uint8Array.from(kinds),
    pc: new BigUint64Array(count),
    hasPc: new Uint8Array(count),
    number: new BigInt64Array(count),
    hasNumber: new Uint8Array(count),
    code: new BigInt64Array(count),
    hasCode: new Uint8Array(count),
    address: new BigUint64Array(count),
    hasAddress: new Uint8Array(count),
    size: new BigUint64Array(count),
    hasSize: new Uint8Array(count),
    detail: kinds.map(() => poison),
  });
  Object.assign(writer.manifest, {
    command: [`./prog${poison}`, poison],
    directory: `/${poison}`,
    engine: { ...writer.manifest.engine, version: poison, hostIsa: poison },
    end: { how: 'signal', signal: poison, number: 11 },
    note: poison,
    stopped: poison,
    unknownCalls: [{ name: poison, count: 3 }],
    // Nothing can be said of code of a machine that nobody knows: one of them only.
    ...(sample.startsWith('bare-') && { guest: { ...writer.manifest.guest, isa: poison } }),
    losses: { ...writer.manifest.losses, forksUnrecorded: 1 },
  });
  writer.finish(rows.modules, rows.symbols, rows.code);
  return into;
}
