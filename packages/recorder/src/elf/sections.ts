/**
 * The section headers of an ELF file (gABI, "Sections"), read in one go and looked at in place: a
 * relocatable file may have hundreds of thousands.
 *
 *                32 bit  64 bit                    32 bit  64 bit
 *   sh_name           0       0       sh_size          20      32
 *   sh_type           4       4       sh_link          24      40
 *   sh_flags          8       8       sh_info          28      44
 *   sh_addr          12      16       sh_addralign     32      48
 *   sh_offset        16      24       sh_entsize       36      56
 */
import { type Bytes, type ElfFile, elfError } from './file.ts';
import { Fields, type RawHeader, SECTION_HEADER_BYTES } from './header.ts';

export const SHT_SYMTAB = 2;
export const SHT_NOTE = 7;
export const SHT_NOBITS = 8;
export const SHT_DYNSYM = 11;
export const SHT_SYMTAB_SHNDX = 18;

const SHF_ALLOC = 2;
const SHF_EXECINSTR = 4;
const SHF_COMPRESSED = 0x800;

/** A section number that means: see sh_link of section 0. */
const SHN_XINDEX = 0xffff;

/**
 * Null where the file has no section headers: they are not needed to run it, and some tools strip
 * them. @throws BacktrailError if it has damaged ones.
 */
export function readSections(file: ElfFile, header: RawHeader): SectionTable | null {
  const { sectionOffset } = header;
  const step = SECTION_HEADER_BYTES[header.class];
  if (sectionOffset === 0) return null;
  if (header.sectionCount !== 0 && header.sectionNames !== SHN_XINDEX) {
    checkStep(file, header, step);
    return new SectionTable(file, header, header.sectionCount, header.sectionNames);
  }
  // Strippers leave the offset and clear the count; the same stands for a count over 16 bits.
  if (header.sectionCount === 0 && !file.has(sectionOffset, step)) return null;
  if (header.sectionCount === 0 && header.sectionBytes !== step) return null;
  checkStep(file, header, step);
  const is64 = header.class === 64;
  const zero = new Fields(file.read(sectionOffset, step, 'section 0'), header);
  const count = header.sectionCount === 0 ? zero.word(is64 ? 32 : 20) : header.sectionCount;
  if (count === 0) return null;
  const isLong = header.sectionNames === SHN_XINDEX;
  const names = isLong ? zero.u32(is64 ? 40 : 24) : header.sectionNames;
  return new SectionTable(file, header, count, names);
}

function checkStep(file: ElfFile, header: RawHeader, expected: number): void {
  if (header.sectionBytes === expected) return;
  const what = 'bytes of a section header';
  throw elfError(file.path, what, `${header.sectionBytes}`, `${expected}`);
}

export class SectionTable {
  readonly count: number;
  readonly #file: ElfFile;
  readonly #fields: Fields;
  readonly #step: number;
  readonly #is64: boolean;
  readonly #namesIndex: number;

  constructor(file: ElfFile, header: RawHeader, count: number, namesIndex: number) {
    this.count = count;
    this.#file = file;
    this.#step = SECTION_HEADER_BYTES[header.class];
    this.#is64 = header.class === 64;
    this.#namesIndex = namesIndex;
    const bytes = file.read(header.sectionOffset, count * this.#step, 'section headers');
    this.#fields = new Fields(bytes, header);
  }

  type(section: number): number {
    return this.#fields.u32(section * this.#step + 4);
  }

  link(section: number): number {
    return this.#fields.u32(section * this.#step + (this.#is64 ? 40 : 24));
  }

  offset(section: number): number {
    return this.#fields.word(section * this.#step + (this.#is64 ? 24 : 16));
  }

  size(section: number): number {
    return this.#fields.word(section * this.#step + (this.#is64 ? 32 : 20));
  }

  entryBytes(section: number): number {
    return this.#fields.word(section * this.#step + (this.#is64 ? 56 : 36));
  }

  address(section: number): bigint {
    return this.#fields.wordBig(section * this.#step + (this.#is64 ? 16 : 12));
  }

  /** True if the section is a part of the program in memory. */
  isAllocated(section: number): boolean {
    return (this.#flags(section) & SHF_ALLOC) !== 0;
  }

  /** True if the section is a part of the program in memory and holds instructions. */
  isExecutable(section: number): boolean {
    const both = SHF_ALLOC | SHF_EXECINSTR;
    return (this.#flags(section) & both) === both;
  }

  isCompressed(section: number): boolean {
    return (this.#flags(section) & SHF_COMPRESSED) !== 0;
  }

  /** The first section of a type, or -1. */
  find(type: number): number {
    for (let section = 1; section < this.count; section++) {
      if (this.type(section) === type) return section;
    }
    return -1;
  }

  /** The first section of a name, or -1. */
  findNamed(name: string): number {
    if (this.#namesIndex <= 0 || this.#namesIndex >= this.count) return -1;
    const names = this.read(this.#namesIndex, 'section names').bytes;
    const wanted = Buffer.from(`${name}\0`, 'latin1');
    for (let section = 1; section < this.count; section++) {
      const at = this.#fields.u32(section * this.#step);
      const end = at + wanted.length;
      if (end <= names.length && names.compare(wanted, 0, wanted.length, at, end) === 0) {
        return section;
      }
    }
    return -1;
  }

  /** The bytes of a section. @throws BacktrailError if it does not lie within the file. */
  read(section: number, what: string): Bytes {
    this.#checkContent(section, what);
    return this.#file.read(this.offset(section), this.size(section), what);
  }

  #flags(section: number): number {
    // The low word holds every flag of use here.
    const at = section * this.#step + 8;
    return this.#fields.u32(this.#is64 && !this.#fields.isLittle ? at + 4 : at);
  }

  #checkContent(section: number, what: string): void {
    if (section <= 0 || section >= this.count) {
      const expected = `1 to ${this.count - 1}`;
      throw elfError(this.#file.path, what, `section ${section}`, expected);
    }
    if (this.type(section) === SHT_NOBITS) {
      throw elfError(this.#file.path, what, 'a section without bytes', 'one with bytes');
    }
  }
}
