/** The machine code that works on a segment, as modules. */
import { CodeWriter } from '../../wasm/code.ts';
import { type WasmMemory, wasm } from '../../wasm/host.ts';
import { ModuleWriter } from '../../wasm/module.ts';
import { I32 } from '../../wasm/opcodes.ts';
import { checksumCode } from './checksum-code.ts';
import { OWN, PREDEFINED } from './codes.ts';
import {
  contentAt,
  type ElementBytes,
  type Layout,
  PLACES_BYTES,
  placesAt,
  type Tables,
} from './layout.ts';
import { literalCode } from './literal-code.ts';
import { matchCode } from './match-code.ts';
import { sequenceCode } from './sequence-code.ts';
import { tallyCode } from './tally-code.ts';

type Call = (...values: number[]) => number;

/** Counts a segment. Of its own, since segments of a trace that is resumed are only counted. */
export type Tally = (at: number, end: number) => number;

/** Makes a frame of it. Each function is described where its code is made. */
export interface FrameMachine {
  readonly find: (at: number, end: number, literals: number) => number;
  readonly encode: Readonly<Record<Tables, (end: number, out: number) => number>>;
  readonly literals: (at: number, end: number, out: number) => number;
  readonly checksum: (at: number, end: number, length: number) => number;
  /** Forgets all places. */
  readonly clear: () => void;
}

/** Parameters of a function, all i32 as its result, and what writes its code. */
type Definition = readonly [parameters: number, write: (code: CodeWriter) => void];

/** Compiles functions that work on a memory. */
function compile<Name extends string>(
  memory: WasmMemory,
  definitions: Readonly<Record<Name, Definition>>,
): (name: Name) => Call {
  const module = new ModuleWriter();
  module.importMemory('segment', 'memory', 1, 65_536);
  for (const [name, [parameters, write]] of Object.entries<Definition>(definitions)) {
    const code = new CodeWriter(parameters);
    write(code);
    const list = Array.from({ length: parameters }, () => I32 as typeof I32);
    module.exportFunction(name, module.define(module.type(list, [I32]), code));
  }
  const { exports } = new wasm.Instance(new wasm.Module(module.finish().bytes), {
    segment: { memory },
  });
  return (name) => {
    const found = exports[name];
    if (found === undefined) throw new RangeError(`found no function ${name}`);
    return (...values) => Number(found(...values));
  };
}

/** @param memory As `layout` says. It may grow. */
export function tallyFor(memory: WasmMemory, layout: Layout, size: ElementBytes): Tally {
  return compile(memory, { tally: [2, (code) => tallyCode(code, layout, size)] })('tally');
}

/** @param memory As `layout` says. It may grow. */
export function frameMachine(memory: WasmMemory, layout: Layout, size: ElementBytes): FrameMachine {
  const called = compile(memory, {
    find: [3, (code) => matchCode(code, contentAt(layout, size), size)],
    predefined: [2, (code) => sequenceCode(code, 'predefined', PREDEFINED)],
    own: [2, (code) => sequenceCode(code, 'own', OWN)],
    literals: [3, literalCode],
    checksum: [3, checksumCode],
    clear: [
      0,
      (code) => {
        code.i32(placesAt.short).i32(0).i32(PLACES_BYTES).memoryFill().i32(0);
      },
    ],
  });
  return {
    find: called('find'),
    encode: { predefined: called('predefined'), own: called('own') },
    literals: called('literals'),
    checksum: called('checksum'),
    clear: called('clear'),
  };
}
