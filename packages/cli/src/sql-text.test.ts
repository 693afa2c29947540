import { describe, expect, test } from 'vitest';
import { isStatementEnd, lastStatement, statementsOf } from './sql-text.ts';

describe('the end of a statement', () => {
  test.each([
    'select 1;',
    'select 1; \n',
    "select ';';",
    'select 1; -- done',
    'select $$a;$$;',
    "select 'it''s';",
    'select 1 /* ; */ ;',
  ])('is in %j', (sql) => {
    expect(isStatementEnd(sql)).toBe(true);
  });

  test.each([
    'select 1',
    "select ';",
    "select ';'",
    'select 1 -- ;',
    'select 1 /* ;',
    'select "a;',
    'select $$a;',
    '',
  ])('is not in %j', (sql) => {
    expect(isStatementEnd(sql)).toBe(false);
  });
});

test.each([
  ['select 1', '', 'select 1'],
  ['select 1;;\n', '', 'select 1'],
  ['select 1 -- a; b', '', 'select 1'],
  [
    "create view v as from edges; select ';' from v; -- x",
    'create view v as from edges;',
    " select ';' from v",
  ],
  ['', '', ''],
])('%j: the last statement by itself', (sql, before, last) => {
  expect(lastStatement(sql)).toEqual({ before, last });
});

test('a text is cut into its statements, wherever else there is a ;', () => {
  const sql = 'select \';\' as a; -- b;\nfrom "x;" ;; /* ; */ ; select $$;$$';
  expect(statementsOf(sql)).toEqual(["select ';' as a", '-- b;\nfrom "x;"', 'select $$;$$']);
});
