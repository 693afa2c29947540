/**
 * What regions import from the engine, and the few functions that each module has for the rare
 * moments: an empty tank, an edge without a number.
 */

import { CodeWriter } from '../../../wasm/code.ts';
import type { ModuleWriter } from '../../../wasm/module.ts';
import { I32, I64 } from '../../../wasm/opcodes.ts';
import { STATE } from '../core/layout.ts';
import { RETURN_CELLS } from './cells.ts';
import type { RegionOptions } from './region.ts';

/** Function and type indexes in the module. */
export interface Helpers {
  /** Of regions: (account, depth) → (pc | returnSite << 32, account). */
  readonly regionType: number;
  /** (account) → (account, 1 to leave). */
  readonly refuel: number;
  /**
   * (account, site, target, pc) → what a region returns: names the edge for the next time, and lets
   * the interpreter make the transfer, which is the instruction at pc.
   */
  readonly leaveNaming: number;
  /** (account, site, target) → (account, edge). */
  readonly name: number;
  /** (account, block, returnSite, cells) → (account, edge). */
  readonly nameReturn: number;
}

export function writeHelpers(module: ModuleWriter, options: RegionOptions): Helpers {
  module.importMemory('engine', 'memory', options.memoryPages, options.memoryPages);
  module.importTable('engine', 'table', 1);
  const refuel = module.importFunction('engine', 'refuel', module.type([], [I32]));
  const regionType = module.type([I64, I32], [I64, I64]);
  if (!options.record) {
    return {
      regionType,
      refuel: refuelHelper(module, refuel),
      leaveNaming: 0,
      name: 0,
      nameReturn: 0,
    };
  }
  const pair = module.type([I32, I32], [I32]);
  const link = module.importFunction('engine', 'link', pair);
  const returned = module.importFunction('engine', 'returned', pair);
  const name = nameHelper(module, link);
  return {
    regionType,
    refuel: refuelHelper(module, refuel),
    leaveNaming: leaveHelper(module, name),
    name,
    nameReturn: returnHelper(module, returned),
  };
}

const storeAccount = (code: CodeWriter): CodeWriter =>
  code.i32(0).get(0).store('i64.store', STATE.account);

const loadAccount = (code: CodeWriter): CodeWriter => code.i32(0).load('i64.load', STATE.account);

function refuelHelper(module: ModuleWriter, refuel: number): number {
  const code = new CodeWriter(2);
  const isEmpty = code.local(I32);
  code.i32(0).get(1).store('i64.store', STATE.pc);
  storeAccount(code).call(refuel).set(isEmpty);
  loadAccount(code).get(isEmpty);
  return module.define(module.type([I64, I64], [I64, I32]), code);
}

function nameHelper(module: ModuleWriter, link: number): number {
  const code = new CodeWriter(3);
  const edge = code.local(I32);
  storeAccount(code).get(1).get(2).call(link).set(edge);
  loadAccount(code).get(edge);
  return module.define(module.type([I64, I32, I32], [I64, I32]), code);
}

function leaveHelper(module: ModuleWriter, name: number): number {
  const code = new CodeWriter(4);
  const pc = 3;
  code.get(0).get(1).get(2).call(name).op('drop').set(0);
  code.get(pc).op('i64.extend_i32_u').get(0);
  return module.define(module.type([I64, I32, I32, I32], [I64, I64]), code);
}

/** Looks into the cells of the call first; fills them itself. */
function returnHelper(module: ModuleWriter, returned: number): number {
  const code = new CodeWriter(4);
  const [block, site, cells] = [1, 2, 3];
  const [cell, edge] = [code.local(I32), code.local(I32)];
  const bytes = (RETURN_CELLS - 1) * 8;
  code.get(site).i32(3).op('i32.shl').i32(bytes).op('i32.and').get(cells).op('i32.add').tee(cell);
  code.load('i32.load', 0).get(site).op('i32.eq').if();
  code.get(0).get(cell).load('i32.load', 4).op('return').end();
  storeAccount(code).get(block).get(site).call(returned).set(edge);
  code.get(cell).get(site).store('i32.store', 0);
  code.get(cell).get(edge).store('i32.store', 4);
  loadAccount(code).get(edge);
  return module.define(module.type([I64, I32, I32, I32], [I64, I32]), code);
}
