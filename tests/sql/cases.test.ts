/**
 * Every view and macro of the SQL library: a trace (traces.ts), a query and the CSV it gives.
 * cases/NAME.sql begins with `-- trace: NAME`. UPDATE=1 writes the CSV files; read the diff.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { formatCsv, loadLibrary } from '@backtrail/analyzer';
import { openDatabase } from '@backtrail/analyzer/database';
import { describe, expect, test } from 'vitest';
import { makeTrace } from '../../packages/analyzer/src/trace.fixture.ts';
import { TRACES } from './traces.ts';

const FOLDER = new URL('cases/', import.meta.url);
const files = readdirSync(FOLDER);
const namesWith = (suffix: string): string[] =>
  files.filter((file) => file.endsWith(suffix)).map((file) => file.slice(0, -suffix.length));
const read = (file: string): string => readFileSync(new URL(file, FOLDER), 'utf8');
const isUpdate = process.env['UPDATE'] === '1';

async function answer(sql: string): Promise<string> {
  const name = /^-- trace: (\w+)\n/.exec(sql)?.[1] ?? '';
  const spec = TRACES[name];
  if (spec === undefined) throw new Error(`found trace "${name}", expected one of traces.ts`);
  const database = await openDatabase(makeTrace(spec));
  try {
    return [...formatCsv(await database.query(sql))].join('');
  } finally {
    await database.close();
  }
}

describe('SQL cases', () => {
  test.each(namesWith('.sql'))('%s', async (name) => {
    const found = await answer(read(`${name}.sql`));
    const csv = new URL(`${name}.csv`, FOLDER);
    if (isUpdate) writeFileSync(csv, found);
    expect(existsSync(csv), `${name}.csv is missing: UPDATE=1 writes it`).toBe(true);
    expect(found).toBe(read(`${name}.csv`));
  });

  test('no file is an orphan', () => {
    expect(namesWith('.csv')).toEqual(namesWith('.sql'));
    expect(files.filter((file) => !/\.(sql|csv)$/.test(file))).toEqual([]);
  });

  test('every entry of the library has a case', () => {
    const all = namesWith('.sql').map((name) => read(`${name}.sql`));
    const entries = loadLibrary().flatMap((topic) => topic.entries.map(({ name }) => name));
    const untested = entries.filter(
      (name) => !name.startsWith('_') && !all.some((sql) => new RegExp(`\\b${name}\\b`).test(sql)),
    );
    expect(untested).toEqual([]);
  });
});
