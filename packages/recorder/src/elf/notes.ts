/**
 * The GNU build id: the note NT_GNU_BUILD_ID of the owner "GNU".
 *
 *   0  namesz   4  descsz   8  type   12  name, padded   …  desc, padded
 *
 * Padded to 4 bytes, in a segment or section aligned to 8 to 8 bytes (gABI, "Note Section").
 */
import { type Bytes, type ElfFile, elfError } from './file.ts';
import { Fields, PT_NOTE, type RawHeader, type RawSegment } from './header.ts';
import { readSections, type SectionTable, SHT_NOTE } from './sections.ts';

const NT_GNU_BUILD_ID = 3;
/** SHA-1 has 20 bytes, SHA-256 32; `--build-id=0x…` may give any. */
const BUILD_ID_BYTES_MAX = 64;
/** Enough for every note of a program; a core file's notes run to megabytes and are not ours. */
const NOTES_BYTES_MAX = 1 << 20;
/** Sections and segments looked at; a linker writes a handful. */
const NOTE_PARTS_MAX = 64;

/**
 * Lower-case hex; null if the file has none.
 * @throws BacktrailError if it cannot be told, because notes or section headers are cut off.
 */
export function findBuildId(
  file: ElfFile,
  header: RawHeader,
  segments: readonly RawSegment[],
): string | null {
  const notes = segments.filter((one) => one.type === PT_NOTE).slice(0, NOTE_PARTS_MAX);
  const cut: RawSegment[] = [];
  for (const segment of notes) {
    if (!file.has(segment.offset, segment.fileSize)) cut.push(segment);
    const id = buildIdAt(file, header, segment.offset, segment.fileSize);
    if (id !== null) return id;
  }
  // A split debug file keeps the note's section, while its program headers are the program's.
  const sections = readSections(file, header);
  if (sections !== null) return buildIdOfSections(file, header, sections);
  const [first] = cut;
  if (first === undefined) return null;
  const range = `bytes ${first.offset} to ${first.offset + first.fileSize}`;
  throw elfError(file.path, 'notes', range, `an end within the file's ${file.size} bytes`);
}

function buildIdOfSections(
  file: ElfFile,
  header: RawHeader,
  sections: SectionTable,
): string | null {
  let seen = 0;
  for (let section = 1; section < sections.count && seen < NOTE_PARTS_MAX; section++) {
    if (sections.type(section) !== SHT_NOTE) continue;
    seen++;
    const id = buildIdAt(file, header, sections.offset(section), sections.size(section));
    if (id !== null) return id;
  }
  return null;
}

/** Looks with both paddings: the alignment that headers claim is not what tools wrote. */
function buildIdAt(file: ElfFile, header: RawHeader, offset: number, size: number): string | null {
  const length = Math.min(size, NOTES_BYTES_MAX);
  if (length < 16 || !file.has(offset, length)) return null;
  const bytes = file.read(offset, length, 'notes');
  return scanNotes(bytes, header, 4) ?? scanNotes(bytes, header, 8);
}

function scanNotes(bytes: Bytes, header: RawHeader, padding: number): string | null {
  const fields = new Fields(bytes, header);
  const { length } = bytes.bytes;
  const pad = (size: number): number => Math.ceil(size / padding) * padding;
  let at = 0;
  while (at + 12 <= length) {
    const nameBytes = fields.u32(at);
    const idBytes = fields.u32(at + 4);
    const id = pad(at + 12 + nameBytes);
    const end = id + idBytes;
    if (end > length) return null;
    const isGnu = nameBytes === 4 && bytes.bytes.toString('latin1', at + 12, at + 16) === 'GNU\0';
    const isId = isGnu && fields.u32(at + 8) === NT_GNU_BUILD_ID;
    if (isId && idBytes > 0 && idBytes <= BUILD_ID_BYTES_MAX) {
      return bytes.bytes.toString('hex', id, end);
    }
    at = pad(end);
  }
  return null;
}
