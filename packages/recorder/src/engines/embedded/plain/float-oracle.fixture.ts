/** Has QEMU run floating-point instructions, many thousand in one process. */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { FORMATS } from '../isa/formats.ts';
import { opInfo } from '../isa/table.ts';
import { type FloatCase, modesOf, REGISTER_OPS } from './float-cases.fixture.ts';

const SOURCE = fileURLToPath(new URL('float-oracle.fixture.c', import.meta.url));
const IN_BYTES = 32;
const OUT_BYTES = 24;
/** Register numbers of a0 or fa0; fa1 or a1, fa2 and fa3 follow. */
const RESULT = 10;

export interface Outcome {
  /** The register that the instruction writes, whole. */
  readonly result: bigint;
  readonly fcsr: number;
}

const STUBS = REGISTER_OPS.flatMap((op) => modesOf(op).map((rm) => ({ op, rm })));
const key = (op: string, rm: number): string => `${op} ${rm}`;

/** The instruction's word, from the manual's match and mask. */
function word(op: (typeof STUBS)[number]['op'], rm: number): number {
  const { match, format } = opInfo(op);
  const { rs2, rs3 } = FORMATS[format];
  const registers = (RESULT << 7) | ((RESULT + 1) << 15);
  const second = rs2 === null ? 0 : (RESULT + 2) << 20;
  const third = rs3 === null ? 0 : (RESULT + 3) << 27;
  return (match | (rm << 12) | registers | second | third) >>> 0;
}

function run(command: string, args: readonly string[], stdin: 'ignore' | number): Buffer {
  const done = spawnSync(command, args, { stdio: [stdin, 'pipe', 'pipe'], maxBuffer: 2 ** 28 });
  if (done.status === 0) return done.stdout;
  throw new Error(`${command} ${args.join(' ')}: ${done.error?.message ?? done.stderr.toString()}`);
}

/** Builds the program that runs the instructions; where it is. */
export function buildOracle(compiler: string, folder: string): string {
  const lines = ['.option norvc', '.text'];
  STUBS.forEach(({ op, rm }, place) => {
    lines.push(`s${place}: .word 0x${word(op, rm).toString(16)} # ${key(op, rm)}`, 'ret');
  });
  lines.push('.section .rodata', '.balign 8', '.globl stubs', 'stubs:');
  for (const place of STUBS.keys()) lines.push(`.dword s${place}`);
  const assembly = path.join(folder, 'stubs.S');
  writeFileSync(assembly, `${lines.join('\n')}\n`);
  const program = path.join(folder, 'float-oracle');
  run(compiler, ['-O1', '-static', '-o', program, SOURCE, assembly], 'ignore');
  return program;
}

/** What QEMU makes of the cases, in their order. */
export function askQemu(
  qemu: string,
  program: string,
  cases: readonly FloatCase[],
): readonly Outcome[] {
  const places = new Map(STUBS.map(({ op, rm }, place) => [key(op, rm), place]));
  const input = Buffer.alloc(cases.length * IN_BYTES);
  cases.forEach(({ op, rm, fcsr, a, b, c }, place) => {
    const at = place * IN_BYTES;
    const stub = places.get(key(op, rm));
    if (stub === undefined) throw new Error(`no stub for ${key(op, rm)}`);
    input.writeUInt32LE(stub, at);
    input.writeUInt32LE(fcsr, at + 4);
    input.writeBigUInt64LE(a, at + 8);
    input.writeBigUInt64LE(b, at + 16);
    input.writeBigUInt64LE(c, at + 24);
  });
  const file = `${program}.in`;
  writeFileSync(file, input);
  const stdin = openSync(file, 'r');
  const output = run(qemu, [program], stdin);
  closeSync(stdin);
  if (output.length !== cases.length * OUT_BYTES) {
    throw new Error(`found ${output.length / OUT_BYTES} results, expected ${cases.length}`);
  }
  return cases.map(({ op }, place) => {
    const at = place * OUT_BYTES;
    const isX = FORMATS[opInfo(op).format].rd === 'x';
    const result = output.readBigUInt64LE(isX ? at + 8 : at);
    return { result, fcsr: output.readUInt32LE(at + 16) };
  });
}
