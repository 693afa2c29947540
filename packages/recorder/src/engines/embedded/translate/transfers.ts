/** The code of the instruction that ends a block: branches, jumps, exits; calls are in calls.ts. */

import { I32, I64 } from '../../../wasm/opcodes.ts';
import {
  CODE_MAP,
  ENTRY,
  ENTRY_BYTES,
  GUEST_PAGE_BYTES,
  GUEST_PAGE_SHIFT,
} from '../core/layout.ts';
import { branchCompare } from '../emit/integer.ts';
import { CallWriter } from './calls.ts';
import type { EventWriter, KnownTransfer } from './events.ts';
import type { RegionFlow } from './flow.ts';
import { perfectHash } from './hash.ts';
import type { PlannedBlock } from './plan.ts';
import type { RegionEdge } from './region.ts';
import { DEPTH } from './writer.ts';

/** So few targets of an indirect jump are compared one by one. */
const COMPARED_MAX = 2;

export class TransferWriter {
  readonly #flow: RegionFlow;
  readonly #events: EventWriter;
  readonly #calls: CallWriter;

  constructor(flow: RegionFlow, events: EventWriter) {
    this.#flow = flow;
    this.#events = events;
    this.#calls = new CallWriter(flow, events, this);
  }

  /** What is pending includes the whole block. Control does not come out at the end. */
  write(node: number, block: PlannedBlock): void {
    const { out } = this.#flow;
    if (block.ends === 'leave') {
      out.bail(block.next, 0);
      return;
    }
    switch (block.transfer?.kind) {
      case undefined:
        this.goOn(node, block);
        break;
      case 'branch':
        this.#branch(node, block);
        break;
      case 'jump':
        this.#link(block);
        block.leaves.at = this.#flow.out.code.at;
        this.#taken(node, block);
        break;
      case 'call':
        if (this.isTargetBad(block)) this.bailAt(block);
        else this.#calls.direct(node, block);
        break;
      case 'indirect-call':
        this.#calls.indirect(node, block);
        break;
      case 'return':
        this.#calls.return(block);
        break;
      case 'indirect-jump':
        this.#indirect(node, block);
        break;
    }
  }

  /** A jump may go where no address is: the plain interpreter makes the fault. */
  isTargetBad({ transfer }: PlannedBlock): boolean {
    const target = transfer?.target ?? -1;
    return target < 0 || target >= this.#flow.context.options.guestLimit;
  }

  /** The instruction that ends the block is left to the plain interpreter. */
  bailAt({ transferPc }: PlannedBlock): void {
    this.#flow.out.bail(transferPc, -1);
  }

  /** Writes the return address. */
  #link({ last, next }: PlannedBlock): void {
    if (last === null || last.rd === 0) return;
    this.#flow.out.code.i64(next);
    this.#flow.out.setX(last.rd);
  }

  /** To the next instruction. */
  goOn(node: number, { links, next }: PlannedBlock): void {
    const place = { region: this.#flow.plan, at: 0 };
    if (links.fall >= 0) this.#flow.jump(node, links.fall, place);
    else this.#exit(next, this.#flow.context.profile.hasRun(next));
  }

  #branch(node: number, block: PlannedBlock): void {
    const { out } = this.#flow;
    const { last } = block;
    const compare = last === null ? null : branchCompare(last.op);
    if (last === null || compare === null) throw new Error(`no branch ends block ${block.pc}`);
    out.pushX(last.rs1);
    out.pushX(last.rs2);
    out.code.op(compare);
    block.leaves.at = out.code.at;
    out.code.if();
    out.aside(() => this.#taken(node, block));
    out.code.end();
    this.goOn(node, block);
  }

  /** The direct branch or jump is taken. */
  #taken(node: number, block: PlannedBlock): void {
    const { out, context, plan } = this.#flow;
    const { links, transfer, leaves, transferPc } = block;
    if (transfer === null || this.isTargetBad(block)) {
      this.bailAt(block);
      return;
    }
    const target = transfer.target ?? 0;
    if (links.taken < 0) {
      out.spill();
      this.#events.outside(this.#transfer(block, target, -1, 'main-loop'));
      const isLikely = transfer.kind === 'jump' || context.profile.wasTaken(transferPc);
      this.#goTo(target, isLikely);
      return;
    }
    const targetBlock = plan.blocks[links.taken]?.number ?? -1;
    const known = this.#transfer(block, target, targetBlock, 'direct-jump');
    if (transfer.kind === 'jump' || context.profile.wasTaken(transferPc)) {
      this.#events.constant(known);
    } else this.#events.inside(known);
    this.#flow.jump(node, links.taken, leaves);
  }

  #transfer(
    from: PlannedBlock,
    target: number,
    targetBlock: number,
    how: RegionEdge['hostHow'],
  ): KnownTransfer {
    const kind = from.transfer?.kind ?? 'jump';
    return { kind, from, target, targetBlock, how, place: from.leaves };
  }

  /** Leaves the region for a known address; no transfer. */
  #exit(pc: number, isLikely: boolean): void {
    this.#flow.out.spill();
    this.#goTo(pc, isLikely);
  }

  /** Registers are stored. Where it is likely, another region is looked for. */
  #goTo(pc: number, isLikely: boolean): void {
    const { out, context } = this.#flow;
    if (isLikely) {
      const { code } = out;
      const place = out.scratch(I32, 94);
      code.i32(0).load('i32.load', context.naming.place(pc)).tee(place).if();
      out.pushAccount();
      code.get(DEPTH).get(place).returnCallIndirect(context.helpers.regionType);
      code.end();
    }
    out.returnTo(pc);
  }

  /**
   * Leaves in a variable what the last instruction jumps to, and bails if that is no address.
   * @returns the i32 variable.
   */
  indirectTarget(block: PlannedBlock): number {
    const { out, context } = this.#flow;
    const { code } = out;
    const [wide, target] = [out.scratch(I64, 95), out.scratch(I32, 95)];
    const { last } = block;
    if (last === null) throw new Error(`no jump ends block ${block.pc}`);
    out.pushX(last.rs1);
    if (last.imm !== 0) code.i64(last.imm).op('i64.add');
    code
      .i64(-2)
      .op('i64.and')
      .tee(wide)
      .i64(context.options.guestLimit)
      .op('i64.ge_u')
      .unlikely()
      .if();
    this.bailAt(block);
    code.end();
    code.get(wide).op('i32.wrap_i64').set(target);
    this.#link(block);
    return target;
  }

  #indirect(node: number, block: PlannedBlock): void {
    const { out } = this.#flow;
    const { cases } = block.links;
    const target = this.indirectTarget(block);
    block.leaves.at = out.code.at;
    const hit = (k: number): void => {
      const to = cases[k];
      if (to === undefined) throw new Error('no such case');
      const targetBlock = this.#flow.plan.blocks[to.block]?.number ?? -1;
      this.#events.constant(this.#transfer(block, to.target, targetBlock, 'indirect-jump'));
      this.#flow.jump(node, to.block, { region: this.#flow.plan, at: 0 });
    };
    if (cases.length <= COMPARED_MAX) {
      cases.forEach((to, k) => {
        out.code
          .get(target)
          .i32(to.target | 0)
          .op('i32.eq')
          .if();
        out.aside(() => hit(k));
        out.code.end();
      });
      this.#elsewhere(block, target);
      return;
    }
    // A table by some bits of the target; what is found there is compared with the whole.
    const { factor, shift, mask, table } = perfectHash(cases.map((to) => to.target));
    const miss = cases.length;
    const { code } = out;
    code.block();
    const elsewhere = code.depth;
    this.#flow.cases(
      miss + 1,
      () => {
        code.get(target);
        if (factor !== 1) code.i32(factor | 0).op('i32.mul');
        code.i32(shift).op('i32.shr_u').i32(mask).op('i32.and');
      },
      (k) => {
        if (k === miss) {
          code.brTo(elsewhere);
          return;
        }
        code
          .get(target)
          .i32((cases[k]?.target ?? 0) | 0)
          .op('i32.ne')
          .brIfTo(elsewhere);
        hit(k);
      },
      [...table.map((k) => (k < 0 ? miss : k)), miss],
    );
    code.end();
    this.#elsewhere(block, target);
  }

  /** The indirect jump leaves the region. */
  #elsewhere(block: PlannedBlock, target: number): void {
    const { out, context } = this.#flow;
    const { code } = out;
    out.spill();
    this.#events.indirect(this.#transfer(block, 0, -1, 'main-loop'), target);
    const place = this.pushPlaceOf(target);
    code.tee(place).if();
    out.pushAccount();
    code.get(DEPTH).get(place).returnCallIndirect(context.helpers.regionType);
    code.end();
    code.get(target).op('i64.extend_i32_u');
    out.pushAccount();
    code.op('return');
  }

  /**
   * Leaves i32: the place of the region that is entered at the address in the variable, 0: none.
   */
  pushPlaceOf(target: number): number {
    const { out } = this.#flow;
    const { code } = out;
    const entries = out.scratch(I32, 94);
    const inPage = GUEST_PAGE_BYTES - 2;
    code.get(target).i32(GUEST_PAGE_SHIFT).op('i32.shr_u').i32(2).op('i32.shl');
    code.load('i32.load', CODE_MAP).tee(entries).if(I32);
    code
      .get(target)
      .i32(inPage)
      .op('i32.and')
      .i32(ENTRY_BYTES / 2)
      .op('i32.mul');
    code.get(entries).op('i32.add').load('i32.load', ENTRY.region);
    code.else().i32(0).end();
    return entries;
  }
}
