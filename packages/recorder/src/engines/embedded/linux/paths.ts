/**
 * From a path that the guest names to a place that it sees: every component is looked at, every
 * symbolic link is followed here and never by the host (path_resolution(7)).
 */
import { readlinkSync } from 'node:fs';
import { fail, onHost } from './errno.ts';
import { type Entry, join, parentOf, type View } from './view.ts';

const LINKS_MAX = 40;
const NAME_BYTES_MAX = 255;
/** Leads to the program itself, not to what its path leads to. */
const PROGRAM_LINK = '/proc/self/exe';

export interface Place {
  /** The guest's path: absolute, no links in it but perhaps the last component. */
  readonly path: string;
  /** Null: its folder is there, it is not. */
  readonly entry: Entry | null;
  /** The path ended in a slash (or `.`, `..`): it must be a folder. */
  readonly isFolderWanted: boolean;
}

export const isLink = (entry: Entry): boolean =>
  entry.kind === 'link' || (entry.kind === 'host' && entry.stat.isSymbolicLink());

export const isFolder = (entry: Entry): boolean =>
  entry.kind === 'folder' || (entry.kind === 'host' && entry.stat.isDirectory());

/**
 * What stands at a path that had no links in it when it was found. The guest may have moved folders
 * since then, and the host must not follow a link that took the place of one. Null: nothing stands
 * there any more, or something on the way is no folder. @throws Failure
 */
export function entryWithoutLinks(view: View, path: string): Entry | null {
  for (let end = path.indexOf('/', 1); end > 0; end = path.indexOf('/', end + 1)) {
    const entry = view.entry(path.slice(0, end));
    if (entry === null || !isFolder(entry)) return null;
  }
  return view.entry(path);
}

/** @throws Failure */
export function readLink(entry: Entry): string {
  if (entry.kind === 'link') return entry.target;
  if (entry.kind !== 'host' || !isLink(entry)) return fail('EINVAL');
  const { path } = entry;
  return onHost(() => readlinkSync(path));
}

/**
 * @param from absolute guest path of the folder that relative paths begin at.
 * @param follow whether a link at the very end is followed.
 * @throws Failure ENOENT, ENOTDIR, ELOOP, EACCES, ENAMETOOLONG
 */
export function resolve(view: View, from: string, path: string, follow: boolean): Place {
  if (path === '') fail('ENOENT');
  let links = 0;
  let at = path.startsWith('/') ? '/' : from;
  let isFolderWanted = /(?:^|\/)\.{0,2}$/.test(path);
  const rest = componentsOf(path).reverse();
  let entry = entryWithoutLinks(view, at);
  if (entry === null || !isFolder(entry)) fail('ENOENT');
  for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
    if (entry === null) fail('ENOENT');
    else if (!isFolder(entry)) fail('ENOTDIR');
    if (Buffer.byteLength(name) > NAME_BYTES_MAX) fail('ENAMETOOLONG');
    const next = name === '..' ? parentOf(at) : name === '.' ? at : join(at, name);
    const found = view.entry(next);
    const isLast = rest.length === 0;
    if (found !== null && isLink(found) && (!isLast || follow || isFolderWanted)) {
      if (++links > LINKS_MAX) fail('ELOOP');
      if (isLast && next === PROGRAM_LINK) {
        return { path: view.program, entry: view.programEntry(), isFolderWanted };
      }
      const target = readLink(found);
      if (target === '') fail('ENOENT');
      if (isLast && /(?:^|\/)\.{0,2}$/.test(target)) isFolderWanted = true;
      rest.push(...componentsOf(target).reverse());
      if (target.startsWith('/')) at = '/';
      entry = view.entry(at);
      continue;
    }
    at = next;
    entry = found;
  }
  if (isFolderWanted && entry !== null && !isFolder(entry)) fail('ENOTDIR');
  return { path: at, entry, isFolderWanted };
}

function componentsOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '');
}
