/**
 * Programs that end badly, one for each way in which a call stack gets hard to tell. Each is built
 * in the test for every instruction set whose tools are there; what it does is said in its head.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Need, needsAll } from '../../require.ts';
import { compile, type Isa } from '../build.ts';

export interface Crash {
  readonly name: string;
  readonly source: string;
  readonly signal: 'SIGSEGV' | 'SIGABRT';
  /** Beyond what all are built with. */
  readonly flags: readonly string[];
}

const FOLDER = fileURLToPath(new URL('./', import.meta.url));

const crash = (name: string, signal: Crash['signal'], more: Partial<Crash> = {}): Crash => ({
  name,
  source: `${name}.c`,
  signal,
  flags: ['-fno-optimize-sibling-calls'],
  ...more,
});

export const CRASHES = {
  smashedReturn: crash('smashed-return', 'SIGSEGV'),
  ropChain: crash('rop-chain', 'SIGABRT'),
  wildJump: crash('wild-jump', 'SIGSEGV'),
  jumpIntoData: crash('jump-into-data', 'SIGSEGV'),
  longjmpStorm: crash('longjmp-storm', 'SIGABRT'),
  throwTen: crash('throw-ten', 'SIGABRT', { source: 'throw-ten.cc' }),
  signalAltstack: crash('signal-altstack', 'SIGABRT'),
  tailCalls: crash('tail-calls', 'SIGABRT', { flags: ['-foptimize-sibling-calls'] }),
  coroutines: crash('coroutines', 'SIGSEGV'),
  stackOverflow: crash('stack-overflow', 'SIGSEGV'),
  stalePointer: crash('stale-pointer', 'SIGSEGV'),
} as const satisfies Readonly<Record<string, Crash>>;

/** Instruction sets they are built for: x86-64 runs under QEMU, RV64 on both engines. */
export type CrashIsa = Extract<Isa, 'x86_64' | 'riscv64'>;

const COMPILERS = {
  x86_64: { c: 'cc', cc: 'c++' },
  riscv64: { c: 'riscv64-linux-gnu-gcc', cc: 'riscv64-linux-gnu-g++' },
} as const;

/** Path of its source. */
export const crashSource = (of: Crash): string => path.join(FOLDER, of.source);

const isCxx = ({ source }: Crash): boolean => source.endsWith('.cc');

/** The compiler of a guest, with the line that installs it. */
export function needsCompiler(isa: CrashIsa, of: Crash): Need {
  return needsAll(COMPILERS[isa][isCxx(of) ? 'cc' : 'c']);
}

/** All frames are kept and nothing guards them, so that every build crashes alike. */
const FLAGS = [
  '-O1',
  '-g',
  '-static',
  '-fno-pie',
  '-no-pie',
  '-fno-stack-protector',
  '-fno-inline',
  '-U_FORTIFY_SOURCE',
] as const;

/** Builds a guest as a static program into `folder`, once; returns its path. */
export function buildCrash(of: Crash, isa: CrashIsa, folder: string): string {
  const into = path.join(folder, `${of.name}.${isa}`);
  if (existsSync(into)) return into;
  const compiler = COMPILERS[isa][isCxx(of) ? 'cc' : 'c'];
  // The folder of the sources is nobody's business: debug information names them as they are here.
  const prefix = `-ffile-prefix-map=${FOLDER}=`;
  compile(compiler, [...FLAGS, prefix, ...of.flags, '-o', into, crashSource(of)]);
  return into;
}
