/** Calls and returns: a guest call is a call of WebAssembly (docs/embedded-engine.md). */

import { I32, I64 } from '../../../wasm/opcodes.ts';
import { STATE } from '../core/layout.ts';
import { RETURN_CELLS } from './cells.ts';
import type { EventWriter, KnownTransfer } from './events.ts';
import type { RegionFlow } from './flow.ts';
import type { PlannedBlock, RegionPlan } from './plan.ts';
import type { RegionEdge } from './region.ts';
import type { TransferWriter } from './transfers.ts';
import { ACCOUNT, DEPTH, NOTHING_PENDING } from './writer.ts';

const SP = 2;
const SP_BIT = 1 << SP;

/** Returns whose edges a call knows as constants. */
const KNOWN_RETURNS_MAX = 4;
/** Callees of an indirect call that are compared one by one. */
const KNOWN_CALLEES_MAX = 2;

export class CallWriter {
  readonly #flow: RegionFlow;
  readonly #events: EventWriter;
  readonly #transfers: TransferWriter;

  constructor(flow: RegionFlow, events: EventWriter, transfers: TransferWriter) {
    this.#flow = flow;
    this.#events = events;
    this.#transfers = transfers;
  }

  #transfer(
    from: PlannedBlock,
    target: number,
    targetBlock: number,
    how: RegionEdge['hostHow'],
  ): KnownTransfer {
    const kind = from.transfer?.kind ?? 'call';
    return { kind, from, target, targetBlock, how, place: from.leaves };
  }

  direct(node: number, block: PlannedBlock): void {
    const { out, context } = this.#flow;
    const { code } = out;
    const target = block.transfer?.target ?? 0;
    const callee = context.plans.get(target);
    code.i64(block.next);
    out.setX(block.last?.rd ?? 0);
    out.spill();
    block.leaves.at = code.at;
    if (callee !== undefined) {
      this.#call(block, callee);
      this.#after(node, block, [callee]);
      return;
    }
    this.#events.outside(this.#transfer(block, target, -1, 'indirect-jump'));
    const place = out.scratch(I32, 94);
    code.i32(0).load('i32.load', context.naming.place(target)).tee(place).op('i32.eqz').if();
    out.returnTo(target);
    code.end();
    out.pushAccount();
    block.leaves.at = code.at;
    code.get(DEPTH).i32(1).op('i32.sub').get(place).callIndirect(context.helpers.regionType);
    this.#after(node, block, []);
  }

  /** Leaves what the callee returns. */
  #call(block: PlannedBlock, callee: RegionPlan): void {
    const { out } = this.#flow;
    const first = callee.blocks[0]?.number ?? -1;
    this.#events.constant(this.#transfer(block, callee.entry, first, 'direct-jump'));
    out.pushAccount();
    out.code.get(DEPTH).i32(1).op('i32.sub');
    block.leaves.at = out.code.at;
    out.code.call(callee.functionIndex);
  }

  indirect(node: number, block: PlannedBlock): void {
    const { out, context } = this.#flow;
    const { code } = out;
    const target = this.#transfers.indirectTarget(block);
    out.spill();
    const callees = context.profile
      .targets(block.transferPc)
      .map((pc) => context.plans.get(pc))
      .filter((plan) => plan !== undefined)
      .slice(0, KNOWN_CALLEES_MAX);
    const result = out.scratch(I64, 96);
    code.block();
    const called = code.depth;
    for (const callee of callees) {
      code
        .get(target)
        .i32(callee.entry | 0)
        .op('i32.eq')
        .if();
      out.aside(() => {
        this.#call(block, callee);
        code.set(ACCOUNT).set(result).brTo(called);
      });
      code.end();
    }
    block.leaves.at = code.at;
    this.#events.indirect(this.#transfer(block, 0, -1, 'indirect-jump'), target);
    const place = this.#transfers.pushPlaceOf(target);
    code.tee(place).op('i32.eqz').if();
    code.get(target).op('i64.extend_i32_u');
    out.pushAccount();
    code.op('return').end();
    out.pushAccount();
    code.get(DEPTH).i32(1).op('i32.sub').get(place).callIndirect(context.helpers.regionType);
    code.set(ACCOUNT).set(result).end();
    code.get(result).get(ACCOUNT);
    this.#after(node, block, callees);
  }

  /** What the callee returned is on the stack. */
  #after(node: number, block: PlannedBlock, callees: readonly RegionPlan[]): void {
    const { out } = this.#flow;
    const { code } = out;
    const { links, next } = block;
    out.pending = NOTHING_PENDING;
    out.dirtyX = 0;
    out.dirtyF = 0;
    if (links.fall < 0) {
      // Nobody came back yet: who does goes on in the interpreter.
      code.op('return');
      return;
    }
    const result = out.scratch(I64, 96);
    code.set(ACCOUNT).set(result);
    const giveBack = (): unknown => code.get(result).get(ACCOUNT).op('return');
    if (this.#flow.context.options.record) this.#landing(block, callees, giveBack);
    else {
      code.get(result).i64(next).op('i64.ne').unlikely().if();
      giveBack();
      code.end();
    }
    // With the return stored: then the transfer that was stored last tells where control is.
    out.settle();
    out.look(
      () => code.i64(next),
      () => out.returnTo(next),
    );
    const keepsStack = this.#flow.checks.keepsStack[node] === 1;
    if (keepsStack) this.#leaveUnlessSameStack(next);
    this.#flow.loadLive(links.fall, keepsStack ? SP_BIT : 0);
    this.#flow.jump(node, links.fall, { region: this.#flow.plan, at: 0 });
  }

  /** What was checked relative to sp still holds if that is what it was. */
  #leaveUnlessSameStack(next: number): void {
    const { out } = this.#flow;
    out.pushX(SP);
    out.code
      .i32(0)
      .load('i64.load', STATE.x + 8 * SP)
      .op('i64.ne')
      .unlikely()
      .if();
    out.returnTo(next);
    out.code.end();
  }

  /** Stores the edge of the return, unless control came back to another place. */
  #landing(
    { links, next }: PlannedBlock,
    callees: readonly RegionPlan[],
    giveBack: () => unknown,
  ): void {
    const { out, context, plan } = this.#flow;
    const { code } = out;
    const block = plan.blocks[links.fall]?.number ?? -1;
    const [result, edge, site] = [out.scratch(I64, 96), out.scratch(I32, 92), out.scratch(I32, 97)];
    code.block();
    const landed = code.depth;
    for (const from of this.#knownReturns(callees, next)) {
      code.i32(this.#events.returnEdge(from, next, block)).set(edge);
      code
        .get(result)
        .i64(from.returnSite * 2 ** 32 + next)
        .op('i64.eq')
        .brIfTo(landed);
    }
    // No site: control came here otherwise than by a return, and its transfer is stored.
    code
      .get(result)
      .op('i32.wrap_i64')
      .i32(next | 0)
      .op('i32.ne');
    code
      .get(result)
      .i64(32)
      .op('i64.shr_u', 'i32.wrap_i64')
      .tee(site)
      .op('i32.eqz', 'i32.or')
      .unlikely()
      .if();
    giveBack();
    code.end();
    const cells = context.naming.cells(RETURN_CELLS * 2);
    code.get(ACCOUNT).i32(block).get(site).i32(cells).call(context.helpers.nameReturn);
    code.set(edge).set(ACCOUNT).end();
    out.event(() => code.get(edge));
  }

  #knownReturns(callees: readonly RegionPlan[], next: number): PlannedBlock[] {
    const { profile } = this.#flow.context;
    return callees
      .flatMap(({ blocks }) => blocks)
      .filter(
        ({ returnSite, transferPc }) =>
          returnSite !== 0 && profile.targets(transferPc).includes(next),
      )
      .slice(0, KNOWN_RETURNS_MAX);
  }

  return(block: PlannedBlock): void {
    const { out } = this.#flow;
    const { code } = out;
    const target = this.#transfers.indirectTarget(block);
    out.spill();
    code.get(target).op('i64.extend_i32_u');
    if (block.returnSite !== 0) code.i64(block.returnSite * 2 ** 32).op('i64.or');
    out.pushAccount();
    block.leaves.at = code.at;
    code.op('return');
  }
}
