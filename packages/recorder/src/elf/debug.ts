/**
 * Split debug files: distributions strip .symtab from a program and put it in a file of its own,
 * found as gdb finds it (its manual, "Separate Debug Files"), by build id or by .gnu_debuglink:
 *
 *   name, NUL, padding to 4 bytes, CRC-32 of the debug file
 */
import { existsSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { BacktrailError } from '../errors.ts';
import { ElfFile } from './file.ts';
import {
  Fields,
  type RawHeader,
  type RawSegment,
  readHeader,
  readSegmentHeaders,
} from './header.ts';
import { findBuildId } from './notes.ts';
import { readSections } from './sections.ts';
import { findTables, type TableSource } from './symbol-table.ts';

const CHUNK_BYTES = 1 << 20;
const LINK_BYTES_MAX = 4096;

interface Link {
  readonly name: string;
  readonly crc: number;
}

/** Runs `work` on the .symtab of the split debug file of `file`, as withDebugFile() does. */
export function withDebugTable<T>(
  file: ElfFile,
  header: RawHeader,
  segments: readonly RawSegment[],
  roots: readonly string[],
  work: (table: TableSource) => T,
): T | null {
  return withDebugFile(file, header, segments, roots, (debug, debugHeader, debugSegments) => {
    const { symtab } = findTables(debug, debugHeader, debugSegments);
    return symtab === null ? null : work(symtab);
  });
}

/**
 * Runs `work` on the split debug file of `file`, open meanwhile; null if there is none that belongs
 * to it. One that does not belong, cannot be read, or yields null is passed over.
 */
export function withDebugFile<T>(
  file: ElfFile,
  header: RawHeader,
  segments: readonly RawSegment[],
  roots: readonly string[],
  work: (debug: ElfFile, header: RawHeader, segments: readonly RawSegment[]) => T | null,
): T | null {
  const buildId = findBuildId(file, header, segments);
  const link = readLink(file, header);
  for (const candidate of candidates(file.path, buildId, link, roots)) {
    if (!existsSync(candidate)) continue;
    let open: ElfFile | null = null;
    try {
      open = new ElfFile(candidate);
      const debugHeader = readHeader(open);
      const debugSegments = readSegmentHeaders(open, debugHeader);
      if (!isItsFile(open, debugHeader, debugSegments, header, buildId, link)) continue;
      const done = work(open, debugHeader, debugSegments);
      if (done !== null) return done;
    } catch (error) {
      if (!(error instanceof BacktrailError)) throw error;
    } finally {
      open?.close();
    }
  }
  return null;
}

function candidates(
  file: string,
  buildId: string | null,
  link: Link | null,
  roots: readonly string[],
): string[] {
  const found: string[] = [];
  if (buildId !== null && buildId.length > 2) {
    const name = `${buildId.slice(0, 2)}/${buildId.slice(2)}.debug`;
    for (const root of roots) found.push(path.join(root, '.build-id', name));
  }
  if (link !== null) {
    const real = realpathSync(file);
    for (const folder of new Set([path.dirname(real), path.dirname(path.resolve(file))])) {
      found.push(path.join(folder, link.name), path.join(folder, '.debug', link.name));
      for (const root of roots) found.push(path.join(root, folder, link.name));
    }
    return found.filter((candidate) => candidate !== real);
  }
  return found;
}

function readLink(file: ElfFile, header: RawHeader): Link | null {
  const sections = readSections(file, header);
  const section = sections?.findNamed('.gnu_debuglink') ?? -1;
  if (sections === null || section < 0 || sections.size(section) > LINK_BYTES_MAX) return null;
  const content = sections.read(section, 'debug link');
  const end = content.bytes.indexOf(0);
  const at = Math.ceil((end + 1) / 4) * 4;
  if (end <= 0 || at + 4 > content.bytes.length) return null;
  const name = content.bytes.toString('utf8', 0, end);
  return name.includes('/') ? null : { name, crc: new Fields(content, header).u32(at) };
}

/**
 * Runs `work` on the file that several debug files share (`dwz`, the section .gnu_debugaltlink: its
 * path, NUL, its build id), open meanwhile; with null if there is none, or it is not here.
 */
export function withSharedFile<T>(
  file: ElfFile,
  header: RawHeader,
  roots: readonly string[],
  work: (shared: ElfFile | null) => T,
): T {
  const sections = readSections(file, header);
  const section = sections?.findNamed('.gnu_debugaltlink') ?? -1;
  if (sections === null || section < 0 || sections.size(section) > LINK_BYTES_MAX)
    return work(null);
  const { bytes } = sections.read(section, 'link to a shared debug file');
  const end = bytes.indexOf(0);
  if (end <= 0) return work(null);
  const id = bytes.toString('hex', end + 1);
  const name = `${id.slice(0, 2)}/${id.slice(2)}.debug`;
  const places = [
    path.resolve(path.dirname(realpathSync(file.path)), bytes.toString('utf8', 0, end)),
    ...roots.map((root) => path.join(root, '.build-id', name)),
  ];
  const shared = openShared(places, id);
  try {
    return work(shared);
  } finally {
    shared?.close();
  }
}

/** The first of the files that has the build id; null if none has. */
function openShared(places: readonly string[], id: string): ElfFile | null {
  for (const place of places) {
    if (!existsSync(place)) continue;
    let open: ElfFile | null = null;
    try {
      open = new ElfFile(place);
      const header = readHeader(open);
      if (findBuildId(open, header, readSegmentHeaders(open, header)) === id) return open;
    } catch (error) {
      if (!(error instanceof BacktrailError)) throw error;
    }
    open?.close();
  }
  return null;
}

/** Whether a debug file belongs to the program: equal build ids, or else its CRC. */
function isItsFile(
  debug: ElfFile,
  header: RawHeader,
  segments: readonly RawSegment[],
  program: RawHeader,
  buildId: string | null,
  link: Link | null,
): boolean {
  const isSameKind =
    header.machine === program.machine &&
    header.class === program.class &&
    header.endian === program.endian;
  if (!isSameKind) return false;
  const debugId = findBuildId(debug, header, segments);
  return buildId !== null && debugId !== null
    ? buildId === debugId
    : link !== null && crcOf(debug) === link.crc;
}

function crcOf(file: ElfFile): number {
  let crc = 0;
  for (let at = 0; at < file.size; at += CHUNK_BYTES) {
    crc = crc32(file.read(at, Math.min(CHUNK_BYTES, file.size - at), 'debug file').bytes, crc);
  }
  return crc;
}
