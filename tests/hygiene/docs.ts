/** Paths, links and commands that the documentation names must exist. */
import { posix } from 'node:path';
import type { SourceFile } from './files.ts';

/** What exists, as the docs may name it. */
export interface Known {
  /** Every file, as a path from the root. */
  readonly files: readonly string[];
  /** Scripts of the root package.json. */
  readonly scripts: readonly string[];
  /** Subcommands of the CLI, and what its parser adds. */
  readonly commands: readonly string[];
}

const PATH_START = /^(?:packages|tests|docs|bench|traces|scripts|\.ci)\//;

interface Span {
  readonly text: string;
  readonly line: number;
  /** A line of a fenced block rather than a span in prose. */
  readonly isBlock: boolean;
}

export function checkDocs(file: SourceFile, known: Known): string[] {
  const messages: string[] = [];
  for (const span of spansOf(file.text)) {
    for (const problem of problemsOf(span, known)) {
      messages.push(`${file.path}:${span.line}: ${problem}`);
    }
  }
  return [...messages, ...checkLinks(file, known)];
}

/** Inline code, and the lines of fenced blocks. */
function spansOf(text: string): Span[] {
  const spans: Span[] = [];
  let fence: string | null = null;
  for (const [index, line] of text.split('\n').entries()) {
    const mark = /^\s*(```+|~~~+)/.exec(line)?.[1] ?? null;
    if (mark !== null && (fence === null || mark === fence)) {
      fence = fence === null ? mark : null;
    } else if (fence !== null) {
      spans.push({ text: line, line: index + 1, isBlock: true });
    } else {
      for (const [, inner] of line.matchAll(/`([^`]+)`/g)) {
        spans.push({ text: inner ?? '', line: index + 1, isBlock: false });
      }
    }
  }
  return spans;
}

function problemsOf(span: Span, known: Known): string[] {
  const problems: string[] = [];
  for (const [, script] of span.text.matchAll(/\bnpm run ([\w:-]+)/g)) {
    if (!known.scripts.includes(script ?? '')) problems.push(`no script "${script}" to run`);
  }
  // At the start of a command only: "the backtrail trace" in a comment is prose.
  const command = /(?:^|&&|\||;|\bnpx )\s*(?:\$ )?(?:npx )?backtrail ([a-z][\w-]*)/g;
  for (const [, name] of span.text.matchAll(command)) {
    if (!known.commands.includes(name ?? '')) problems.push(`no command "backtrail ${name}"`);
  }
  const words = span.isBlock ? span.text.split(/[\s"'()]+/) : [span.text.trim()];
  for (const word of words) {
    if (PATH_START.test(word) && !exists(word, known)) problems.push(`no such path: ${word}`);
  }
  return problems;
}

/** `path`, `path:line`, `folder/`, `folder/*.ts`, `folder/NAME.ts`: up to what is no plain name. */
function exists(written: string, known: Known): boolean {
  const path = written.replace(/(?::\d+)+$|[,;:.]$|#.*$/g, '');
  if (known.files.includes(path)) return true;
  const open = path.search(/[*<{…]|\.\.\.|\b[A-Z]{2,}\b(?!\.md)/);
  const closed = open === -1 ? path : path.slice(0, path.lastIndexOf('/', open));
  const folder = closed.endsWith('/') ? closed : `${closed}/`;
  return known.files.some((file) => file.startsWith(folder));
}

function checkLinks(file: SourceFile, known: Known): string[] {
  const messages: string[] = [];
  for (const [index, line] of file.text.split('\n').entries()) {
    const prose = line.replace(/`[^`]*`/g, '');
    for (const [, target] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (target === undefined || /^(?:[a-z]+:|#)/.test(target)) continue;
      const path = posix.normalize(
        posix.join(posix.dirname(file.path), target.replace(/#.*$/, '')),
      );
      if (path === '.' || exists(path, known)) continue;
      messages.push(`${file.path}:${index + 1}: broken link: ${target}`);
    }
  }
  return messages;
}
