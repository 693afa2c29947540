/**
 * Whether WebAssembly's relaxed_madd rounds once on this machine. The specification lets it round
 * twice; V8 uses the fused instruction where the processor has one. Source: WebAssembly relaxed
 * SIMD proposal, "Relaxed fused multiply-add".
 */
import { CodeWriter } from '../../../wasm/code.ts';
import { wasm } from '../../../wasm/host.ts';
import { ModuleWriter } from '../../../wasm/module.ts';
import { F32, F64 } from '../../../wasm/opcodes.ts';

/** a × b + c, and what it is with one rounding. */
type Case = readonly [a: number, b: number, c: number, sum: number];

/** Wrong where the product is rounded first: it is then 1, or its lowest bit is lost. */
const DOUBLES: readonly Case[] = [
  [1 + 2 ** -52, 1 - 2 ** -52, -1, -(2 ** -104)],
  [-1 - 2 ** -30, 1 - 2 ** -30, 1, 2 ** -60],
  [2 ** -27 + 2 ** -57, 2 ** -26 - 2 ** -56, 1 + 2 ** -52, 1 + 2 ** -52],
];

/** The last one is wrong, too, where a single is computed as a double that is rounded again. */
const SINGLES: readonly Case[] = [
  [1 + 2 ** -23, 1 - 2 ** -23, -1, -(2 ** -46)],
  [-1 - 2 ** -15, 1 - 2 ** -15, 1, 2 ** -30],
  [2 ** -12 + 2 ** -35, 2 ** -12 - 2 ** -35, 1 + 2 ** -23, 1 + 2 ** -23],
];

function probeModule(): Uint8Array<ArrayBuffer> {
  const out = new ModuleWriter();
  const single = new CodeWriter(3);
  for (const place of [0, 1, 2]) single.get(place).prefixed('f32x4.splat');
  single.prefixed('f32x4.relaxed_madd').extractLane('f32x4');
  out.exportFunction('single', out.define(out.type([F32, F32, F32], [F32]), single));
  const double = new CodeWriter(3);
  for (const place of [0, 1, 2]) double.get(place).prefixed('f64x2.splat');
  double.prefixed('f64x2.relaxed_madd').extractLane('f64x2');
  out.exportFunction('double', out.define(out.type([F64, F64, F64], [F64]), double));
  return out.finish().bytes;
}

/**
 * False too where there is no such instruction. Ask once and keep the answer; it makes a module.
 */
export function isFusedMultiplyAddExact(): boolean {
  const bytes = probeModule();
  if (!wasm.validate(bytes)) return false;
  const { single, double } = new wasm.Instance(new wasm.Module(bytes), {}).exports;
  if (single === undefined || double === undefined) return false;
  const isRight = (madd: typeof single, cases: readonly Case[]): boolean =>
    cases.every(([a, b, c, sum]) => madd(a, b, c) === sum);
  return isRight(single, SINGLES) && isRight(double, DOUBLES);
}
