/** What a hostile trace says reaches a terminal and a page as text, and as nothing else. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { runHere } from '../../packages/cli/src/io.fixture.ts';
import { POISON, poisonTrace, SAMPLES, temporaryFolder } from './make.ts';

const folder = temporaryFolder();
/** With line tables, calls and a crash; and one with interrupts. */
const traces = ['riscv64-smash', 'bare-traps'].map((sample) =>
  poisonTrace(sample, path.join(folder, `${sample}${POISON.replaceAll('/', '')}.trace`)),
);

const CLEAN = 'riscv64-smash/riscv64-smash.trace';

const COMMANDS: readonly (readonly string[])[] = [
  ['info'],
  ['crash'],
  ['crash', '--source'],
  ['crash', '--format', 'markdown'],
  ['back'],
  ['back', '--source', '-n', '500'],
  ['back', '--no-disassembly'],
  ['stack'],
  ['last', '0x11000'],
  ['last', POISON],
  ['check'],
  ['index'],
  ['recover'],
  ['stack', '--at', POISON],
  ['query', 'from symbols'],
  ['query', 'from modules'],
  ['query', 'from marks'],
  ['query', 'from sources'],
  ['query', 'from hot_symbols limit 3'],
  ['query', `select '${POISON.replaceAll("'", "''")}' as x`],
  ['query', `select 1 as "${POISON.replaceAll('"', '')}"`],
  ['query', `select ${POISON}`],
  ['query', 'select {a: name} from symbols limit 3'],
  [POISON],
  ['info', POISON],
  ['record', POISON],
  ['record', `./${POISON}`],
];

/** What a terminal would act on; a line break is ours. */
const ACTED_ON = /[\p{Cc}\p{Cf}\u2028\u2029]/u;

/** The one script of the page is the same whatever the trace is. */
const scriptsOf = (page: string): string[] => page.match(/<script[\s\S]*?<\/script>/gi) ?? [];

const loud = (text: string): string[] => text.split('\n').filter((line) => ACTED_ON.test(line));

describe.each(traces.map((trace, i) => [i, trace] as const))('trace %i', (_i, trace) => {
  test.each(COMMANDS)('%j', async (name, ...rest) => {
    const isOfTrace = !['record', POISON].includes(name) && rest[0] !== POISON;
    const words =
      isOfTrace || name === 'last' || name === 'stack' ? [name, trace, ...rest] : [name, ...rest];
    for (const columns of [undefined, 100]) {
      const { stdout, stderr } = await runHere(words, columns === undefined ? {} : { columns });
      expect(`${stdout}${stderr}`).not.toBe('');
      expect([...loud(stdout), ...loud(stderr)]).toEqual([]);
    }
  });

  test.each(['csv', 'json'])(
    'query --format %s: whole into a pipe, harmless on a screen',
    async (format) => {
      const words = ['query', trace, 'select name from symbols limit 1', '--format', format];
      const piped = await runHere(words);
      expect(piped.stdout).toContain('<script>pwned()</script>');
      const shown = await runHere(words, { columns: 80 });
      expect(shown.status).toBe(0);
      expect(loud(shown.stdout)).toEqual([]);
    },
  );

  test('the HTML of crash holds no tag, attribute or script of the trace', async () => {
    const { status, stdout } = await runHere(['crash', trace, '--format', 'html']);
    expect(status).toBe(0);
    expect(stdout).toContain('pwned');
    expect(stdout).not.toMatch(/<script>pwned|<img|<\/style><\/script>|onerror=(?!pwned\(\)&gt;)/);
    const page = stdout.replaceAll('\n', '');
    expect(ACTED_ON.exec(page)?.[0]).toBe(undefined);
    const clean = await runHere(['crash', path.join(SAMPLES, CLEAN), '--format', 'html']);
    expect(scriptsOf(stdout)).toEqual(scriptsOf(clean.stdout));
    expect(stdout).not.toMatch(/<(?:img|iframe|object|embed|link|base|form|a)\b/i);
    // Outside of quotes a tag has names of attributes only.
    const bare = page.replaceAll(/"[^"]*"/g, '""').match(/<[a-zA-Z][^>]*>/g) ?? [];
    expect(bare.length).toBeGreaterThan(50);
    expect(bare.filter((tag) => /\b(?:on\w+|href|src)\b|pwned/.test(tag))).toEqual([]);
  });

  test('nothing was written into the folder but the index', () => {
    expect(
      readdirSync(trace)
        .filter((name) => !/\.arrow$|^manifest\.json$/.test(name))
        .sort(),
    ).toEqual(['index.cache', 'transfers']);
  });
});
