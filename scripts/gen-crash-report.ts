/** Renders the tables of docs/crash-report.md from crash/report.ts, between its markers. */
import { readFileSync } from 'node:fs';

export const CRASH_REPORT_PATH = 'docs/crash-report.md';

const SOURCE = new URL('../packages/analyzer/src/crash/report.ts', import.meta.url);
const [START, END] = ['<!-- generated: objects -->\n', '<!-- end: objects -->'];

interface Field {
  readonly name: string;
  readonly type: string;
  readonly says: string;
}

interface Described {
  readonly name: string;
  readonly says: string;
  readonly fields: readonly Field[];
}

/** The words of a comment on one line. */
const wordsOf = (comment: string): string =>
  comment
    .replace(/\/\*\*|\*\/|^\s*\* ?/gm, ' ')
    .replace(/\s+/g, ' ')
    .trim();

/** As a reader of JSON sees it: `HexAddress` is a text, `readonly` means nothing. */
const typeOf = (text: string): string =>
  text
    .replace(/readonly /g, '')
    .replace(/\s+/g, ' ')
    .replace(/^ ?\| /, '')
    .trim();

function fieldsOf(body: string): Field[] {
  const pattern = /(\/\*\*(?:[^*]|\*(?!\/))*\*\/\s*)?readonly (\w+):([^;]*);/g;
  return Array.from(body.matchAll(pattern), ([, comment = '', name = '', type = '']) => ({
    name,
    type: typeOf(type),
    says: wordsOf(comment),
  }));
}

/** Every exported interface, the outermost first. */
export function describedObjects(source: string): Described[] {
  const pattern = /(\/\*\*(?:[^*]|\*(?!\/))*\*\/\s*)?export interface (\w+) \{\n([\s\S]*?)\n\}/g;
  const list = Array.from(source.matchAll(pattern), ([, comment = '', name = '', body = '']) => ({
    name,
    says: wordsOf(comment),
    fields: fieldsOf(body),
  }));
  return list.reverse();
}

const cell = (text: string): string => text.replaceAll('|', '\\|');

const table = ({ name, says, fields }: Described): string[] => [
  `### ${name}`,
  '',
  says,
  '',
  '| field | type | meaning |',
  '|---|---|---|',
  ...fields.map((one) => `| \`${one.name}\` | \`${cell(one.type)}\` | ${cell(one.says)} |`),
  '',
];

/** The page with its tables made anew. @throws Error if a marker is missing. */
export function renderCrashReport(page: string): string {
  const [from, to] = [page.indexOf(START), page.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`${CRASH_REPORT_PATH}: no markers for objects`);
  const tables = describedObjects(readFileSync(SOURCE, 'utf8')).flatMap(table).join('\n');
  return `${page.slice(0, from + START.length)}\n${tables}\n${page.slice(to)}`;
}
