/** When regions are made changes nothing that the guest or a count can see. */
import { expect, test } from 'vitest';
import { guestFile } from '../../../../../../tests/guests/riscv64/guests.ts';
import { isFusedMultiplyAddExact } from '../emit/float-probe.ts';
import { Engine } from './engine.ts';
import { Hart } from './hart.ts';
import { GuestMemory } from './memory.ts';
import { MiniProcess } from './mini-process.fixture.ts';
import { divideSpace } from './space.ts';

const GUEST_BYTES = 2 ** 30;

/** @param count argument of the guest: how much it does. */
function run(
  guest: string,
  heatLimit: number,
  { reenterAfter = 0, arrivalsPerBlock = 0, count = '' } = {},
) {
  const space = divideSpace(null, GUEST_BYTES);
  const memory = new GuestMemory(space);
  const hart = new Hart(memory);
  const engine = new Engine({
    memory,
    hart,
    space,
    ring: null,
    sieve: null,
    heating: { limit: heatLimit, arrivalsPerBlock },
    reenterAfter,
    fusedMultiplyAdd: isFusedMultiplyAddExact(),
    callsRetire: true,
    wanted: () => false,
  });
  const machine = new MiniProcess(hart, engine.observer, engine);
  machine.load(guestFile(guest), count === '' ? [] : [count]);
  const end = engine.run(machine);
  const seen = { end, text: machine.text, instructions: engine.instructions() };
  return { seen, regions: engine.statistics.regions };
}

test.for(['core', 'fib', 'heap', 'mandel', 'quick', 'text', 'vm'])(
  '%s: interpreted alone, with few regions, with many',
  (guest) => {
    const alone = run(guest, 0);
    expect(alone.regions).toBe(0);
    expect(alone.seen).toMatchObject({ end: { how: 'exit', status: 0 } });
    expect(alone.seen.instructions).toBeGreaterThan(100_000);
    for (const heatLimit of [200, 4]) {
      const other = run(guest, heatLimit);
      expect(other.regions).toBeGreaterThan(0);
      expect(other.seen).toEqual(alone.seen);
    }
  },
);

test.for([
  ['fib', '300'],
  ['vm', '50000'],
] as const)('%s: when regions are left and entered anew changes nothing', ([guest, count]) => {
  const never = run(guest, 200, { reenterAfter: Number.MAX_SAFE_INTEGER, count });
  const often = run(guest, 200, { reenterAfter: 1, count });
  // Several fills of the tank, so that there is when to leave.
  expect(never.seen.instructions).toBeGreaterThan(8_000_000);
  expect(often.seen).toEqual(never.seen);
});

test('a region of many blocks is made later than one of few', () => {
  const early = run('text', 20);
  const late = run('text', 20, { arrivalsPerBlock: 100 });
  expect(late.regions).toBeGreaterThan(0);
  expect(late.regions).toBeLessThan(early.regions);
  expect(late.seen).toEqual(early.seen);
});
