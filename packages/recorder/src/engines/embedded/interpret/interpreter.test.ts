import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EXIT, FUEL_SLACK } from '../core/layout.ts';
import { TRAP } from '../core/trap.ts';
import { isFusedMultiplyAddExact } from '../emit/float-probe.ts';
import { encode } from '../isa/encode.fixture.ts';
import {
  PlainMachine,
  type Program,
  ThreadedMachine,
  type ThreadedOptions,
} from './machines.fixture.ts';
import {
  below,
  type ProgramOptions,
  type Random,
  randomFrom,
  randomProgram,
} from './programs.fixture.ts';
import { RandomRegions } from './regions.fixture.ts';

/** Below a page's end, so that programs cross it. */
const START = 0x1_0f00;
const SEEDS = fc.integer({ min: 0, max: 2 ** 31 - 1 });

interface Pair {
  readonly program: Program;
  readonly random: Random;
  readonly plain: PlainMachine;
  readonly threaded: ThreadedMachine;
}

function pair(seed: number, options: ProgramOptions, threadedOptions: ThreadedOptions = {}): Pair {
  const random = randomFrom(seed);
  const program = {
    start: START,
    bytes: randomProgram(random, START, options),
    isWritable: options.changesItself,
  };
  const machines = [new PlainMachine(), new ThreadedMachine(threadedOptions)] as const;
  for (const machine of machines) {
    machine.load(program);
    machine.fill(randomFrom(seed + 1), program);
  }
  const [plain, threaded] = machines;
  return { program, random, plain, threaded };
}

/** Instructions after which control is moved elsewhere. */
const KICK_AFTER = 400;
const OPTIONS: ProgramOptions = { pieces: 400, changesItself: false, faults: true, float: false };

/** Runs both, the threaded one in stretches of `stretch()` instructions, comparing after each. */
function compare(
  machines: Pair,
  total: number,
  stretch: () => number,
  regions: RandomRegions | null = null,
): void {
  const { program, random, plain, threaded } = machines;
  let left = total;
  let kickIn = 0;
  for (let traps = 0; left > 0 && traps < total; ) {
    if (kickIn-- === 0) {
      const seed = below(random, 2 ** 31);
      for (const machine of [plain, threaded]) machine.kick(randomFrom(seed), program);
      kickIn = below(random, KICK_AFTER / stretch());
    }
    const fuel = Math.min(left, stretch());
    const { exit, ran } = threaded.run(fuel);
    left -= ran;
    for (let count = 0; count < ran; count++) {
      const pc = Number(plain.hart.pc);
      const early = plain.step();
      if (early !== null) throw new Error(`the plain interpreter trapped: ${early.message}`);
      if (threaded.isRecording && regions === null && !threaded.inBlocks.has(pc)) {
        throw new Error(`${pc} ran and is in no block`);
      }
    }
    if (exit === EXIT.trap) {
      traps++;
      const trap = plain.step();
      expect(threaded.trap).toEqual(trap);
      expect(threaded.state()).toBe(plain.state());
      plain.passOver(program);
      threaded.passOver(program);
    } else if (exit === EXIT.fuel) expect(ran).toBe(fuel);
    else {
      expect(exit).toBe(EXIT.hot);
      regions?.make(Number(threaded.hart.pc));
    }
    expect(threaded.state()).toBe(plain.state());
  }
  expect(Buffer.compare(threaded.guest(), plain.guest())).toBe(0);
  // As text: comparing so many pairs one by one takes long.
  const text = ({ transfers }: PlainMachine | ThreadedMachine): string => transfers.join('\n');
  if (threaded.isRecording) expect(text(threaded) === text(plain)).toBe(true);
}

/** Checks random programs of one sort; a failure prints the seed. */
function check(
  numRuns: number,
  total: number,
  options: Partial<ProgramOptions>,
  threaded: ThreadedOptions,
  stretchMax: number,
): void {
  fc.assert(
    fc.property(SEEDS, (seed) => {
      const machines = pair(seed, { ...OPTIONS, ...options }, threaded);
      compare(machines, total, () => 1 + below(machines.random, stretchMax));
    }),
    { numRuns },
  );
}

describe('the threaded interpreter does what the plain one does', () => {
  test('instruction by instruction', () => {
    check(10, 2000, {}, {}, 1);
  });

  test('in stretches of any length', () => {
    check(10, 8000, {}, {}, 300);
  });

  test('with floating point', () => {
    check(10, 3000, { float: true }, { fused: isFusedMultiplyAddExact() }, 30);
  });

  test('while code changes under it', () => {
    check(12, 3000, { changesItself: true }, {}, 50);
  });

  test('with room for less code than there is', () => {
    check(6, 6000, { pieces: 6000, faults: false }, { codePages: 4 }, 200);
  });

  test('stopping where it is hot, whether it records or not', () => {
    check(4, 5000, {}, { heatLimit: 8 }, 200);
    check(4, 5000, {}, { heatLimit: 8, record: false }, 200);
    check(3, 6000, { changesItself: true }, { heatLimit: 8, record: false }, 200);
  });
});

describe('stopping', () => {
  /** A loop of two instructions at START that counts x10 down from 40. */
  function loop(options: ThreadedOptions): ThreadedMachine {
    const words = [
      encode('addi', { rd: 10, rs1: 10, imm: -1 }),
      encode('bne', { rs1: 10, rs2: 0, imm: -4 }),
      encode('ecall'),
    ];
    const bytes = new Uint8Array(Uint32Array.from(words).buffer);
    const machine = new ThreadedMachine(options);
    machine.load({ start: START, bytes, isWritable: false });
    machine.hart.x[10] = 40n;
    return machine;
  }

  test('at once without fuel, even where nothing can run', () => {
    const machine = loop({});
    machine.hart.pc = 0x8000n;
    expect(machine.run(0)).toEqual({ exit: EXIT.fuel, ran: 0 });
    expect(machine.run(1)).toEqual({ exit: EXIT.trap, ran: 0 });
    expect(machine.trap).toMatchObject({ code: TRAP.instructionAccess, value: 0x8000n });
  });

  test('once at the arrival that makes an entry hot, its transfer stored', () => {
    const machine = loop({ heatLimit: 8 });
    expect(machine.run(1000)).toEqual({ exit: EXIT.hot, ran: 16 });
    expect(machine.hart.pc).toBe(BigInt(START));
    expect(machine.transfers).toHaveLength(8);
    expect(machine.run(1000)).toEqual({ exit: EXIT.trap, ran: 64 });
    expect(machine.hart.x[10]).toBe(0n);
    expect(machine.hart.pc).toBe(BigInt(START + 8));
  });

  test('at a hot entry, and going on in the region that was made', () => {
    const machine = loop({ heatLimit: 8 });
    const regions = new RandomRegions(machine, () => 0.99);
    machine.run(6000);
    regions.make(START);
    expect(machine.run(6000)).toEqual({ exit: EXIT.trap, ran: 64 });
    expect(regions.calls).toBe(1);
    expect(machine.transfers).toHaveLength(39);
  });

  test('without enough fuel for a region, at exactly so many instructions', () => {
    const machine = loop({ heatLimit: 8 });
    const regions = new RandomRegions(machine, () => 0.99);
    machine.run(6000);
    regions.make(START);
    expect(machine.run(FUEL_SLACK - 1)).toEqual({ exit: EXIT.trap, ran: 64 });
    expect(regions.calls).toBe(0);
  });

  test('what was learned is the profile of regions', () => {
    for (const record of [true, false]) {
      const machine = loop({ heatLimit: 100, record });
      machine.run(1);
      expect(machine.cache.hasRun(START)).toBe(true);
      expect(machine.cache.wasTaken(START + 4)).toBe(false);
      machine.run(1000);
      expect(machine.cache.wasTaken(START + 4)).toBe(true);
      expect(machine.cache.hasRun(START + 8)).toBe(true);
    }
  });
});

describe('regions', () => {
  const compareWithRegions = (seed: number, options: Partial<ProgramOptions>): RandomRegions => {
    const machines = pair(seed, { ...OPTIONS, ...options }, { heatLimit: 4 });
    const { threaded, random } = machines;
    const regions = new RandomRegions(threaded, randomFrom(seed + 2));
    const stretch = (): number => below(random, random() < 0.8 ? 6000 : 100) + 1;
    compare(machines, 20_000, stretch, regions);
    return regions;
  };

  test('are entered, left, and left with an instruction that they do not run', () => {
    let [made, calls, bails, returns] = [0, 0, 0, 0];
    fc.assert(
      fc.property(SEEDS, fc.boolean(), (seed, changesItself) => {
        const regions = compareWithRegions(seed, { changesItself });
        made += regions.made;
        calls += regions.calls;
        bails += regions.bails;
        returns += regions.returns;
      }),
      { numRuns: 8 },
    );
    for (const count of [made, calls, bails, returns]) expect(count).toBeGreaterThan(10);
  });
});
