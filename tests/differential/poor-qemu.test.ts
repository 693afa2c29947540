/**
 * A QEMU that exports nothing but the plugin interface, as other distributions build it: made from
 * the one that is installed, by giving the names that it exports other first letters.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { MARK_KINDS, type Trace } from '@backtrail/recorder/trace';
import { describe, expect, test } from 'vitest';
import { checkTrace } from '../../packages/analyzer/src/check.ts';
import { lostWith } from '../../packages/recorder/src/engines/qemu/exports.ts';
import { buildGuest, ISAS, NARROW_ISAS, needsIsa, temporaryFolder } from '../guests/build.ts';
import { guestEnvironment, recordGuest } from '../guests/record.ts';
import { SOURCE_ARGUMENTS } from '../source-process.ts';

const CLI = fileURLToPath(new URL('../../packages/cli/src/main.ts', import.meta.url));
const folder = temporaryFolder('poor-qemu');

/** gABI: section headers of 64-bit files, symbols of 24 bytes. */
const [SECTION_BYTES, SYMBOL_BYTES] = [64, 24];
const [DYNSYM, FUNCTION] = [11, 2];
/** Data that the plugin would read. Other data is shared with libraries by its name. */
const DATA = ['guest_base'];

function poorCopy(qemu: string, into: string): string {
  const bytes = readFileSync(qemu);
  const sections = Number(bytes.readBigUInt64LE(0x28));
  const count = bytes.readUInt16LE(0x3c);
  const at = (section: number, field: number): number =>
    Number(bytes.readBigUInt64LE(sections + section * SECTION_BYTES + field));
  const word = (section: number, field: number): number =>
    bytes.readUInt32LE(sections + section * SECTION_BYTES + field);
  const symbols = Array.from({ length: count }, (_none, i) => i).find((i) => word(i, 4) === DYNSYM);
  if (symbols === undefined) throw new Error(`${qemu} has no dynamic symbols`);
  const names = at(word(symbols, 0x28), 0x18);
  const own: number[] = [];
  const others = new Set<number>();
  const end = at(symbols, 0x18) + at(symbols, 0x20);
  for (let symbol = at(symbols, 0x18); symbol < end; symbol += SYMBOL_BYTES) {
    const name = names + bytes.readUInt32LE(symbol);
    const text = bytes.toString('latin1', name, bytes.indexOf(0, name));
    const isOwn = bytes.readUInt16LE(symbol + 6) !== 0;
    const isFunction = (bytes.readUInt8(symbol + 4) & 15) === FUNCTION;
    if (!isOwn) others.add(name);
    else if (!text.startsWith('qemu_plugin_') && (isFunction || DATA.includes(text)))
      own.push(name);
  }
  for (const name of own) if (!others.has(name)) bytes.write('~', name, 'latin1');
  writeFileSync(into, bytes);
  chmodSync(into, 0o755);
  return into;
}

const marksOf = ({ marks }: Trace, kind: 'signal' | 'map'): number[] =>
  Array.from({ length: marks.count }, (_none, mark) => mark).filter(
    (mark) => MARK_KINDS[marks.kind[mark] ?? 0] === kind,
  );

const mapped = (trace: Trace): string[] =>
  marksOf(trace, 'map').map((mark) => `${trace.marks.address[mark]} ${trace.marks.size[mark]}`);

/** What `backtrail info` prints. */
const infoOf = ({ directory }: Trace): string =>
  spawnSync(process.execPath, [...SOURCE_ARGUMENTS, CLI, 'info', directory], {
    encoding: 'utf8',
    env: guestEnvironment(),
  }).stdout;

const edgesOf = (trace: Trace): string[] => {
  const { edges } = trace;
  return Array.from({ length: edges.count }, (_none, edge) =>
    [edges.source[edge], edges.target[edge], edges.cause[edge], edges.kind[edge]].join(' '),
  ).sort();
};

for (const isa of [...ISAS, ...NARROW_ISAS]) {
  const need = needsIsa(isa);
  describe.skipIf(need.missing)(`a QEMU that exports little, ${isa}${need.note}`, () => {
    const record = (qemu: string, guest: string, name: string) => {
      const output = path.join(folder, `${name}.${isa}.trace`);
      return recordGuest({ program: buildGuest(isa, guest, folder), qemu, output });
    };

    test('transfers, causes and names are the same; host addresses are missing', () => {
      const poor = poorCopy(need.path, path.join(folder, `qemu-${isa}`));
      expect(lostWith(poor, null)).toEqual(['host addresses', '--start']);
      const { trace: whole } = record(need.path, 'flow', 'whole');
      const { trace } = record(poor, 'flow', 'poor');
      expect(edgesOf(trace)).toEqual(edgesOf(whole));
      expect(mapped(trace)).toEqual(mapped(whole));
      expect(checkTrace(trace).findings).toEqual([]);
      const { edges } = trace;
      for (const column of [edges.hasHostSource, edges.hasHostTarget]) {
        expect(column.subarray(0, edges.count).includes(1)).toBe(false);
      }
      expect(whole.edges.hasHostTarget.includes(1)).toBe(true);
      const said = /host terms +none: this QEMU does not export them/;
      expect(infoOf(trace)).toMatch(said);
      expect(infoOf(whole)).not.toMatch(said);
    });

    test('signals are told where they came', () => {
      const poor = poorCopy(need.path, path.join(folder, `qemu-signals-${isa}`));
      const { trace, stdout } = record(poor, 'signals', 'signals');
      const { marks } = trace;
      const told = marksOf(trace, 'signal').map(
        (mark) => `${marks.number[mark]} ${(marks.pc[mark] ?? 0n).toString(16)}`,
      );
      expect(told).toEqual(stdout.trim().split('\n'));
      expect(checkTrace(trace).findings).toEqual([]);
    });
  });
}
