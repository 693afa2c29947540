/** Code of a machine at two levels of privilege, which are words of the filter and search. */
import { expect, test } from 'vitest';
import { type FixtureSpec, makeTrace } from '../../../packages/analyzer/src/trace.fixture.ts';
import { edgeMatcher, filterOf } from '../../../packages/tui/src/find.ts';
import { World } from '../../../packages/tui/src/world.ts';

/** A kernel at 0xc000 and 0xd000 that enters a program at 0x1000, and is called by it. */
const spec = (privileges: readonly (number | undefined)[]): FixtureSpec => ({
  blocks: [0xc000n, 0x1000n, 0xd000n].map((pc, i) => {
    const privilege = privileges[i];
    return { pc, code: '13000000', ...(privilege === undefined ? {} : { privilege }) };
  }),
  edges: [
    { source: null, target: 0xc000n },
    { source: 0xc000n, target: 0x1000n, kind: 'trap-return' },
    { source: 0x1000n, target: 0xd000n, cause: 'exception', kind: 'syscall' },
    { source: 0xd000n, target: 0xc000n, kind: 'jump' },
    { source: 0x1000n, target: 0x1000n, kind: 'jump' },
  ],
  vcpus: [[0, 1, 4, 2, 3]],
});
const options = { ended: 'It ended.', command: 'backtrail walk', hasColor: false };
const found = (world: World, word: string): number[] =>
  [0, 1, 2, 3, 4].filter((edge) => edgeMatcher(world, word)(edge));

test('a filter keeps what is at a level or leaves it, a search finds what enters it', async () => {
  using world = await World.open(makeTrace(spec([1, 0, 1])), options);
  expect([...(filterOf(world, 'user')?.wanted ?? [])]).toEqual([0, 1, 1, 0, 1]);
  expect([...(filterOf(world, 'supervisor')?.wanted ?? [])]).toEqual([1, 1, 1, 1, 0]);
  expect(filterOf(world, 'privilege 1')?.wanted).toEqual(filterOf(world, 'kernel')?.wanted);
  expect(filterOf(world, 'machine')).toBeNull();
  expect(found(world, 'user')).toEqual([1]);
  expect(found(world, 'kernel')).toEqual([0, 2]);
});

test('where no level is known, the words are text like any other', async () => {
  using world = await World.open(makeTrace(spec([undefined, undefined, undefined])), options);
  expect(filterOf(world, 'user')).toBeNull();
  expect(found(world, 'kernel')).toEqual([]);
});
