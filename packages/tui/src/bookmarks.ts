/**
 * Named places, in a file beside the trace (`run.trace.bookmarks.json`): the trace itself stays as
 * it was recorded. Whoever sends the trace may send the file too, so it is read with care.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { BacktrailError } from '@backtrail/analyzer';

export interface Bookmark {
  readonly name: string;
  readonly vcpu: number;
  readonly seq: number;
  readonly index: number;
}

const FORMAT = 'backtrail-bookmarks';
const VERSION = 1;
const NAME_CHARACTERS_MAX = 200;
const BOOKMARKS_MAX = 10_000;

export const bookmarksPath = (directory: string): string =>
  `${directory.replace(/\/+$/, '')}.bookmarks.json`;

const isPosition = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

function bookmarkOf(value: unknown): Bookmark | null {
  if (typeof value !== 'object' || value === null) return null;
  const { name, vcpu, seq, index }: Record<string, unknown> = { ...value };
  const isWhole =
    typeof name === 'string' && isPosition(vcpu) && isPosition(seq) && isPosition(index);
  return isWhole ? { name: name.slice(0, NAME_CHARACTERS_MAX), vcpu, seq, index } : null;
}

/** In the order in which they were made. @throws BacktrailError E_BOOKMARKS */
export function readBookmarks(directory: string): Bookmark[] {
  const path = bookmarksPath(directory);
  const text = textOf(path);
  if (text === null) return [];
  const found = parsed(text);
  if (found === null) {
    throw new BacktrailError(
      'E_BOOKMARKS',
      `${path}: found something else, expected bookmarks of version ${VERSION}. ` +
        'Move the file away.',
    );
  }
  return found;
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw cannot(path, 'read', error);
  }
}

const cannot = (path: string, what: string, error: unknown): BacktrailError =>
  new BacktrailError(
    'E_BOOKMARKS',
    `${path}: cannot be ${what}: ${error instanceof Error ? error.message : String(error)}. ` +
      'Mend its permissions, or copy the trace to a folder of yours.',
  );

/** Null if it is no file of bookmarks. */
function parsed(text: string): Bookmark[] | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const { format, version, bookmarks }: Record<string, unknown> = { ...value };
  if (format !== FORMAT || version !== VERSION || !Array.isArray(bookmarks)) return null;
  return bookmarks
    .slice(0, BOOKMARKS_MAX)
    .map(bookmarkOf)
    .filter((one) => one !== null);
}

/** A place of the same name is replaced. @throws BacktrailError E_BOOKMARKS */
export function addBookmark(directory: string, bookmark: Bookmark): void {
  const path = bookmarksPath(directory);
  const others = readBookmarks(directory).filter(({ name }) => name !== bookmark.name);
  const bookmarks = [...others, bookmark].slice(-BOOKMARKS_MAX);
  const text = `${JSON.stringify({ format: FORMAT, version: VERSION, bookmarks }, null, 2)}\n`;
  const draft = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(draft, text, { flag: 'wx' });
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw cannot(path, 'written', error);
  }
}
