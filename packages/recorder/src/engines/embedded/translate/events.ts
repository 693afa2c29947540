/** The code that stores a transfer's edge number: a constant, or from a word that learns it. */
import { I32, I64 } from '../../../wasm/opcodes.ts';
import { INDIRECT_CELLS } from './cells.ts';
import type { ModuleContext } from './context.ts';
import type { HostPlace, PlannedBlock, RegionPlan } from './plan.ts';
import type { RegionEdge, TransferKind } from './region.ts';
import { ACCOUNT, type RegionWriter } from './writer.ts';

/** A direct transfer, or one that is known to go to a certain target. */
export interface KnownTransfer {
  readonly kind: TransferKind;
  readonly from: PlannedBlock;
  readonly target: number;
  /** -1: to whatever is there. */
  readonly targetBlock: number;
  readonly how: RegionEdge['hostHow'];
  readonly place: HostPlace;
}

export class EventWriter {
  readonly #out: RegionWriter;
  readonly #plan: RegionPlan;
  readonly #context: ModuleContext;

  constructor(out: RegionWriter, plan: RegionPlan, context: ModuleContext) {
    this.#out = out;
    this.#plan = plan;
    this.#context = context;
  }

  /** Of a transfer that was seen before. */
  constant({ kind, from, target, targetBlock, how, place }: KnownTransfer): void {
    if (!this.#context.options.record) return;
    const edge = this.#plan.edge({
      edge: this.#context.naming.edge(),
      kind,
      source: from.transferPc,
      target,
      sourceBlock: from.number,
      targetBlock,
      hostHow: how,
      returnSite: 0,
      place,
    });
    this.#out.event(() => this.#out.code.i32(edge));
  }

  /** The number of the edge by which the return of this site comes back to that block's call. */
  returnEdge(site: PlannedBlock, target: number, targetBlock: number): number {
    return this.#plan.edge({
      edge: this.#context.naming.edge(),
      kind: 'return',
      source: site.transferPc,
      target,
      sourceBlock: site.number,
      targetBlock,
      hostHow: 'indirect-jump',
      returnSite: site.returnSite,
      place: site.leaves,
    });
  }

  #site(transfer: KnownTransfer, how: 'direct' | 'indirect', words: number): [number, number] {
    const { naming } = this.#context;
    const site = naming.site();
    const address = naming.cells(words);
    this.#plan.site({
      site,
      kind: transfer.kind,
      source: transfer.from.transferPc,
      sourceBlock: transfer.from.number,
      targetBlock: transfer.targetBlock,
      hostHow: transfer.how,
      cells: { how, address },
      place: transfer.place,
    });
    return [site, address];
  }

  /** The word of a transfer not seen before, and the code for when it is still 0. */
  #direct(transfer: KnownTransfer, unknown: (site: number, edgePlusOne: number) => void): void {
    const { code } = this.#out;
    const edgePlusOne = this.#out.scratch(I32, 92);
    const [site, cell] = this.#site(transfer, 'direct', 1);
    code.i32(0).load('i32.load', cell).tee(edgePlusOne).op('i32.eqz').unlikely().if();
    unknown(site, edgePlusOne);
    code.end();
    this.#out.event(() => code.get(edgePlusOne).i32(1).op('i32.sub'));
  }

  /**
   * To a block of this region. The first time, the interpreter makes the transfer: no register is
   * alive across a call of the engine, and the code stays fast.
   */
  inside(transfer: KnownTransfer): void {
    if (!this.#context.options.record) return;
    const { code, helpers } = this.#out;
    this.#direct(transfer, (site) => {
      this.#out.aside(() => {
        this.#out.spill();
        this.#out.retire(-1);
        this.#out.pushAccount();
        code
          .i32(site)
          .i32(transfer.target | 0)
          .i32(transfer.from.transferPc | 0);
        code.returnCall(helpers.leaveNaming);
      });
    });
  }

  /** Out of this function; registers are stored, and local variables are not needed any more. */
  outside(transfer: KnownTransfer): void {
    if (!this.#context.options.record) return;
    const { code } = this.#out;
    this.#out.settle();
    this.#direct(transfer, (site, edgePlusOne) => {
      this.#name(() => code.i32(site).i32(transfer.target | 0), edgePlusOne);
      code.get(edgePlusOne).i32(1).op('i32.add').set(edgePlusOne);
    });
  }

  #name(siteAndTarget: () => void, edge: number): void {
    const { code, helpers } = this.#out;
    code.get(ACCOUNT);
    siteAndTarget();
    code.call(helpers.name).set(edge).set(ACCOUNT);
  }

  /**
   * Out of this function, as `outside`, to the i32 address in a local variable; `transfer.target`
   * does not count.
   */
  indirect(transfer: KnownTransfer, target: number): void {
    if (!this.#context.options.record) return;
    const { code } = this.#out;
    const edge = this.#out.scratch(I32, 92);
    const pair = this.#out.scratch(I64, 92);
    this.#out.settle();
    const [site, cells] = this.#site(transfer, 'indirect', INDIRECT_CELLS * 2);
    // Twin: rememberEdge in cells.ts. (target >> 1) % count, times 8.
    code.get(target).i32(2).op('i32.shl');
    code
      .i32((INDIRECT_CELLS - 1) * 8)
      .op('i32.and')
      .load('i64.load', cells)
      .tee(pair);
    code.op('i32.wrap_i64').get(target).i32(1).op('i32.or', 'i32.eq').if(I32);
    code.get(pair).i64(32).op('i64.shr_u', 'i32.wrap_i64').else();
    this.#name(() => code.i32(site).get(target), edge);
    code.get(edge).end().set(edge);
    this.#out.event(() => code.get(edge));
  }
}
