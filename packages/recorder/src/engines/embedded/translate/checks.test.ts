/** Which accesses are checked, and with which others, in blocks written down here. */
import { describe, expect, test } from 'vitest';
import { decode } from '../isa/decode.ts';
import type { Instruction } from '../isa/instruction.ts';
import { Assembler } from './assembler.fixture.ts';
import { planChecks } from './checks.ts';
import { END } from './dataflow.ts';
import type { FormedBlock } from './formation.ts';
import type { Plan } from './spans.ts';
import { structure } from './structure.ts';

const [SP, FP, P, Q, T] = [2, 8, 20, 21, 5];

function block(write: (out: Assembler) => void): FormedBlock {
  const out = new Assembler(0);
  write(out);
  const view = new DataView(out.bytes().buffer);
  const instructions: Instruction[] = [];
  for (let at = 0; at < view.byteLength; at += 4) {
    const instruction = decode(view.getUint32(at, true));
    if (instruction === null) throw new Error(`no instruction at ${at}`);
    instructions.push(instruction);
  }
  return { pc: 0, instructions, next: view.byteLength, ends: 'fall', transfer: null };
}

/** What is checked before each access: `first+bytes`, w for writing, s on the stack; - nothing. */
const told = (plan: Plan | undefined): string =>
  (plan ?? [])
    .filter((check) => check !== undefined)
    .map((check) => {
      if (check === null) return '-';
      const { first, bytes, isWrite, isStack } = check;
      return `${first}+${bytes}${isWrite ? 'w' : ''}${isStack ? 's' : ''}`;
    })
    .join(' ');

function plans(
  blocks: readonly FormedBlock[],
  successors: readonly (readonly number[])[],
  calls: readonly number[] = [],
): string[] {
  const ends = new Uint8Array(blocks.length);
  for (const node of calls) ends[node] = END.calls;
  return planChecks(blocks, ends, structure(successors)).plans.map(told);
}

const alone = (write: (out: Assembler) => void): string => plans([block(write)], [[]])[0] ?? '';

describe('in a block', () => {
  test('accesses near to each other are checked at the first', () => {
    expect(alone((out) => out.i('ld', T, P, 8).store('sw', T, P, 0).i('lb', T, P, 24))).toBe(
      '0+25w - -',
    );
  });

  test('those far apart are not', () => {
    expect(alone((out) => out.i('ld', T, P, 0).i('ld', T, P, 512).i('ld', T, P, 16))).toBe(
      '0+24 512+8 -',
    );
  });

  test('a register that moves by a constant stays near, one that is made anew does not', () => {
    const moved = (out: Assembler): Assembler =>
      out.i('ld', T, P, 0).i('addi', P, P, 16).i('ld', T, P, 0).r('add', Q, 0, P).i('ld', T, Q, 8);
    expect(alone(moved)).toBe('0+32 - -');
    expect(alone((out) => moved(out).i('ld', P, P, 0).i('ld', T, P, 0))).toBe('0+32 - - - 0+8');
    expect(alone((out) => out.i('ld', T, P, 0).r('add', P, P, T).i('ld', T, P, 0))).toBe('0+8 0+8');
  });

  test('the first of a group may come after the base has moved', () => {
    expect(
      alone((out) => out.i('addi', SP, SP, -32).store('sd', 1, SP, 24).store('sd', 9, SP, 0)),
    ).toBe('0+32ws -');
  });

  test('atomics have no offset', () => {
    expect(alone((out) => out.r('amoadd.d', T, P, T).r('lr.w', T, Q, 0))).toBe('0+8w 0+4');
  });

  test('x8 is the stack only where it is made of sp', () => {
    expect(alone((out) => out.i('ld', T, FP, -8))).toBe('-8+8');
    expect(
      plans(
        [block((out) => out.i('addi', FP, SP, 32)), block((out) => out.i('ld', T, FP, -8))],
        [[1], []],
      ),
    ).toEqual(['', '-8+8ws']);
  });
});

describe('from block to block', () => {
  const reads = (base: number, offset: number): FormedBlock =>
    block((out) => out.i('ld', T, base, offset));
  const nothing = block((out) => out.i('addi', T, T, 1));

  test('what was checked on the only way here is not checked again', () => {
    expect(plans([reads(P, 8), reads(P, 8), reads(P, 16)], [[1], [2], []])).toEqual([
      '8+8',
      '-',
      '16+8',
    ]);
  });

  test('a check for reading is none for writing, the other way round it is', () => {
    const writes = block((out) => out.store('sd', T, P, 8));
    expect(plans([reads(P, 8), writes, reads(P, 8)], [[1], [2], []])).toEqual(['8+8', '8+8w', '-']);
  });

  test('where ways meet, only what both have checked counts', () => {
    const wide = block((out) => out.i('ld', T, P, 0).i('ld', T, P, 32));
    const uses = block((out) => out.i('ld', T, P, 0).i('ld', T, P, 8));
    expect(plans([nothing, wide, reads(P, 8), uses], [[1, 2], [3], [3], []])).toEqual([
      '',
      '0+40 -',
      '8+8',
      '0+8 -',
    ]);
    expect(plans([nothing, wide, nothing, uses], [[1, 2], [3], [3], []])[3]).toBe('0+16 -');
  });

  test('a register that is made anew, moved or copied', () => {
    const loads = block((out) => out.i('ld', P, Q, 0));
    expect(plans([reads(P, 8), loads, reads(P, 8)], [[1], [2], []])[2]).toBe('8+8');
    const moves = block((out) => out.i('addi', P, P, 8));
    expect(plans([reads(P, 8), moves, reads(P, 0)], [[1], [2], []])[2]).toBe('-');
    expect(plans([reads(P, 8), moves, reads(P, 8)], [[1], [2], []])[2]).toBe('8+8');
    const swaps = block((out) => out.r('add', T, 0, P).r('add', P, 0, Q).r('add', Q, 0, T));
    expect(plans([reads(P, 8), swaps, reads(Q, 8)], [[1], [2], []])[2]).toBe('-');
    expect(plans([reads(P, 8), swaps, reads(P, 8)], [[1], [2], []])[2]).toBe('8+8');
  });

  test('round a loop, what the body makes anew does not count', () => {
    const body = block((out) => out.i('ld', T, P, 8).i('ld', Q, P, 8).i('ld', P, Q, 0));
    expect(plans([reads(P, 8), body, nothing], [[1], [1, 2], []])[1]).toBe('8+8 - 0+8');
    const still = block((out) => out.i('ld', T, P, 8));
    expect(plans([reads(P, 8), still, nothing], [[1], [1, 2], []])[1]).toBe('-');
  });

  test('across a call, only for the stack pointer', () => {
    const saves = block((out) => out.store('sd', T, SP, 8).store('sd', T, P, 8));
    const uses = block((out) => out.i('ld', T, SP, 8).i('ld', T, P, 8));
    expect(plans([saves, uses], [[1], []], [0])).toEqual(['8+8ws 8+8w', '- 8+8']);
  });
});
