/**
 * Regions against the plain interpreter, on programs of random control flow: after every stretch in
 * a region registers, memory, the transfers made and the number of instructions must be the same.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PERM, STATE } from '../core/layout.ts';
import {
  type Mood,
  PlainMachine as Plain,
  type PlainMachine,
  RegionMachine,
  SeenProfile,
} from './machine.fixture.ts';
import {
  LAYOUT,
  type Program,
  type Random,
  randomOf,
  randomProgram,
} from './random-program.fixture.ts';

const GUEST_LIMIT = 0x8_0000;
const INSTRUCTIONS = 6000;

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
  const depths = [1, 2, 3, 10, 200];
  const depthMax = depths[random(depths.length)] ?? 1;
  const fuels = [1, 3, 20, 200, 4000];
  const fuelMax = fuels[random(fuels.length)] ?? 1;
  const leaveEvery = 1 + random(4);
  return {
    fuel: () => random(fuelMax),
    leaves: () => random(leaveEvery) === 0,
    depth: () => random(depthMax),
  };
}

function runBoth(seed: number, record: boolean): RegionMachine {
  const random = randomOf(seed);
  const program = randomProgram(random);
  const dataSeed = random(2 ** 30);
  const watched = new Plain(GUEST_LIMIT);
  load(watched, program, randomOf(dataSeed));
  const profile = new SeenProfile(watched);
  profile.watch(random(3) === 0 ? 60 : 1500);

  const oracle = new Plain(GUEST_LIMIT);
  load(oracle, program, randomOf(dataSeed));
  const options = {
    guestLimit: GUEST_LIMIT,
    record,
    instructionsMax: [20, 100, 1000][random(3)] ?? 20,
    blocksMax: [3, 20, 500][random(3)] ?? 3,
    fusedMultiplyAdd: false,
  };
  const machine = new RegionMachine(options, moodOf(random));
  load(machine, program, randomOf(dataSeed));
  const entries = program.entries.filter(() => random(4) !== 0);
  while (entries.length > 0) machine.make(entries.splice(0, 1 + random(4)), profile);

  while (machine.retired < INSTRUCTIONS) {
    const before = machine.pc;
    machine.advance();
    let steps = 0;
    while (oracle.retired < machine.retired && steps++ < 1_000_000) oracle.step();
    // Instructions that fault are skipped, and do not count.
    while (oracle.pc !== machine.pc && steps++ < 1_000_000 && oracle.retired === machine.retired) {
      oracle.step();
    }
    if (machine.retired === oracle.retired && areSame(machine, oracle)) continue;
    const where = `seed ${seed}, entered 0x${before.toString(16)}`;
    expect(registers(machine), where).toBe(registers(oracle));
    expect(machine.retired, where).toBe(oracle.retired);
  }
  expect(memoryHash(machine)).toBe(memoryHash(oracle));
  if (record) expect(machine.transfers).toEqual(oracle.transfers);
  expect(machine.memory.view.getBigInt64(STATE.x, true)).toBe(0n);
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
