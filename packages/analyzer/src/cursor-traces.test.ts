/** Recorded traces: every move of the cursor against the obvious model, and after damage. */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BacktrailError, openTrace, type Trace } from '@backtrail/recorder/trace';
import { afterAll, describe, expect, test } from 'vitest';
import { SEED } from '../../../tests/seed.ts';
import { CursorModel, stopsOf } from './cursor.model.ts';
import { Cursor, type Move } from './cursor.ts';
import { checkCase, randomLines } from './cursor-check.fixture.ts';
import { randomFrom } from './path/random-run.fixture.ts';
import { type Direction, ExecutedPath, instructionPath } from './path.ts';
import { makeIndex } from './trace-index.ts';

const ROOT = fileURLToPath(new URL('../../../traces/v1/', import.meta.url));
const directoryOf = (name: string): string => join(ROOT, name, `${name}.trace`);
const NAMES = fs.readdirSync(ROOT).sort();
/** The model walks along all that ran, for every move. */
const SHORT_TRANSFERS = 10_000;
const isShort = (name: string): boolean => openTrace(directoryOf(name)).transfers < SHORT_TRANSFERS;
const SHORT = NAMES.filter(isShort);

function executedOn(trace: Trace, vcpu: number, direction: Direction): string[] {
  const path = instructionPath(new ExecutedPath(trace), vcpu, 0, trace.seqEnd(vcpu), direction);
  return Array.from(path, ({ seq, pc }) => `${seq} ${pc}`);
}

describe.each(SHORT)('cursor: %s', (name) => {
  const trace = openTrace(directoryOf(name));

  test('step by step from either end it meets what the path has', () => {
    for (const vcpu of trace.vcpus) {
      const cursor = new Cursor(trace, { vcpu });
      for (const direction of ['backward', 'forward'] as const) {
        const met: string[] = [];
        let isMoving = cursor.position.instructions > 0;
        if (!isMoving) isMoving = cursor.instruction(direction).moved;
        for (; isMoving; isMoving = cursor.instruction(direction).moved) {
          met.push(`${cursor.position.seq} ${cursor.position.pc}`);
        }
        expect(met).toEqual(executedOn(trace, vcpu, direction));
      }
    }
  });

  test(`every move from random places, seed ${SEED}`, () => {
    const random = randomFrom(SEED);
    const index = makeIndex(trace);
    for (const vcpu of trace.vcpus) {
      const end = trace.seqEnd(vcpu);
      const executed = [...instructionPath(new ExecutedPath(trace), vcpu, 0, end)];
      const lineOf = randomLines(random);
      const model = new CursorModel(trace, vcpu, stopsOf(trace, vcpu, executed, end, lineOf));
      const cursor = new Cursor(trace, { vcpu, lineOf, index });
      checkCase({ trace, vcpu, cursor, model, random }, 8);
    }
  });
});

/** All kinds of moves, from wherever the last one led. */
function wander(cursor: Cursor, random: (below: number) => number): void {
  const direction: Direction = random(2) === 0 ? 'backward' : 'forward';
  const { blocks, edges, vcpus } = cursor.trace;
  const moves: (() => Move)[] = [
    () => cursor.instruction(direction, 1 + random(50)),
    () => cursor.transfer(direction, 1 + random(50)),
    () => cursor.line(direction),
    () => cursor.line(direction, true),
    () => cursor.over(direction),
    () => cursor.out(direction),
    () => cursor.into(direction),
    () => cursor.address(direction, blocks.pc[random(blocks.count)] ?? 0n),
    () => cursor.block(direction, random(blocks.count)),
    () => cursor.edge(direction, random(edges.count)),
    () => cursor.cause(direction, 'exception'),
    () => cursor.kind(direction, 'return'),
    () => cursor.mark(direction, ['signal', 'end', 'exception', 'gap']),
    () => cursor.to(random(2000)),
    () => cursor.toEnd(direction),
    () => cursor.vcpu(vcpus[random(vcpus.length)] ?? 0),
    () => cursor.undo(),
  ];
  const move = moves[random(moves.length)];
  const { position } = move?.() ?? cursor;
  expect(position).toEqual(cursor.position);
}

describe('cursor: damaged traces', () => {
  const folder = fs.mkdtempSync(join(tmpdir(), 'backtrail-cursor-'));
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

  test.each(SHORT)(`%s with flipped bytes: moves end, and do not throw, seed ${SEED}`, (name) => {
    const random = randomFrom(SEED);
    for (let round = 0; round < 8; round++) {
      const directory = join(folder, `${name}-${round}.trace`);
      fs.cpSync(directoryOf(name), directory, { recursive: true });
      const files = fs.readdirSync(directory, { recursive: true, encoding: 'utf8' });
      const arrows = files.filter((file) => file.endsWith('.arrow')).sort();
      const file = join(directory, arrows[random(arrows.length)] ?? '');
      const bytes = fs.readFileSync(file);
      for (let i = 0; i < 4; i++) {
        const at = random(bytes.length);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
      }
      fs.writeFileSync(file, bytes);
      const cursor = opened(directory, random(2) === 0, randomLines(random));
      for (let i = 0; cursor !== null && i < 150; i++) wander(cursor, random);
    }
  });
});

/** Null where there is nothing to stand on, said as it is to be said. */
function opened(
  directory: string,
  hasIndex: boolean,
  lineOf: (pc: bigint) => string | null,
): Cursor | null {
  try {
    const trace = openTrace(directory);
    return new Cursor(trace, { lineOf, index: hasIndex ? makeIndex(trace) : null });
  } catch (error) {
    if (!(error instanceof BacktrailError)) throw error;
    expect(error.code).toMatch(/^E_(EMPTY|TRACE_DAMAGED|READ)$/);
    return null;
  }
}
