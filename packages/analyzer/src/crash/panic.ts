/** Whether a kernel gave up: it says so by calling a function that nothing else calls. */
import { NO_ROW, type Trace } from '@backtrail/recorder/trace';
import type { CrashPanic } from './report.ts';
import type { Scene } from './scene.ts';

/**
 * What kernels call when they can go on no more: Linux (`oops_begin` before it, for a fault of its
 * own; `vpanic` since 6.15), the BSDs (`panic`, `vpanic`), XNU, Zephyr, FreeRTOS, Rust's core.
 */
const NAMES = new Set([
  'panic',
  'vpanic',
  'oops_begin',
  'panic_trap_to_debugger',
  'z_fatal_error',
  'vApplicationStackOverflowHook',
  'rust_begin_unwind',
]);

/** Where such a function ran first. */
export interface FirstCall {
  readonly name: string;
  readonly vcpu: number;
  /** Of the transfer that arrived there. */
  readonly seq: number;
  readonly timeNs: bigint;
}

/** In order of time; of whole machines alone: a program's own `panic` may mean anything. */
export function firstCalls(trace: Trace): FirstCall[] {
  if (trace.manifest.engine.mode !== 'system') return [];
  const { symbols, modules, blocks } = trace;
  const named = new Map<bigint, string>();
  for (let symbol = 0; symbol < symbols.count; symbol++) {
    const name = symbols.name(symbol);
    if (!NAMES.has(name)) continue;
    const base = modules.base[symbols.module[symbol] ?? 0] ?? 0n;
    named.set(BigInt.asUintN(64, (symbols.address[symbol] ?? 0n) + base), name);
  }
  const found: FirstCall[] = [];
  for (let block = 0; named.size > 0 && block < blocks.count; block++) {
    const pc = blocks.pc[block] ?? 0n;
    const name = named.get(pc);
    const born = blocks.bornSeq[block] ?? 0;
    if (name === undefined || born === 0) continue;
    named.delete(pc); // translated anew, it did not run first
    const vcpu = blocks.bornVcpu[block] ?? 0;
    const segment = trace.segmentAt(vcpu, born - 1);
    const timeNs = segment < 0 ? 0n : (trace.segments.timeFirstNs[segment] ?? 0n);
    found.push({ name, vcpu, seq: born - 1, timeNs });
  }
  return found.sort((a, b) => (a.timeNs < b.timeNs ? -1 : a.timeNs > b.timeNs ? 1 : a.seq - b.seq));
}

/** The same for the report. */
export function toldPanic(scene: Scene, { name, vcpu, seq }: FirstCall): CrashPanic {
  const { trace } = scene;
  const edge = trace.edgeAt(vcpu, seq);
  const isKnown = edge !== NO_ROW && trace.edges.hasSource[edge] === 1;
  return { name, vcpu, seq, caller: isKnown ? scene.place(trace.edges.source[edge] ?? 0n) : null };
}
