/** Where the path of a call leads, and what is told of what stands there. */
import { AT } from '../abi.ts';
import { fail } from '../errno.ts';
import { type FileStat, OpenFolder, statFrom } from '../files.ts';
import type { Kernel } from '../kernel.ts';
import { madeFolderStat, madeLinkStat, madeStatOf } from '../made.ts';
import { type Place, resolve } from '../paths.ts';
import type { Entry } from '../view.ts';

/** Folder that a relative path begins at. @throws Failure EBADF, ENOTDIR */
export function baseOf(kernel: Kernel, descriptor: number, path: string): string {
  if (path.startsWith('/')) return '/';
  if (descriptor === AT.currentFolder) return kernel.folder;
  const file = kernel.descriptors.get(descriptor);
  return file instanceof OpenFolder ? file.path : fail('ENOTDIR');
}

/** Resolves the path of an *at call. @throws Failure */
export function placeAt(kernel: Kernel, descriptor: number, path: string, follow: boolean): Place {
  if (path === '') fail('ENOENT');
  return resolve(kernel.view, baseOf(kernel, descriptor, path), path, follow);
}

/** @throws Failure */
export function statOfEntry(kernel: Kernel, path: string, entry: Entry): FileStat {
  switch (entry.kind) {
    case 'host':
      return statFrom(entry.stat, kernel.owner);
    case 'folder':
      return madeFolderStat(path);
    case 'link':
      return madeLinkStat(path, entry.target);
    case 'made':
      return madeStatOf(path);
    case 'descriptor':
      return (kernel.descriptors.find(entry.number) ?? fail('ENOENT')).stat();
  }
}
