/** Renders the tables of keys in docs/walk.md from packages/tui/src/keys.ts. */
import { KEY_GROUPS, KEYS, shownKey } from '../packages/tui/src/keys.ts';

export const WALK_PATH = 'docs/walk.md';

const BEGIN = '<!-- generated: keys -->';
const END = '<!-- end: keys -->';

/** Keys that Markdown would read as something else are safe between backticks. */
const code = (key: string): string => (key === '`' ? '`` ` ``' : `\`${key}\``);

function tables(): string {
  const lines: string[] = [];
  for (const group of KEY_GROUPS) {
    lines.push(`### ${group}`, '', '| key | what it does |', '|---|---|');
    for (const { keys, says } of KEYS.filter((spec) => spec.group === group)) {
      lines.push(`| ${keys.map((key) => code(shownKey(key))).join(' ')} | ${says} |`);
    }
    lines.push('');
  }
  return lines.join('\n');
}

/** @param before the page as it is; what is outside of the tables stays. */
export function renderWalk(before: string): string {
  const begin = before.indexOf(BEGIN);
  const end = before.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`${WALK_PATH}: expected ${BEGIN} … ${END}`);
  return `${before.slice(0, begin + BEGIN.length)}\n\n${tables()}\n${before.slice(end)}`;
}
