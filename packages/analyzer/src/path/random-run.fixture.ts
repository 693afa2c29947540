/**
 * Runs a random RISC-V program on a slow, obvious machine that writes down everything: the trace a
 * recorder would make, and every instruction that really ran. It does what a translator does to a
 * reader: cuts blocks anywhere, leaves them in the middle, forgets them, changes code under them.
 */
import { type Cause, type Kind, NO_ROW } from '@backtrail/recorder/trace';
import { type FixtureTrace, makeTrace } from '../trace.fixture.ts';
import type { FixtureBlock, FixtureEdge } from '../trace-tables.fixture.ts';

/** A generator of numbers from a seed (mulberry32). */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000) * below) | 0;
  };
}

interface Op {
  /** What it does; null for an ordinary instruction. */
  readonly kind: Kind | null;
  /** Little-endian, as many bytes as the instruction has. */
  readonly bytes: Uint8Array;
  /** Of a direct transfer. */
  readonly target: number | null;
}

const BASE = 0x10000;
const NOP = Uint8Array.of(0x13, 0, 0, 0);
const COMPRESSED_NOP = Uint8Array.of(0x01, 0);

const word = (value: number): Uint8Array =>
  Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24);

/** jal rd, offset */
const jal = (rd: number, offset: number): Uint8Array =>
  word(
    0x6f |
      (rd << 7) |
      (offset & 0xff000) |
      ((offset & 0x800) << 9) |
      ((offset & 0x7fe) << 20) |
      ((offset & 0x10_0000) << 11),
  );

/** beq x0, x0, offset */
const beq = (offset: number): Uint8Array =>
  word(
    0x63 |
      ((offset & 0x800) >>> 4) |
      ((offset & 0x1e) << 7) |
      ((offset & 0x7e0) << 20) |
      ((offset & 0x1000) << 19),
  );

const KINDS_MADE: readonly (Kind | null)[] = [
  null,
  null,
  null,
  'branch',
  'branch',
  'jump',
  'call',
  'indirect-call',
  'indirect-jump',
  'return',
  'syscall',
];

function encode(kind: Kind | null, isShort: boolean, offset: number): Uint8Array {
  switch (kind) {
    case 'branch':
      return beq(offset);
    case 'jump':
      return jal(0, offset);
    case 'call':
      return jal(1, offset);
    case 'indirect-call':
      return Uint8Array.of(0x82, 0x97); // c.jalr a5
    case 'indirect-jump':
      return Uint8Array.of(0x82, 0x87); // c.jr a5
    case 'return':
      return Uint8Array.of(0x82, 0x80); // c.jr ra
    case 'syscall':
      return Uint8Array.of(0x73, 0, 0, 0);
    default:
      return isShort ? COMPRESSED_NOP : NOP;
  }
}

/** Random instructions, the last one a jump, so that execution stays among them. */
function makeProgram(random: (below: number) => number): Map<number, Op> {
  const count = 8 + random(50);
  const plan: { pc: number; kind: Kind | null; isShort: boolean }[] = [];
  let pc = BASE;
  for (let i = 0; i < count; i++) {
    const kind = i === count - 1 ? 'jump' : (KINDS_MADE[random(KINDS_MADE.length)] ?? null);
    const isShort = random(2) === 0;
    plan.push({ pc, kind, isShort });
    pc += encode(kind, isShort, 0).length;
  }
  const program = new Map<number, Op>();
  for (const { pc: at, kind, isShort } of plan) {
    const isDirect = kind === 'branch' || kind === 'jump' || kind === 'call';
    const target = isDirect ? (plan[random(count)]?.pc ?? BASE) : null;
    program.set(at, { kind, bytes: encode(kind, isShort, (target ?? at) - at), target });
  }
  return program;
}

interface Block {
  readonly number: number;
  readonly pc: number;
  readonly ops: readonly Op[];
}

export interface RandomRun {
  readonly trace: FixtureTrace;
  /** For each vCPU every instruction that ran: after which transfer, and where. */
  readonly executed: readonly (readonly { seq: number; pc: bigint }[])[];
  /** Addresses of the conditional branches. */
  readonly branches: ReadonlySet<bigint>;
}

export interface RandomRunOptions {
  readonly vcpus: number;
  readonly transfers: number;
  /** Rewrite code while it runs; with one vCPU only. */
  readonly changesCode: boolean;
  readonly segmentTransfers: number;
}

interface Transfer {
  source: number | null;
  target: number;
  cause: Cause;
  kind: Kind | null;
  sourceBlock: number;
}

/** State of one vCPU. */
interface Vcpu {
  readonly number: number;
  pc: number;
  /** A transfer on its way: it lands when its target block begins, or is pre-empted. */
  pending: Transfer | null;
  /** Block that control left without a transfer; NO_ROW after a transfer. */
  left: number;
  readonly returnTo: number[];
  readonly edges: number[];
  readonly executed: { seq: number; pc: bigint }[];
  /** Instructions that had run when each transfer landed. */
  readonly before: number[];
}

class Machine {
  readonly #random: (below: number) => number;
  readonly #options: RandomRunOptions;
  readonly #program: Map<number, Op>;
  readonly #cache = new Map<number, Block>();
  readonly #blocks: FixtureBlock[] = [];
  readonly #edges: FixtureEdge[] = [];
  readonly #edgeNumbers = new Map<string, number>();

  constructor(seed: number, options: RandomRunOptions) {
    this.#random = randomFrom(seed);
    this.#options = options;
    this.#program = makeProgram(this.#random);
  }

  run(): RandomRun {
    const vcpus = Array.from({ length: this.#options.vcpus }, (_none, i) => this.#start(i));
    let isRunning = true;
    while (isRunning) {
      isRunning = false;
      for (const vcpu of vcpus) {
        if (vcpu.edges.length >= this.#options.transfers) continue;
        isRunning = true;
        this.#step(vcpu);
      }
      if (this.#random(40) === 0) this.#cache.clear();
      if (this.#options.changesCode && this.#random(10) === 0) this.#rewrite(vcpus);
    }
    return this.#finish(vcpus);
  }

  #start(number: number): Vcpu {
    const pending: Transfer = {
      source: null,
      target: this.#anyPc(),
      cause: 'start',
      kind: null,
      sourceBlock: NO_ROW,
    };
    const { target: pc } = pending;
    return {
      number,
      pc,
      pending,
      left: NO_ROW,
      returnTo: [],
      edges: [],
      executed: [],
      before: [],
    };
  }

  /** One block, or the part of it that runs. */
  #step(vcpu: Vcpu): void {
    const random = this.#random;
    const isStart = vcpu.pending?.cause === 'start';
    if (!isStart && random(12) === 0) {
      this.#preempt(vcpu);
      return;
    }
    const block = this.#blockAt(vcpu);
    this.#land(vcpu, block.number);
    // A fault stops before an instruction, a restart between two; mostly neither comes.
    const stop = random(8) === 0 ? random(block.ops.length) : block.ops.length;
    const isFault = random(2) === 0;
    for (let i = 0; i < stop; i++) this.#execute(vcpu, block, i);
    if (stop === block.ops.length) return;
    if (isFault) this.#deliver(vcpu, block.number);
    else vcpu.left = block.number;
  }

  /** A signal before the next block begins. */
  #preempt(vcpu: Vcpu): void {
    this.#land(vcpu, NO_ROW);
    this.#deliver(vcpu, vcpu.left);
  }

  /** Control goes to a handler; the instruction at pc has not run. */
  #deliver(vcpu: Vcpu, sourceBlock: number): void {
    vcpu.returnTo.push(vcpu.pc);
    const target = this.#anyPc();
    vcpu.pending = { source: vcpu.pc, target, cause: 'signal', kind: null, sourceBlock };
    vcpu.pc = target;
  }

  #land(vcpu: Vcpu, targetBlock: number): void {
    const transfer = vcpu.pending;
    if (transfer === null) return;
    vcpu.pending = null;
    vcpu.left = NO_ROW;
    const key = Object.values({ ...transfer, targetBlock }).join();
    let edge = this.#edgeNumbers.get(key);
    if (edge === undefined) {
      edge = this.#edges.length;
      this.#edgeNumbers.set(key, edge);
      this.#edges.push({
        ...transfer,
        source: transfer.source === null ? null : BigInt(transfer.source),
        target: BigInt(transfer.target),
        sourceBlock: transfer.sourceBlock === NO_ROW ? null : transfer.sourceBlock,
        targetBlock: targetBlock === NO_ROW ? null : targetBlock,
      });
    }
    vcpu.edges.push(edge);
    vcpu.before.push(vcpu.executed.length);
  }

  #execute(vcpu: Vcpu, block: Block, i: number): void {
    const op = block.ops[i];
    if (op === undefined) return;
    vcpu.executed.push({ seq: vcpu.edges.length - 1, pc: BigInt(vcpu.pc) });
    const next = vcpu.pc + op.bytes.length;
    const target = this.#targetOf(vcpu, op);
    if (target === null) {
      vcpu.pc = next;
      vcpu.left = block.number;
      return;
    }
    const isReturn = op.kind === 'syscall';
    vcpu.pending = {
      source: vcpu.pc,
      target,
      cause: isReturn ? 'signal' : 'jump',
      kind: isReturn ? 'signal-return' : op.kind,
      sourceBlock: block.number,
    };
    vcpu.pc = target;
  }

  /** Where an instruction goes; null for the next one. */
  #targetOf(vcpu: Vcpu, op: Op): number | null {
    if (op.kind === null) return null;
    if (op.kind === 'syscall') return vcpu.returnTo.pop() ?? null;
    if (op.kind === 'branch' && this.#random(2) === 0) return null;
    return op.target ?? this.#anyPc();
  }

  #anyPc(): number {
    const all = [...this.#program.keys()];
    return all[this.#random(all.length)] ?? BASE;
  }

  /** The block at pc, translated now if it is not there. */
  #blockAt(vcpu: Vcpu): Block {
    const known = this.#cache.get(vcpu.pc);
    if (known !== undefined) return known;
    const ops: Op[] = [];
    const most = 1 + this.#random(6);
    for (let at = vcpu.pc; ops.length < most; ) {
      const op = this.#program.get(at);
      if (op === undefined) break;
      ops.push(op);
      at += op.bytes.length;
      if (op.kind !== null) break;
    }
    const block = { number: this.#blocks.length, pc: vcpu.pc, ops };
    this.#cache.set(vcpu.pc, block);
    this.#blocks.push({
      pc: BigInt(vcpu.pc),
      code: Buffer.concat(ops.map((op) => op.bytes)).toString('hex'),
      sizes: ops.map((op) => op.bytes.length),
      bornVcpu: vcpu.number,
      // seq of the next transfer, after the one that is landing now.
      bornSeq: vcpu.edges.length + (vcpu.pending === null ? 0 : 1),
    });
    return block;
  }

  /** A four-byte nop becomes two short ones, or two become one; blocks over it are forgotten. */
  #rewrite(vcpus: readonly Vcpu[]): void {
    const at = this.#anyPc();
    const op = this.#program.get(at);
    // An address in the middle must stay one, where somebody will come back to.
    const isHeld = vcpus.some(({ pc, returnTo }) => pc === at + 2 || returnTo.includes(at + 2));
    if (op?.kind !== null || isHeld) return;
    const isLong = op.bytes.length === 4;
    const second = this.#program.get(at + 2);
    const isPair = !isLong && second?.kind === null && second.bytes.length === 2;
    if (isLong) {
      this.#program.set(at, { kind: null, bytes: COMPRESSED_NOP, target: null });
      this.#program.set(at + 2, { kind: null, bytes: COMPRESSED_NOP, target: null });
    } else if (isPair && !this.#isTarget(at + 2)) {
      this.#program.set(at, { kind: null, bytes: NOP, target: null });
      this.#program.delete(at + 2);
    } else {
      return;
    }
    for (const [pc, block] of this.#cache) {
      const end = block.ops.reduce((sum, one) => sum + one.bytes.length, pc);
      if (pc < at + 4 && end > at) this.#cache.delete(pc);
    }
  }

  #isTarget(pc: number): boolean {
    return [...this.#program.values()].some((op) => op.target === pc);
  }

  #finish(vcpus: readonly Vcpu[]): RandomRun {
    // The last transfer lands and one block runs, so that there is a last instruction.
    for (const vcpu of vcpus) {
      const block = this.#blockAt(vcpu);
      this.#land(vcpu, block.number);
      for (let i = 0; i < block.ops.length; i++) this.#execute(vcpu, block, i);
    }
    const { segmentTransfers } = this.#options;
    const trace = makeTrace({
      blocks: this.#blocks,
      edges: this.#edges,
      vcpus: vcpus.map((vcpu) => vcpu.edges),
      segmentTransfers,
      marks: vcpus.map((vcpu) => ({
        kind: 'end' as const,
        vcpu: vcpu.number,
        seq: vcpu.edges.length,
        pc: vcpu.executed.at(-1)?.pc ?? 0n,
      })),
    });
    // The machine's own counts, in place of those that makeTrace works out from code that changed.
    for (let segment = 0; segment < trace.segments.count; segment++) {
      const vcpu = vcpus[trace.segments.vcpu[segment] ?? 0];
      const first = trace.segments.firstSeq[segment] ?? 0;
      trace.segments.instructionsBefore[segment] = vcpu?.before[first] ?? 0;
    }
    trace.manifest.totals.instructions = vcpus.reduce((sum, one) => sum + one.executed.length, 0);
    const branches = [...this.#program].flatMap(([pc, op]) =>
      op.kind === 'branch' ? [BigInt(pc)] : [],
    );
    return {
      trace,
      executed: vcpus.map((vcpu) => vcpu.executed),
      branches: new Set(branches),
    };
  }
}

export function randomRun(seed: number, options: RandomRunOptions): RandomRun {
  return new Machine(seed, options).run();
}
