/**
 * The threaded interpreter: one WebAssembly module over predecoded entries. It stops at exact
 * instruction counts, records transfers, counts arrivals, calls regions (docs/embedded-engine.md).
 */

import { type WasmTable, wasm } from '../../../wasm/host.ts';
import { ModuleWriter } from '../../../wasm/module.ts';
import { I32, I64 } from '../../../wasm/opcodes.ts';
import type { CodeCache } from '../core/code-cache.ts';
import { STATE } from '../core/layout.ts';
import type { GuestMemory } from '../core/memory.ts';
import type { HandlerTable } from './handlers.ts';
import { Run } from './run.ts';
import { STEPS_PARAMETERS, STEPS_RESULTS, Steps } from './steps.ts';

/** Called by the interpreter with pc and account in the state block. */
export interface InterpreterHooks {
  /**
   * Runs the instruction at pc in the plain interpreter. 0: it retired, and pc is the next one; a
   * transfer it made is recorded. Else the EXIT value to return; then pc is as it was.
   */
  slow(): number;
  /**
   * The number of the edge of the transfer from source, an instruction of a begun block. Begins the
   * target's block, if there can be one. Only when recording.
   */
  link(source: number, target: number): number;
  /** Begins the block at pc: calls `CodeCache.setBlock`. Only when recording. */
  begin(): void;
  /** The number of the edge from a region's return site to target. Only when recording. */
  returned(site: number, target: number): number;
}

export interface InterpreterOptions {
  readonly memory: GuestMemory;
  /** Of regions; place 0 stays empty. */
  readonly table: WasmTable;
  readonly cache: CodeCache;
  readonly handlers: HandlerTable;
  readonly hooks: InterpreterHooks;
  readonly record: boolean;
  /** Arrivals at one place after which `run` returns EXIT.hot, once; 0: never. */
  readonly heatLimit: number;
}

/** Block and edge numbers are of no use without recording; one is as good as the other. */
const UNNAMED = 0;
const WASM_PAGE_BYTES = 65_536;

export class ThreadedInterpreter {
  /**
   * Runs the guest from STATE.pc until an EXIT value says why it stopped. Fuel is then exact, and
   * pc the next instruction.
   */
  readonly run: () => number;
  /** Byte offset in the module of each handler's code, by handler number: host terms. */
  readonly handlerAt: readonly number[];
  readonly #options: InterpreterOptions;

  constructor(options: InterpreterOptions) {
    this.#options = options;
    const { memory, table } = options;
    const { bytes, handlerAt } = buildInterpreter(options);
    this.handlerAt = handlerAt;
    const imports = {
      engine: {
        memory: memory.memory,
        table,
        decode: () => this.#decode(),
        slow: () => options.hooks.slow(),
        link: (source: number, target: number) => this.#link(source >>> 0, target >>> 0),
        returned: (site: number, target: number) =>
          options.hooks.returned(site >>> 0, target >>> 0),
      },
    };
    const { run } = new wasm.Instance(new wasm.Module(bytes), imports).exports;
    if (run === undefined) throw new Error('the interpreter module exports no run');
    this.run = () => Number(run());
  }

  get #isLearning(): boolean {
    return this.#options.record || this.#options.heatLimit > 0;
  }

  /**
   * Every decoded instruction belongs to a block that was begun, so nothing else has to be looked
   * at where control falls from one block into the next.
   */
  #decode(): number {
    const { memory, cache, hooks, record } = this.#options;
    const pc = Number(memory.view.getBigUint64(STATE.pc, true));
    if (cache.blockSizes(pc) === null) return this.#raise();
    if (!this.#isLearning || cache.blockAround(pc) >= 0) return 0;
    if (record) hooks.begin();
    else cache.setBlock(pc, UNNAMED);
    return 0;
  }

  /** What cannot be decoded raises a trap in the plain interpreter, which knows all about it. */
  #raise(): number {
    const { memory, hooks } = this.#options;
    const answer = hooks.slow();
    if (answer === 0)
      memory.view.setInt32(STATE.fuel, memory.view.getInt32(STATE.fuel, true) - 1, true);
    return answer;
  }

  #link(source: number, target: number): number {
    const { cache, hooks, record } = this.#options;
    if (record) {
      const edge = hooks.link(source, target);
      // An edge to where no code is now is another one once there is.
      if (cache.blockAt(target) >= 0 || cache.isRegion(target)) {
        cache.remember(source, target, edge);
      }
      return edge;
    }
    if (cache.blockAt(target) < 0) cache.setBlock(target, UNNAMED);
    cache.remember(source, target, UNNAMED);
    return UNNAMED;
  }
}

/** The module's bytes, and where in them each handler's code begins. */
export function buildInterpreter({
  memory,
  handlers,
  record,
  heatLimit,
}: Pick<InterpreterOptions, 'memory' | 'handlers' | 'record' | 'heatLimit'>): {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly handlerAt: readonly number[];
} {
  const out = new ModuleWriter();
  const pages = memory.buffer.byteLength / WASM_PAGE_BYTES;
  out.importMemory('engine', 'memory', pages, pages);
  out.importTable('engine', 'table', 0);
  const answer = out.type([], [I32]);
  const number = out.type([I32, I32], [I32]);
  const indexes = {
    decode: out.importFunction('engine', 'decode', answer),
    slow: out.importFunction('engine', 'slow', answer),
    link: out.importFunction('engine', 'link', number),
    returned: out.importFunction('engine', 'returned', number),
    regionType: out.type([I64, I32], [I64, I64]),
    steps: out.nextFunction,
  };
  const learn = record || heatLimit > 0;
  const { guestBase } = memory;
  const steps = new Steps({ handlers: handlers.list, guestBase, record, learn, heatLimit });
  out.define(out.type(STEPS_PARAMETERS, STEPS_RESULTS), steps.code);
  const run = out.define(answer, new Run(indexes, { record, heatLimit }).code);
  out.exportFunction('run', run);
  const { bytes, bodyAt } = out.finish();
  return { bytes, handlerAt: steps.handlerAt.map((at) => at + (bodyAt[0] ?? 0)) };
}
