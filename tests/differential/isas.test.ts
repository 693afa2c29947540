/**
 * One small program on every guest: the blocks of its trace are those that the emulator itself says
 * it executed, and each transfer is of the kind that a disassembler's text of its source says.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { CAUSES, type Cause, KINDS, type Kind, type Trace } from '@backtrail/recorder/trace';
import { describe, expect, test } from 'vitest';
import { checkTrace } from '../../packages/analyzer/src/check.ts';
import {
  createDisassembler,
  type Instruction,
} from '../../packages/analyzer/src/disassembly/capstone.ts';
import { createClassifier } from '../../packages/analyzer/src/disassembly/classify.ts';
import { readSymbols } from '../../packages/recorder/src/elf/elf.ts';
import { compile, temporaryFolder } from '../guests/build.ts';
import {
  ASSEMBLED_AT,
  assemblyOf,
  BUILDS,
  type Build,
  optionsOf,
  programOf,
  SOURCE,
} from '../guests/isas/builds.ts';
import { recordGuest, runBare } from '../guests/record.ts';
import { needsAll, wants } from '../require.ts';
import { firstDifference, tracedRuns, withoutRepetitions } from './exec-log.ts';
import { loggedStarts } from './isa-log.ts';
import { kindOfText } from './isa-text.ts';

const folder = temporaryFolder('isas');

function logTo(file: string): Record<string, string> {
  return { QEMU_LOG: 'exec,nochain', QEMU_LOG_FILENAME: file };
}

/** The parts of thumb.elf that are no Thumb code have names that say so. */
function isThumbAt(build: Build): (pc: bigint) => boolean {
  const symbols = readSymbols(programOf(build));
  return (pc) => {
    const at = symbols.address.findLastIndex((address) => address <= pc);
    return build.name === 'thumb' && at >= 0 && !symbols.name(at).startsWith('a32_');
  };
}

/** Loops without a branch that run more than once, by program. */
const LOOPS: Readonly<Record<string, number>> = { xtensa: 2, hexagon: 1 };

const NOP_OF_TWO_BYTES = Uint8Array.of(0x00, 0xbf);

interface TakenEdge {
  readonly cause: Cause | null;
  readonly kind: Kind | null;
  readonly pc: bigint;
  /** Of its source, by Capstone; by QEMU where Capstone does not know the ISA. */
  readonly text: string;
  /** Mnemonics of the instructions before it in its block. */
  readonly before: readonly string[];
}

/** As QEMU writes it: `mnemonic operands`, of a branch with a slot also `;mnemonic operands`. */
function textOfQemu({ blocks }: Trace, block: number): Instruction[] {
  const lines = blocks.text(block)?.split('\n') ?? [];
  let pc = blocks.pc[block] ?? 0n;
  return Array.from(blocks.instructionSizes(block), (sizeBytes, i) => {
    const [mnemonic = '', operands = ''] = (lines[i] ?? '').split(/\s+(.*)/s);
    const one = { pc, sizeBytes, mnemonic, operands };
    pc += BigInt(sizeBytes);
    return one;
  });
}

async function takenEdges(trace: Trace, build: Build): Promise<TakenEdge[]> {
  const { blocks, edges } = trace;
  using disassembler = await createDisassembler(trace.manifest.guest.isa);
  const isThumb = isThumbAt(build);
  const found: TakenEdge[] = [];
  for (let edge = 0; edge < edges.count; edge++) {
    const block = edges.sourceBlock[edge] ?? 0;
    const cause = CAUSES[edges.cause[edge] ?? 0] ?? null;
    const kind = KINDS[edges.kind[edge] ?? 0] ?? null;
    const pc = edges.source[edge] ?? 0n;
    if (cause === 'start') continue;
    const start = blocks.pc[block] ?? 0n;
    // A block of words alone is shown as A32; a Thumb instruction before it says what it is.
    const nop = isThumb(start) ? NOP_OF_TWO_BYTES : new Uint8Array();
    const all: Instruction[] =
      disassembler?.disassemble(
        Uint8Array.of(...nop, ...blocks.code(block)),
        start - BigInt(nop.length),
        Uint8Array.of(...nop.subarray(0, 1).map(() => 2), ...blocks.instructionSizes(block)),
      ) ?? textOfQemu(trace, block);
    const at = all.findIndex((one) => one.pc === pc);
    const text = `${all[at]?.mnemonic} ${all[at]?.operands}`;
    found.push({ cause, kind, pc, text, before: all.slice(0, at).map((one) => one.mnemonic) });
  }
  return found;
}

/** The code of a program that is written in assembly. */
function assembled(assembler: string, build: Build): Buffer {
  const tool = (name: string): string => assembler.replace(/as$/, name);
  const file = path.join(folder, build.name);
  const [object, linked, code] = [`${file}.o`, `${file}.linked`, `${file}.code`];
  compile(assembler, [...build.options, '-o', object, assemblyOf(build)]);
  if (build.compiler === 'llvm-mc') {
    const copier = assembler.replace(/mc$/, 'objcopy');
    compile(copier, ['-O', 'binary', '-j', '.text', object, code]);
    return readFileSync(code);
  }
  compile(tool('ld'), [
    ...(build.linkOptions ?? build.options),
    '-Ttext',
    ASSEMBLED_AT,
    '-o',
    linked,
    object,
  ]);
  compile(tool('objcopy'), ['-O', 'binary', '-j', '.text', linked, code]);
  return readFileSync(code);
}

for (const build of BUILDS) {
  const tools = needsAll(build.emulator, 'cc');
  describe.skipIf(tools.missing)(`every way of control, ${build.name}${tools.note}`, () => {
    test('blocks as QEMU logs them, kinds as a disassembler tells', async () => {
      const run = { program: programOf(build), qemu: tools.path };
      const file = path.join(folder, build.name);
      runBare({ ...run, env: logTo(`${file}.bare`) }, []);
      const recording = { ...run, env: logTo(`${file}.same`), output: `${file}.trace` };
      const { trace } = recordGuest(recording);
      expect(trace.manifest.guest.isa).toBe(build.isa);
      expect(trace.manifest.end).toEqual({ how: 'exit', status: 0 });
      const findings = checkTrace(trace).findings.map(({ code }) => code);
      expect(findings).toEqual(createClassifier(build.isa) === null ? ['isa-unknown'] : []);
      const runs = tracedRuns(trace, 0).map(({ pc }) => pc);
      const { pcs } = withoutRepetitions(runs, trace);
      const { pcs: bare } = withoutRepetitions(loggedStarts(`${file}.bare`, build, trace), trace);
      expect(firstDifference(pcs, bare)).toBeNull();
      expect(bare.length).toBeGreaterThan(20);

      if (build.hasKinds === false) {
        const told = (await takenEdges(trace, build)).filter((one) => one.cause !== null);
        expect(told).toEqual([]);
        return;
      }
      const wrong: string[] = [];
      const seen = new Set<string>();
      const endsOfLoops = new Set<bigint>();
      for (const { cause, kind, pc, text, before } of await takenEdges(trace, build)) {
        const expected = kindOfText(build.name, text, before);
        if (build.name in LOOPS && [cause, kind, expected].every((one) => one === null)) {
          endsOfLoops.add(pc);
          continue;
        }
        seen.add(String(kind));
        if (cause === 'jump' && kind === expected && kind !== null) continue;
        wrong.push(`0x${pc.toString(16)} ${text}: ${cause} ${kind}, expected ${expected}`);
      }
      expect(wrong).toEqual([]);
      const kinds = ['branch', 'call', 'indirect-call', 'indirect-jump', 'jump', 'return'];
      expect([...seen].sort()).toEqual(kinds);
      expect(endsOfLoops.size).toBe(LOOPS[build.name] ?? 0);
      for (let edge = 0; edge < trace.edges.count; edge++) {
        expect(trace.edges.hasHostTarget[edge], `host target of edge ${edge}`).toBe(1);
      }
    });
  });

  const compiler = wants(build.compiler);
  test.skipIf(compiler.missing)(`${build.name}.elf is what its source says${compiler.note}`, () => {
    const program = readFileSync(programOf(build));
    if (build.isAssembled === true) {
      expect(program.includes(assembled(compiler.path, build))).toBe(true);
      return;
    }
    const again = path.join(folder, `${build.name}.elf`);
    compile(compiler.path, [...optionsOf(build), '-o', again, SOURCE]);
    expect(readFileSync(again).equals(program)).toBe(true);
  });
}
