/**
 * The code of one region: its blocks as WebAssembly's nested blocks and loops (structure.ts), each
 * with its instructions, then its transfer (transfers.ts).
 */

import { I32 } from '../../../wasm/opcodes.ts';
import { STATE } from '../core/layout.ts';
import { emitters } from '../emit/index.ts';
import { AccessWriter } from './access.ts';
import { type Checks, planChecks } from './checks.ts';
import type { ModuleContext } from './context.ts';
import { type Dataflow, END, registerFlow } from './dataflow.ts';
import { EventWriter } from './events.ts';
import { RegionOperands } from './operands.ts';
import type { HostPlace, PlannedBlock, RegionPlan } from './plan.ts';
import { wayOf } from './structure.ts';
import { TransferWriter } from './transfers.ts';
import { ACCOUNT, DEPTH, NOTHING_PENDING, type Pending, RegionWriter } from './writer.ts';

const NO_LABEL = -1;

export class RegionFlow {
  readonly out: RegionWriter;
  readonly plan: RegionPlan;
  readonly context: ModuleContext;
  readonly checks: Checks;
  readonly #access: AccessWriter;
  readonly #operands: RegionOperands;
  readonly #transfers: TransferWriter;
  readonly #dataflow: Dataflow;
  /** Of each node: the label behind whose end it begins. */
  readonly #mergeLabel: Int32Array;
  /** Of each loop: where its back edges go, those of a loop around it, and with an empty tank. */
  readonly #againLabel: Int32Array;
  readonly #outerLabel: Int32Array;
  readonly #emptyLabel: Int32Array;
  /** Of each merge: what is pending where it begins; the first way there says. */
  readonly #pendingAt: (Pending | undefined)[] = [];
  /** The node whose code is being written, until other nodes' code begins. */
  #writing = -1;

  constructor(plan: RegionPlan, context: ModuleContext) {
    this.plan = plan;
    this.context = context;
    this.out = new RegionWriter(context.helpers);
    this.#access = new AccessWriter(this.out, context.options);
    this.#operands = new RegionOperands(this.out, this.#access);
    this.#transfers = new TransferWriter(this, new EventWriter(this.out, plan, context));
    const nodes = plan.flow.successors.length;
    const ends = new Uint8Array(nodes);
    plan.blocks.forEach((block, n) => {
      ends[n] = endOf(block, context);
    });
    this.checks = planChecks(plan.blocks, ends, plan.flow);
    this.#dataflow = registerFlow(plan.blocks, ends, this.checks.keepsStack, plan.flow);
    this.#mergeLabel = new Int32Array(nodes).fill(NO_LABEL);
    this.#againLabel = new Int32Array(nodes).fill(NO_LABEL);
    this.#outerLabel = new Int32Array(nodes).fill(NO_LABEL);
    this.#emptyLabel = new Int32Array(nodes).fill(NO_LABEL);
  }

  write(): void {
    const { code } = this.out;
    const { order } = this.plan.flow;
    this.#enter();
    const first = order[0] ?? 0;
    this.loadLive(first);
    this.#tree(first);
    code.op('unreachable');
  }

  /** An empty tank or calls nested too deep: the interpreter goes on here. */
  #enter(): void {
    const { code } = this.out;
    const leave = (): unknown => code.i64(this.plan.entry).get(ACCOUNT).op('return');
    this.out.look(
      () => code.i64(this.plan.entry),
      () => leave(),
    );
    code.get(DEPTH).op('i32.eqz').unlikely().if();
    leave();
    code.end();
    if (!this.plan.usesFloat) return;
    // Nothing that runs in a region turns floating point off: mstatus is the plain interpreter's.
    code.i32(0).load('i32.load', STATE.floatOff).unlikely().if();
    this.out.bail(this.plan.entry, 0);
    code.end();
  }

  /** Loads the registers that the node needs. */
  loadLive(node: number, butX = 0): void {
    const { live } = this.#dataflow;
    this.out.load((live[2 * node] ?? 0) & ~butX, live[2 * node + 1] ?? 0);
  }

  /** The node and all that it dominates. Control does not come out at its end. */
  #tree(node: number): void {
    const { code } = this.out;
    if (this.plan.flow.isLoop[node] !== 1) {
      this.#within(node, 0);
      return;
    }
    // The loop itself has no call in it, so that WebAssembly's compiler takes it for a small one;
    // an empty tank leaves it, and comes back through the loop around it.
    this.out.settle();
    code.loop();
    this.#outerLabel[node] = code.depth;
    code.block();
    this.#emptyLabel[node] = code.depth;
    code.loop();
    const loop = code.depth;
    code.block();
    this.#againLabel[node] = code.depth;
    this.#within(node, 0);
    code.end();
    code.get(ACCOUNT).i64(0).op('i64.ge_s').brIfTo(loop);
    code.end().end();
    this.#refuelAt(node);
    code.brTo(this.#outerLabel[node] ?? 0);
    code.end();
    code.op('unreachable');
  }

  /** The tank is empty where the loop begins anew. */
  #refuelAt(node: number): void {
    const { out } = this;
    const { dirty } = this.#dataflow;
    out.pending = NOTHING_PENDING;
    out.spill(dirty[2 * node], dirty[2 * node + 1]);
    out.refuel(
      () => this.#pushPcOf(node),
      () => {
        this.#pushPcOf(node);
        out.code.get(ACCOUNT).op('return');
      },
    );
    this.loadLive(node);
  }

  #pushPcOf(node: number): void {
    const { code } = this.out;
    const block = this.plan.blocks[node];
    if (block !== undefined) {
      code.i64(block.pc);
      return;
    }
    const entries = this.plan.flow.successors[node] ?? [];
    entries.forEach((entry, k) => {
      code.i64(this.plan.blocks[entry]?.pc ?? 0);
      if (k > 0) code.get(this.#chosen()).i32(k).op('i32.ne', 'select');
    });
  }

  /** Which of its entries a dispatcher goes on to. */
  #chosen(): number {
    return this.out.scratch(I32, 93);
  }

  /** Opens a block for each merge, so that ways to it can leave it at its end. */
  #within(node: number, from: number): void {
    const { code } = this.out;
    const merge = this.plan.flow.merges[node]?.[from];
    if (merge === undefined) {
      this.#node(node);
      return;
    }
    code.block();
    this.#mergeLabel[merge] = code.depth;
    this.#within(node, from + 1);
    code.end();
    this.#closeHost();
    this.out.pending = this.#pendingAt[merge] ?? NOTHING_PENDING;
    this.#tree(merge);
  }

  #node(node: number): void {
    const { out } = this;
    const { dirty } = this.#dataflow;
    out.dirtyX = dirty[2 * node] ?? 0;
    out.dirtyF = dirty[2 * node + 1] ?? 0;
    const block = this.plan.blocks[node];
    if (block === undefined) {
      this.#dispatch(node);
      return;
    }
    this.#closeHost();
    this.#writing = node;
    this.plan.hostStart[node] = out.code.at;
    this.#access.begin(this.checks.plans[node] ?? []);
    this.#body(block);
    this.#transfers.write(node, block);
    this.#closeHost();
  }

  #closeHost(): void {
    if (this.#writing >= 0) this.plan.hostEnd[this.#writing] = this.out.code.at;
    this.#writing = -1;
  }

  #body({ pc, instructions, last }: PlannedBlock): void {
    let at = pc;
    const count = last === null ? instructions.length : instructions.length - 1;
    for (let k = 0; k < count; k++) {
      const instruction = instructions[k];
      const emit = instruction === undefined ? null : emitters(instruction.op);
      if (instruction === undefined || emit === null) throw new Error(`no code for ${at}`);
      this.#operands.begin(instruction, at, k);
      emit(this.#operands);
      at += instruction.size;
    }
    this.out.retire(instructions.length);
  }

  #dispatch(node: number): void {
    const entries = this.plan.flow.successors[node] ?? [];
    this.cases(
      entries.length,
      () => this.out.code.get(this.#chosen()),
      (k) => this.jump(node, entries[k] ?? 0, { region: this.plan, at: 0 }),
    );
  }

  /**
   * Goes on by a number on the stack. Each case ends control.
   * @param table which case for each value from 0 on; the last is for all that are larger.
   */
  cases(
    count: number,
    pushIndex: () => void,
    write: (k: number) => void,
    table = Array.from({ length: count }, (_, k) => k),
  ): void {
    const { code } = this.out;
    const labels: number[] = [];
    for (let k = 0; k < count; k++) {
      code.block();
      labels.unshift(code.depth);
    }
    pushIndex();
    const to = table.map((k) => labels[k] ?? 0);
    code.brTable(to.slice(0, -1), to.at(-1) ?? 0);
    for (let k = 0; k < count; k++) {
      code.end();
      this.out.aside(() => write(k));
    }
  }

  /** Control goes on at another node of this region. @param place told where it leaves. */
  jump(from: number, to: number, place: HostPlace): void {
    const { code } = this.out;
    const { dispatcher, place: order, isLoop, isMerge, outer } = this.plan.flow;
    let target = to;
    const through = dispatcher[to] ?? -1;
    if (through >= 0 && through !== from) {
      const entries = this.plan.flow.successors[through] ?? [];
      code.i32(entries.indexOf(to)).set(this.#chosen());
      target = through;
    }
    if ((order[target] ?? 0) <= (order[from] ?? 0)) {
      this.out.settle();
      if (outer.has(wayOf(from, target))) {
        code.get(ACCOUNT).i64(0).op('i64.lt_s').unlikely();
        code.brIfTo(this.#emptyLabel[target] ?? 0);
        place.at = code.at;
        code.brTo(this.#outerLabel[target] ?? 0);
        return;
      }
      place.at = code.at;
      code.brTo(this.#againLabel[target] ?? 0);
      return;
    }
    if (isMerge[target] !== 1) {
      // Its code comes right here: no instruction moves control.
      this.#tree(target);
      return;
    }
    const pending = isLoop[target] === 1 ? NOTHING_PENDING : this.#pendingAt[target];
    this.#pendingAt[target] = pending ?? this.out.pending;
    this.out.settle(this.#pendingAt[target]);
    place.at = code.at;
    code.brTo(this.#mergeLabel[target] ?? 0);
  }
}

/** What the end of a block does to registers; see EventWriter and TransferWriter. */
function endOf({ transfer, links, transferPc }: PlannedBlock, context: ModuleContext): number {
  const isQuiet = !context.options.record || context.profile.wasTaken(transferPc);
  switch (transfer?.kind) {
    case undefined:
      return links.fall >= 0 ? END.stays : END.mayLeave;
    case 'branch':
      return links.taken >= 0 && links.fall >= 0 && isQuiet ? END.stays : END.mayLeave;
    case 'jump':
      return links.taken >= 0 ? END.stays : END.mayLeave;
    case 'call':
    case 'indirect-call':
      return END.calls;
    case 'return':
    case 'indirect-jump':
      return END.mayLeave;
  }
}
