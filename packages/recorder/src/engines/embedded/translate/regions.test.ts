/**
 * Regions against the plain interpreter, on programs of random control flow: after every stretch in
 * a region registers, memory, the transfers made and the number of instructions must be the same.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PERM, STATE } from '../core/layout.ts';
import {
  GUEST_BASE,
  type Mood,
  PlainMachine,
  RegionMachine,
  SeenProfile,
} from './machine.fixture.ts';
import { type Random, randomOf } from './random-instruction.fixture.ts';
import { LAYOUT, type Program, randomProgram } from './random-program.fixture.ts';

const GUEST_LIMIT = 0x8_0000;
const INSTRUCTIONS = 6000;
const CODE_DATA = PERM.read | PERM.code;

function load(machine: PlainMachine, program: Program, random: Random): void {
  machine.load(LAYOUT.code, program.bytes, PERM.read | PERM.execute);
  machine.load(LAYOUT.tables, program.tables, PERM.read);
  const data = Uint8Array.from({ length: LAYOUT.dataBytes }, () => random(256));
  machine.load(LAYOUT.data, data, PERM.read | PERM.write);
  const noBytes = new Uint8Array(0);
  machine.load(LAYOUT.stack, noBytes, PERM.read | PERM.write, LAYOUT.stackBytes);
  for (let r = 5; r < 32; r++) machine.hart.x[r] = BigInt(random(2 ** 31)) * BigInt(random(9) - 4);
  machine.hart.pc = BigInt(program.start);
  machine.restart = BigInt(program.start);
  if (random(3) === 0) machine.load(0, noBytes, PERM.read | PERM.write, 0x1000);
  // A page that generated code may not store to, though it may be written.
  if (random(3) === 0) machine.load(LAYOUT.data + 0x1000, noBytes, CODE_DATA, 0x1000);
  // Ranges or none: the page table must do alone, too.
  if (random(4) !== 0) machine.memory.findRanges(LAYOUT.data, LAYOUT.stack);
}

function memoryHash(machine: PlainMachine): number {
  let hash = 0;
  for (const [at, bytes] of [
    [LAYOUT.data, LAYOUT.dataBytes],
    [LAYOUT.stack, LAYOUT.stackBytes],
  ] as const) {
    const words = new Int32Array(machine.memory.raw(at, bytes).slice().buffer);
    for (const word of words) hash = (Math.imul(hash, 31) + word) | 0;
  }
  return hash;
}

const registers = (machine: PlainMachine): string =>
  [machine.pc, ...machine.hart.x, ...machine.hart.f].map((value) => value.toString(16)).join(' ');

/** Registers and pc, from their bytes in the state block. */
function areSame(machine: PlainMachine, oracle: PlainMachine): boolean {
  const bytes = STATE.pc + 8 - STATE.x;
  const at = ({ memory }: PlainMachine): Buffer => Buffer.from(memory.buffer, STATE.x, bytes);
  // Place 32 of x takes what is written to x0 by others than regions.
  return Buffer.compare(at(machine), at(oracle)) === 0;
}

function moodOf(random: Random): Mood {
  const depths = [2, 3, 10, 200];
  const depthMax = depths[random(depths.length)] ?? 1;
  const fuels = [3, 100, 2000, 20_000];
  const fuelMax = fuels[random(fuels.length)] ?? 1;
  const leaveEvery = 1 + random(10);
  return {
    fuel: () => random(fuelMax),
    leaves: () => random(leaveEvery) === 0,
    depth: () => random(depthMax),
  };
}

/** The oracle runs until it is where the machine is, and then both must be the same. */
function follow(machine: RegionMachine, oracle: PlainMachine, where: string): void {
  let steps = 0;
  while (oracle.retired < machine.retired && steps++ < 1_000_000) oracle.step();
  // Instructions that fault are skipped, and do not count.
  while (oracle.pc !== machine.pc && steps++ < 1_000_000 && oracle.retired === machine.retired) {
    oracle.step();
  }
  if (machine.retired === oracle.retired && areSame(machine, oracle)) return;
  expect(registers(machine), where).toBe(registers(oracle));
  expect(machine.retired, where).toBe(oracle.retired);
}

/** Blocks and edges as they are told are about the code that they name. */
function checkTold(machine: RegionMachine): void {
  for (const { module, regions } of machine.modules) {
    const blocks = new Map(regions.flatMap((region) => region.blocks).map((b) => [b.block, b]));
    const numbers = [...blocks.keys()];
    expect(numbers).toEqual(numbers.map((_, k) => (numbers[0] ?? 0) + k));
    const edges = regions.flatMap((region) => region.edges);
    expect(edges.map(({ edge }) => edge)).toEqual(edges.map((_, k) => (edges[0]?.edge ?? 0) + k));
    for (const { hostStart, hostEnd } of blocks.values()) {
      // A jump to code that comes right behind needs none.
      expect(hostStart).toBeLessThanOrEqual(hostEnd);
      expect(hostEnd).toBeLessThanOrEqual(module.bytes.length);
    }
    for (const edge of edges) expect(blocks.get(edge.targetBlock)?.pc).toBe(edge.target);
    for (const { source, sourceBlock, hostSource } of [
      ...edges,
      ...regions.flatMap((region) => region.sites),
    ]) {
      const block = blocks.get(sourceBlock);
      if (block === undefined) throw new Error(`no block ${sourceBlock}`);
      const size = block.instructionSizes.reduce((sum, bytes) => sum + bytes, 0);
      expect(source).toBe(block.pc + size - (block.instructionSizes.at(-1) ?? 0));
      expect(hostSource).toBeGreaterThanOrEqual(block.hostStart);
      expect(hostSource).toBeLessThanOrEqual(module.bytes.length);
    }
  }
}

/** The ranges of a machine stay where they are. */
function startsOf({ memory: { view } }: PlainMachine): { read: number; write: number } {
  const at = (field: number): number => Number(view.getBigUint64(field, true));
  return { read: at(STATE.readStart), write: at(STATE.writeStart) };
}

function optionsOf(random: Random, record: boolean): RegionMachine['options'] {
  return {
    guestLimit: GUEST_LIMIT,
    record,
    instructionsMax: [30, 1000, 1500][random(3)] ?? 30,
    blocksMax: [4, 100, 500][random(3)] ?? 4,
    fusedMultiplyAdd: false,
    guestBase: GUEST_BASE,
    memoryPages: (GUEST_BASE + GUEST_LIMIT) / 65_536,
  };
}

function runBoth(seed: number, record: boolean): RegionMachine {
  const random = randomOf(seed);
  const program = randomProgram(random);
  const dataSeed = random(2 ** 30);
  const watched = new PlainMachine(GUEST_LIMIT);
  load(watched, program, randomOf(dataSeed));
  const profile = new SeenProfile(watched);
  profile.watch([100, 1000, 5000, 10_000][random(4)] ?? 100);

  const oracle = new PlainMachine(GUEST_LIMIT);
  load(oracle, program, randomOf(dataSeed));
  const isPinned = random(2) === 0;
  const machine = new RegionMachine(
    {
      ...optionsOf(random, record),
      ...(isPinned ? { rangeStarts: () => startsOf(machine) } : {}),
    },
    moodOf(random),
  );
  load(machine, program, randomOf(dataSeed));
  const entries = program.entries.filter(() => random(4) !== 0);
  const make = (all: number[]): void => {
    while (all.length > 0) machine.make(all.splice(0, 1 + random(4)), profile);
  };
  make([...entries]);
  machine.onRefuel = () => follow(machine, oracle, `seed ${seed}, refuel`);
  while (machine.retired < INSTRUCTIONS) {
    const before = machine.pc;
    machine.advance();
    follow(machine, oracle, `seed ${seed}, entered 0x${before.toString(16)}`);
    if (random(20) === 0) machine.forget(random(machine.links.length + 1));
    if (random(300) === 0 && machine.modules.length < 8) make(entries.slice(0, 2));
  }
  expect(memoryHash(machine)).toBe(memoryHash(oracle));
  if (record) expect(machine.transfers).toEqual(oracle.transfers);
  expect(machine.memory.view.getBigInt64(STATE.x, true)).toBe(0n);
  checkTold(machine);
  return machine;
}

describe('random control flow', () => {
  test.each([true, false])('runs as in the plain interpreter, recording: %s', (record) => {
    let inRegions = 0;
    let all = 0;
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 - 1 }), (seed) => {
        const machine = runBoth(seed, record);
        inRegions += machine.retiredInRegions;
        all += machine.retired;
      }),
      { numRuns: Number(process.env['RUNS'] ?? 40) },
    );
    // Else nothing was tested.
    expect(inRegions / all).toBeGreaterThan(0.1);
  });
});
