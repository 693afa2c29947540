/**
 * Regions that run the plain interpreter for a random number of instructions and keep to everything
 * that regions keep to (docs/embedded-engine.md, "Calls of regions").
 */

import { CodeWriter } from '../../../wasm/code.ts';
import { type WasmFunction, wasm } from '../../../wasm/host.ts';
import { ModuleWriter } from '../../../wasm/module.ts';
import { I32, I64 } from '../../../wasm/opcodes.ts';
import { DEPTH_LIMIT, FUEL_SLACK, STATE } from '../core/layout.ts';
import { Trap } from '../core/trap.ts';
import { fetch, step } from '../plain/step.ts';
import { isTaken, PLATFORM, type ThreadedMachine } from './machines.fixture.ts';
import { below, type Random } from './programs.fixture.ts';

type RegionFunction = (account: bigint, depth: number) => [bigint, bigint];

/** A table takes functions of WebAssembly only: one that calls the given one. */
function wasmFunction(called: RegionFunction): WasmFunction {
  const out = new ModuleWriter();
  const type = out.type([I64, I32], [I64, I64]);
  const imported = out.importFunction('test', 'region', type);
  const code = new CodeWriter(2);
  code.get(0).get(1).call(imported);
  out.exportFunction('region', out.define(type, code));
  const imports = { test: { region: called } };
  const { region } = new wasm.Instance(new wasm.Module(out.finish().bytes), imports).exports;
  if (region === undefined) throw new Error('the module exports no region');
  return region;
}

/** Code would change, or control go where no 32-bit pc is. */
class NotForRegions extends Error {}

export class RandomRegions {
  readonly #machine: ThreadedMachine;
  readonly #random: Random;
  /** By place in the table: where the region is entered. */
  readonly #entries: number[] = [];
  made = 0;
  calls = 0;
  bails = 0;

  get returns(): number {
    return this.#machine.returns.length;
  }

  constructor(machine: ThreadedMachine, random: Random) {
    this.#machine = machine;
    this.#random = random;
  }

  make(pc: number): void {
    const { table, cache } = this.#machine;
    const place = 1 + (this.made++ % (table.length - 1));
    const former = this.#entries[place];
    if (former !== undefined) cache.setRegion(former, 0);
    this.#entries[place] = pc;
    table.set(
      place,
      wasmFunction((account, depth) => {
        if (depth !== DEPTH_LIMIT || account < 0n) throw new Error('entered with no fuel or depth');
        if (this.#machine.hart.pc !== BigInt(pc)) throw new Error('entered the wrong region');
        this.calls++;
        return this.#run(account);
      }),
    );
    cache.setRegion(pc, place);
    cache.forgetTargets(pc);
  }

  #run(entered: bigint): [bigint, bigint] {
    const { hart, memory, cache } = this.#machine;
    const random = this.#random;
    const limit = below(random, FUEL_SLACK * random() * random());
    let account = entered;
    for (let count = 0; count < limit; count++) {
      const pc = Number(hart.pc);
      const isReturn = cache.instruction(pc)?.op === 'jalr';
      const target = this.#step();
      if (target === null) break;
      account -= 1n << 32n;
      if (target < 0 || !this.#machine.isRecording) continue;
      if (isReturn && count > limit / 4) {
        const site = BigInt(this.#machine.returns.push(pc));
        return [BigInt(target) | (site << 32n), account];
      }
      if (cache.blockAt(target) < 0) this.#machine.begin(target);
      const at = Number(account & 0xffff_ffffn);
      memory.view.setUint32(at, this.#machine.newEdge(pc, target), true);
      account += 4n;
    }
    return [hart.pc, account];
  }

  /** Target of a transfer; -1: it was none; null: the instruction is not for a region. */
  #step(): number | null {
    const { hart, memory } = this.#machine;
    const { onCodeChange } = memory;
    memory.onCodeChange = () => {
      throw new NotForRegions();
    };
    try {
      const instruction = fetch(hart);
      const makesTransfer = isTaken(hart, instruction);
      if (makesTransfer) {
        const base = instruction.op === 'jalr' ? hart.xUnsigned[instruction.rs1] : hart.pc;
        const target = BigInt.asUintN(64, (base ?? 0n) + BigInt(instruction.imm));
        if (target >= 2n ** 32n) throw new NotForRegions();
      }
      step(hart, PLATFORM, instruction);
      return makesTransfer ? Number(hart.pc) : -1;
    } catch (error) {
      if (!(error instanceof Trap || error instanceof NotForRegions)) throw error;
      memory.view.setInt32(STATE.bail, 1, true);
      this.bails++;
      return null;
    } finally {
      memory.onCodeChange = onCodeChange;
    }
  }
}
