import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  CRASH_REPORT_PATH,
  describedObjects,
  renderCrashReport,
} from '../../../../scripts/gen-crash-report.ts';

const ROOT = new URL('../../../../', import.meta.url);
const page = readFileSync(new URL(CRASH_REPORT_PATH, ROOT), 'utf8');

test('docs/crash-report.md says what crash/report.ts says; else run: npm run gen', () => {
  expect(renderCrashReport(page)).toBe(page);
});

test('every object is described, and every field has a type', () => {
  const source = readFileSync(new URL('./report.ts', import.meta.url), 'utf8');
  const objects = describedObjects(source);
  expect(objects.map(({ name }) => name)).toContain('CrashReport');
  expect(objects.length).toBe(source.match(/^export interface/gm)?.length);
  const fields = objects.flatMap((object) => object.fields);
  expect(fields.length).toBe(source.match(/^ {2}readonly/gm)?.length);
  for (const { says } of objects) expect(says).not.toBe('');
  for (const { type } of fields) expect(type).not.toBe('');
});

test('a page without its markers is an error', () => {
  expect(() => renderCrashReport('# nothing')).toThrow('no markers for objects');
});
