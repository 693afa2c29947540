import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { renderSqlDocs, SQL_DOCS_PATH } from '../../scripts/gen-sql-docs.ts';

test('docs/sql.md is fresh', () => {
  const page = readFileSync(new URL(`../../${SQL_DOCS_PATH}`, import.meta.url), 'utf8');
  expect(page, 'stale: npm run gen').toBe(renderSqlDocs());
});
