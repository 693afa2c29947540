import { expect, test } from 'vitest';
import { makeTrace } from '../../../packages/analyzer/src/trace.fixture.ts';
import { EmptySession } from '../../../packages/tui/src/empty-session.ts';
import { textOf, widthOf } from '../../../packages/tui/src/line.ts';

const OPTIONS = { ended: 'It exited with status 0.', command: 'backtrail walk', hasColor: false };
const EMPTY = { blocks: [], edges: [], vcpus: [] };

const shown = (session: EmptySession, columns = 80, rows = 24): string[] =>
  session.lines(columns, rows).map(textOf);

test('without transfers: how it ended, and which marks there are', () => {
  const marks = [{ kind: 'signal' as const, vcpu: 0, seq: 0, number: 9n, detail: 'a\u001b[2J' }];
  const session = new EmptySession(makeTrace({ ...EMPTY, marks }), OPTIONS);
  const text = shown(session).join('\n');
  expect(text).toContain('no transfers');
  expect(text).toContain('It exited with status 0.');
  expect(text).toMatch(/vCPU 0, before transfer 0: signal 9/i);
  expect(text).not.toContain('\u001b');
  for (const [columns, rows] of [
    [10, 3],
    [1, 1],
    [200, 60],
  ] as const) {
    const lines = shown(session, columns, rows);
    expect(lines).toHaveLength(rows);
    expect(lines.every((line) => widthOf(line) === columns)).toBe(true);
  }
});

test('what cannot be read is told as damage; q leaves, other keys move', () => {
  const whole = makeTrace(EMPTY);
  const problems = Array.from({ length: 60 }, (_none, i) => `file ${i} is damaged`);
  const session = new EmptySession({ ...whole, problems }, OPTIONS);
  let ends = 0;
  session.onDone = () => ends++;
  expect(shown(session).join('\n')).toContain('file 3 is damaged');
  session.take('\u001b[6~\u001b[6~jx');
  expect(shown(session).join('\n')).not.toContain('file 3 is damaged');
  for (let i = 0; i < 20; i++) session.take('\u001b[6~');
  expect(shown(session).join('\n')).toContain('file 59 is damaged');
  expect(ends).toBe(0);
  session.take('q');
  expect(ends).toBe(1);
});
