import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  ADDRESS_COLUMNS,
  type Database,
  describeTables,
  openDatabase,
  type SqlValue,
} from './database.ts';
import { loadLibrary, parseLibrary } from './sql.ts';
import { makeTrace } from './trace.fixture.ts';

const topics = loadLibrary();
const entries = topics.flatMap((topic) => topic.entries);
const isPublic = ({ name }: { name: string }): boolean => !name.startsWith('_');

let database: Database;
beforeAll(async () => {
  database = await openDatabase(
    makeTrace({
      blocks: [{ pc: 0x1000n, code: '13000000' }],
      edges: [{ source: null, target: 0x1000n }],
      vcpus: [[0]],
    }),
  );
});
afterAll(() => database.close());

const textOf = (value: SqlValue | undefined): string => (typeof value === 'string' ? value : '');

/** Names and types of what a query gives. */
async function columnsOf(from: string): Promise<Map<string, string>> {
  const result = await database.query(`DESCRIBE FROM ${from}`);
  return new Map(result.rows().map(([name, type]) => [textOf(name), textOf(type)]));
}

describe('SQL library', () => {
  test('every topic and every entry says in a sentence what it is', () => {
    const says = [...topics, ...entries.filter(isPublic)].map((one) => one.says);
    expect(says.filter((sentence) => !/^[A-Z\d].*\.$/.test(sentence))).toEqual([]);
    const fields = entries.flatMap(({ parameters, columns }) => [...parameters, ...columns]);
    expect(fields.filter(({ says: sentence }) => !sentence.endsWith('.'))).toEqual([]);
  });

  test('names do not repeat, nor hide a table', () => {
    const names = [...entries, ...describeTables()].map(({ name }) => name);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  });

  test.each(entries.filter(isPublic))(
    '$kind $name: the sentences name what is there',
    async (entry) => {
      const found = await database.query(
        `SELECT any_value(parameters) FROM duckdb_functions()
       WHERE function_name = '${entry.name}' AND NOT internal AND function_type LIKE '%macro'`,
      );
      const parameters = found.rows()[0]?.[0] ?? [];
      expect(entry.parameters.map(({ name }) => name)).toEqual(parameters);
      if (entry.kind === 'macro') return;
      const values = entry.parameters
        .map(({ name }) => (name === 'symbol' ? "'x'" : '0'))
        .join(', ');
      const columns = await columnsOf(
        entry.kind === 'view' ? entry.name : `${entry.name}(${values})`,
      );
      expect(entry.columns.map(({ name }) => name)).toEqual([...columns.keys()]);
      for (const { name, isAddress } of entry.columns) {
        expect(!isAddress || columns.get(name) === 'UBIGINT', `${entry.name}.${name}`).toBe(true);
        expect(isAddress || !ADDRESS_COLUMNS.includes(name), `${entry.name}.${name}`).toBe(true);
      }
    },
  );

  test.each(describeTables())('table $name is described as it is', async ({ name, columns }) => {
    expect(columns.map((column) => column.name)).toEqual([...(await columnsOf(name)).keys()]);
    expect(columns.filter(({ says }) => !/^\w.*\.$/.test(says))).toEqual([]);
  });

  test('a file is read into its entries', () => {
    const sql = `-- About this.\n-- And that.\n\n-- A view;\n--   on two lines.
-- @address target Where\n--    it went.\nCREATE VIEW v AS -- no sentence\nSELECT ';';
CREATE MACRO _m(x) AS x;\n-- Rows.\n-- @argument x Any.\nCREATE MACRO t(x) AS TABLE SELECT x;\n`;
    expect(parseLibrary(sql, 'x.sql')).toEqual({
      says: 'About this. And that.',
      entries: [
        {
          name: 'v',
          kind: 'view',
          says: 'A view; on two lines.',
          parameters: [],
          columns: [{ name: 'target', says: 'Where it went.', isAddress: true }],
          sql: "CREATE VIEW v AS -- no sentence\nSELECT ';'",
        },
        {
          name: '_m',
          kind: 'macro',
          says: '',
          parameters: [],
          columns: [],
          sql: 'CREATE MACRO _m(x) AS x',
        },
        {
          name: 't',
          kind: 'table macro',
          says: 'Rows.',
          parameters: [{ name: 'x', says: 'Any.', isAddress: false }],
          columns: [],
          sql: 'CREATE MACRO t(x) AS TABLE SELECT x',
        },
      ],
    });
  });

  test('a file that is none is refused', () => {
    expect(() => parseLibrary('CREATE VIEW v AS SELECT 1;', 'x.sql')).toThrow(
      'x.sql: found no comment',
    );
    expect(() => parseLibrary('-- About.\n\nDROP VIEW v;', 'x.sql')).toThrow('found DROP VIEW v');
  });
});
