import fs from 'node:fs';
import { expect, test } from 'vitest';
import { renderTraceFormat, TRACE_FORMAT_PATH } from '../../../../scripts/gen-trace-format.ts';

const page = fs.readFileSync(new URL(`../../../../${TRACE_FORMAT_PATH}`, import.meta.url), 'utf8');

test('trace format: the published tables are those of the schema', () => {
  // Stale? npm run gen
  expect(page).toBe(renderTraceFormat(page));
});

test('trace format: a page without its markers is an error', () => {
  expect(() => renderTraceFormat('# nothing')).toThrow(
    'docs/trace-format.md: no markers for tables',
  );
});
