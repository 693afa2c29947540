/** Small programs, one for each thing that the assembler can write; the golden files show them. */
import { CodeWriter } from './code.ts';
import { type WasmFunction, type WasmImports, type WasmModule, wasm } from './host.ts';
import { type ModuleBytes, ModuleWriter } from './module.ts';
import {
  EMPTY,
  F32,
  F64,
  I32,
  I64,
  LOADS,
  type LoadOpcode,
  STORES,
  type StoreOpcode,
  V128,
  type ValueType,
} from './opcodes.ts';

export interface Program {
  readonly name: string;
  readonly build: (module: ModuleWriter) => void;
}

/** A function of that type, exported by its name if it has one. */
function define(
  module: ModuleWriter,
  name: string | null,
  [parameters, results]: readonly [readonly ValueType[], readonly ValueType[]],
  write: (code: CodeWriter) => void,
): number {
  const code = new CodeWriter(parameters.length);
  const index = module.define(module.type(parameters, results), code);
  write(code);
  if (name !== null) module.exportFunction(name, index);
  return index;
}

const loop: Program = {
  name: 'loop',
  build(module) {
    // Sum of 1 to n; the label is at the loop's head.
    define(module, 'sum', [[I32], [I64]], (code) => {
      const sum = code.local(I64);
      code.block();
      const out = code.depth;
      code.loop();
      const head = code.depth;
      code.get(0).op('i32.eqz').brIfTo(out);
      code.get(sum).get(0).op('i64.extend_i32_u', 'i64.add').set(sum);
      code.get(0).i32(1).op('i32.sub').set(0).brTo(head).end().end().get(sum);
    });
  },
};

const ifElse: Program = {
  name: 'if-else',
  build(module) {
    define(module, 'sign', [[I64], [I32]], (code) => {
      code.get(0).op('i64.eqz').if(I32).i32(0).else();
      code.get(0).i64(0).op('i64.lt_s').if(I32).i32(-1).else().i32(1).end().end();
    });
    define(module, 'clamp', [[F64], [F64]], (code) => {
      code.get(0).f64(1).op('f64.gt').if().f64(1).op('return').end().get(0);
    });
    define(module, 'select', [[I32], [I32]], (code) => {
      code.i32(10).i32(20).get(0).op('select');
    });
  },
};

const brTable: Program = {
  name: 'br-table',
  build(module) {
    define(module, 'name', [[I32], [I32]], (code) => {
      code.block();
      const other = code.depth;
      code.block();
      const two = code.depth;
      code.block();
      const one = code.depth;
      code.get(0).brTable([one, two, one], other).end();
      code.i32(100).op('return').end();
      code.i32(200).op('return').end();
      code.i32(-1);
    });
    // No cases, and to the function's own label with a value.
    define(module, 'none', [[I32], [I32]], (code) => {
      code.i32(7).get(0).brTable([], 0);
    });
  },
};

const calls: Program = {
  name: 'calls',
  build(module) {
    const self = module.nextFunction;
    define(module, 'fib', [[I32], [I64]], (code) => {
      code.get(0).i32(2).op('i32.lt_u').if(I64).get(0).op('i64.extend_i32_u').else();
      code.get(0).i32(1).op('i32.sub').call(self);
      code.get(0).i32(2).op('i32.sub').call(self).op('i64.add').end();
    });
    // Calls one that is defined after it.
    define(module, 'seven', [[], [I32]], (code) => code.call(module.nextFunction));
    define(module, null, [[], [I32]], (code) => code.i32(7));
  },
};

const callIndirect: Program = {
  name: 'call-indirect',
  build(module) {
    module.importTable('env', 'table', 8);
    const binary = [[I32, I32], [I32]] as const;
    const type = module.type(...binary);
    const add = define(module, null, binary, (code) => code.get(0).get(1).op('i32.add'));
    const sub = define(module, null, binary, (code) => code.get(0).get(1).op('i32.sub'));
    const other = define(module, null, [[], []], () => {});
    define(module, 'apply', [[I32, I32, I32], [I32]], (code) => {
      code.get(1).get(2).get(0).callIndirect(type);
    });
    module.element(2, [add, sub]);
    module.element(5, [other]);
  },
};

const multiValue: Program = {
  name: 'multi-value',
  build(module) {
    const divide = define(
      module,
      'divide',
      [
        [I64, I64],
        [I64, I64],
      ],
      (code) => {
        code.get(0).get(1).op('i64.div_s').get(0).get(1).op('i64.rem_s');
      },
    );
    define(
      module,
      'swapped',
      [
        [I64, I64],
        [I64, I64],
      ],
      (code) => {
        const rest = code.local(I64);
        const quotient = code.local(I64);
        code.get(0).get(1).call(divide).set(rest).set(quotient).get(rest).get(quotient);
      },
    );
    const all = [I32, I64, F32, F64] as const;
    define(module, 'all', [all, all], (code) => code.get(0).get(1).get(2).get(3));
  },
};

const tailCalls: Program = {
  name: 'tail-calls',
  build(module) {
    module.importTable('env', 'table', 2);
    const type = module.type([I32], [I32]);
    const even = module.nextFunction;
    define(module, 'even', [[I32], [I32]], (code) => {
      code.get(0).op('i32.eqz').if().i32(1).op('return').end();
      code
        .get(0)
        .i32(1)
        .op('i32.sub')
        .returnCall(even + 1);
    });
    define(module, 'odd', [[I32], [I32]], (code) => {
      code.get(0).op('i32.eqz').if().i32(0).op('return').end();
      code.get(0).i32(1).op('i32.sub').i32(1).returnCallIndirect(type);
    });
    module.element(1, [even]);
  },
};

const keys = <K extends string>(table: Readonly<Record<K, unknown>>): K[] =>
  Object.keys(table).filter((key): key is K => key in table);

const TYPES = { i32: I32, i64: I64, f32: F32, f64: F64 } as const;

function typeOf(name: string): ValueType {
  for (const prefix of keys(TYPES)) if (name.startsWith(prefix)) return TYPES[prefix];
  throw new Error(`${name} has no type`);
}

const memory: Program = {
  name: 'memory',
  build(module) {
    module.importMemory('env', 'memory', 1, 4);
    for (const name of keys<LoadOpcode>(LOADS)) {
      define(module, name, [[I32], [typeOf(name)]], (code) => code.get(0).load(name, 8));
    }
    for (const name of keys<StoreOpcode>(STORES)) {
      define(module, name, [[I32, typeOf(name)], []], (code) => code.get(0).get(1).store(name, 8));
    }
  },
};

const imports: Program = {
  name: 'imports',
  build(module) {
    module.importMemory('env', 'memory', 1, 4);
    const twice = module.importFunction('host', 'twice', module.type([I64], [I64]));
    module.importTable('env', 'table', 1);
    const told = module.importFunction('host', 'tell ✓', module.type([I32, F64], []));
    const pair = module.importFunction('host', 'pair', module.type([], [I64, I32]));
    define(module, 'run', [[I64], [I64, I32]], (code) => {
      code.i32(-5).f64(0.5).call(told);
      code.call(pair).op('drop').get(0).call(twice).op('i64.add').call(pair).op('drop', 'i64.sub');
      code.i32(3);
    });
    module.exportFunction('twice again', twice);
  },
};

export const I32_EXTREMES = [0, 63, 64, -64, -65, 8191, 8192, 2 ** 31 - 1, -(2 ** 31)] as const;
export const I64_EXTREMES = [
  0n,
  127n,
  -128n,
  2n ** 31n,
  -(2n ** 31n) - 1n,
  2n ** 53n,
  2n ** 62n,
  2n ** 63n - 1n,
  -(2n ** 63n),
] as const;
export const FLOAT_EXTREMES = [0, -0, 1, -1.5, 2 ** -149, 2 ** 127, Infinity, -Infinity] as const;

const constants: Program = {
  name: 'constants',
  build(module) {
    for (const value of I32_EXTREMES) {
      define(module, `i32 ${value}`, [[], [I32]], (code) => code.i32(value));
    }
    for (const value of I64_EXTREMES) {
      define(module, `i64 ${value}`, [[], [I64]], (code) => code.i64(value));
    }
    define(module, 'i64 safe', [[], [I64]], (code) => code.i64(Number.MIN_SAFE_INTEGER));
    define(module, 'u64', [[], [I64]], (code) => code.i64(0xffff_ffff_ffff_fffen));
    for (const value of FLOAT_EXTREMES) {
      const name = Object.is(value, -0) ? '-0' : String(value);
      define(module, `f32 ${name}`, [[], [F32]], (code) => code.f32(value));
      define(module, `f64 ${name}`, [[], [F64]], (code) => code.f64(value));
    }
    define(module, 'f64 tiny', [[], [F64]], (code) => code.f64(Number.MIN_VALUE));
    define(module, 'f64 nan', [[], [F64]], (code) => code.f64(Number.NaN));
  },
};

const relaxedSimd: Program = {
  name: 'relaxed-simd',
  build(module) {
    for (const op of ['relaxed_madd', 'relaxed_nmadd'] as const) {
      define(module, `f64 ${op}`, [[F64, F64, F64], [F64]], (code) => {
        const v = code.local(V128);
        for (const place of [0, 1, 2]) code.get(place).prefixed('f64x2.splat');
        code.prefixed(`f64x2.${op}`).tee(v).extractLane('f64x2');
      });
      define(module, `f32 ${op}`, [[F32, F32, F32], [F32]], (code) => {
        for (const place of [0, 1, 2]) code.get(place).prefixed('f32x4.splat');
        code.prefixed(`f32x4.${op}`).extractLane('f32x4');
      });
    }
  },
};

const atomics: Program = {
  name: 'atomics',
  build(module) {
    module.importMemory('env', 'memory', 1, 4);
    define(module, 'i32', [[I32, I32, I32], [I32]], (code) => {
      code.get(0).get(1).get(2).atomicCompareExchange('i32', 16);
    });
    define(module, 'i64', [[I32, I64, I64], [I64]], (code) => {
      code.get(0).get(1).get(2).atomicCompareExchange('i64', 0);
    });
  },
};

const locals: Program = {
  name: 'locals',
  build(module) {
    // Runs of one type, a type that comes again, an index of two bytes.
    define(module, 'last', [[I32, I64], [I64]], (code) => {
      for (let i = 0; i < 3; i++) code.local(I32);
      for (let i = 0; i < 130; i++) code.local(I64);
      code.local(F32);
      code.local(V128);
      const last = code.local(I64);
      code.get(1).set(last).get(0).set(2).get(2).op('i64.extend_i32_s');
      code.get(last).op('i64.add').tee(134).get(134).op('i64.mul');
    });
    // A variable that is asked for after code was written.
    define(module, 'late', [[], [F64]], (code) => {
      code.f64(2);
      const late = code.local(F64);
      code.tee(late).get(late).op('f64.mul');
    });
  },
};

const nesting: Program = {
  name: 'nesting',
  build(module) {
    // Labels by depth from deep inside; blocks of every type.
    define(module, 'out', [[I32], [I32]], (code) => {
      code.block(I32);
      const outer = code.depth;
      code.i32(1).block(EMPTY);
      const middle = code.depth;
      code.loop().block();
      code.get(0).i32(1).op('i32.eq').brIfTo(middle);
      code.i32(2).get(0).i32(2).op('i32.eq').brIfTo(outer).op('drop');
      code.i32(3).get(0).i32(3).op('i32.eq').brIfTo(0).op('drop');
      code.end().end().i32(4).brTo(outer).end().end();
      code.i32(10).op('i32.mul');
    });
    define(module, 'types', [[], [F64]], (code) => {
      code.block(F32).f32(1).end().op('f64.promote_f32').block(F64).f64(2).end().op('f64.add');
      code.block(I64).i64(3).end().op('f64.convert_i64_s', 'f64.add');
      code.block(V128).f64(4).prefixed('f64x2.splat').end().extractLane('f64x2').op('f64.add');
      code.loop(I32).i32(5).end().op('f64.convert_i32_s', 'f64.add');
    });
  },
};

export const PROGRAMS: readonly Program[] = [
  loop,
  ifElse,
  brTable,
  calls,
  callIndirect,
  multiValue,
  tailCalls,
  memory,
  imports,
  constants,
  relaxedSimd,
  atomics,
  locals,
  nesting,
];

export function build(program: Program): ModuleBytes {
  const module = new ModuleWriter();
  program.build(module);
  return module.finish();
}

/** The functions of a program, started; `more` is what it imports besides env. */
export function start(
  name: string,
  more: WasmImports = {},
): { readonly call: (name: string) => WasmFunction; readonly view: DataView } {
  const program = PROGRAMS.find((one) => one.name === name);
  if (program === undefined) throw new Error(`no program ${name}`);
  const module: WasmModule = new wasm.Module(build(program).bytes);
  const memoryHere = new wasm.Memory({ initial: 1, maximum: 4, shared: true });
  const table = new wasm.Table({ element: 'anyfunc', initial: 8 });
  const instance = new wasm.Instance(module, { env: { memory: memoryHere, table }, ...more });
  const call = (exported: string): WasmFunction => {
    const found = instance.exports[exported];
    if (found === undefined) throw new Error(`${name} exports no ${exported}`);
    return found;
  };
  return { call, view: new DataView(memoryHere.buffer) };
}
