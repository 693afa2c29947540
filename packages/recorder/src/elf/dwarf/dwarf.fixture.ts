/**
 * Small ELF files with DWARF in every version, byte order, class and format, since no machine has
 * compilers for all. One unit:
 *
 *   main 1000–1040                                           main.c
 *     outer, inlined 1008–1018 and 1020–1028, from line 10   lib/outer.h
 *       inner, inlined 100c–1010, from line 20               lib/outer.h
 */
import { FORM } from './codes.ts';
import { type DwarfKind, Out, Pool, type Sections } from './elf-with.fixture.ts';

const FILES = ['main.c', 'outer.h'] as const;

/** The line table: rows at +0, +8, +c, +10, +18, +20, +28 and the end at +40. */
function lineTable(kind: DwarfKind, base: bigint, lineTexts: Pool): Out {
  const { version } = kind;
  const names = new Out(kind);
  if (version === 5) {
    names.u8(1).uleb(1).uleb(FORM.lineStrp).uleb(2);
    for (const text of ['/src', 'lib']) names.offset(lineTexts.offset(text));
    // Path, directory, and an MD5 that nobody looks at.
    names.u8(3).uleb(1).uleb(FORM.string).uleb(2).uleb(FORM.udata).uleb(5).uleb(FORM.data16);
    names.uleb(2);
    for (const [i, file] of FILES.entries()) {
      names
        .text(file)
        .uleb(i)
        .u8(...new Uint8Array(16));
    }
  } else {
    names.text('lib').u8(0);
    for (const [i, file] of FILES.entries()) names.text(file).uleb(i).uleb(0).uleb(0);
    names.u8(0);
  }
  const first = version === 5 ? 0 : 1;
  const header = new Out(kind).u8(1);
  if (version >= 4) header.u8(1);
  header.u8(1, -3, 12, 13).u8(0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1).add(names);
  const program = new Out(kind);
  program
    .u8(0)
    .uleb(kind.is64 ? 9 : 5)
    .u8(2)
    .address(base);
  // set_file, set_column, copy: line 1.
  program.u8(4, first, 5, 7, 1);
  // +8, line 2 of the other file, by a special opcode: 13 + (1 + 3) + 12 × 8.
  program.u8(4, first + 1, 5, 0, 13 + 4 + 96);
  // +4, line 3 + 150 by advance_pc, advance_line; not a statement.
  program.u8(2, 4, 3).uleb(150).u8(6, 1, 6);
  return sizedTable(kind, header, program, first);
}

function sizedTable(kind: DwarfKind, header: Out, program: Out, first: number): Out {
  // const_add_pc moves by (255 - 13) / 12 = 20 bytes: to +0x20; then fixed_advance_pc to +0x28.
  program.u8(8).u8(4, first, 5, 3, 1);
  program.u8(9).number(2, 8).u8(3, 0x7f, 1);
  // Two rows at one address: the second counts.
  program.u8(3, 5, 1);
  program.u8(2).uleb(0x18).u8(0, 1, 1);
  const content = new Out(kind).number(2, kind.version);
  if (kind.version === 5) content.u8(kind.is64 ? 8 : 4, 0);
  content.offset(header.size).add(header).add(program);
  return new Out(kind).sized(content);
}

type Attribute = readonly [attribute: number, form: number, value: number | string | bigint];

interface Node {
  readonly tag: number;
  readonly attributes: readonly Attribute[];
  /** So that others can refer to it. */
  readonly label?: string;
  readonly children?: readonly Node[];
}

const AT = {
  name: 0x03,
  stmtList: 0x10,
  lowPc: 0x11,
  highPc: 0x12,
  compDir: 0x1b,
  inline: 0x20,
  abstractOrigin: 0x31,
  specification: 0x47,
  ranges: 0x55,
  callColumn: 0x57,
  callFile: 0x58,
  callLine: 0x59,
  linkageName: 0x6e,
  strOffsetsBase: 0x72,
  addrBase: 0x73,
  rnglistsBase: 0x74,
  mipsLinkageName: 0x2007,
} as const;
const TAG = { lexicalBlock: 0x0b, unit: 0x11, inlined: 0x1d, subprogram: 0x2e } as const;

/** The unit, its abbreviations and what it points to, by the forms that its version has. */
function unitTree(kind: DwarfKind, base: bigint): Node {
  const { version } = kind;
  const isNew = version === 5;
  const text = isNew ? FORM.strx1 : version === 2 ? FORM.string : FORM.strp;
  const section = version >= 4 ? FORM.secOffset : kind.isLong ? FORM.data8 : FORM.data4;
  const reference = version === 2 ? FORM.refUdata : version === 3 ? FORM.refAddr : FORM.ref4;
  const first = isNew ? 0 : 1;
  const high = (from: bigint, size: number): Attribute =>
    version < 4 ? [AT.highPc, FORM.addr, from + BigInt(size)] : [AT.highPc, FORM.data1, size];
  const low = (at: bigint, index: number): Attribute =>
    isNew ? [AT.lowPc, FORM.addrx, index] : [AT.lowPc, FORM.addr, at];
  const inlined = (label: string, file: number, line: number, column: number): Attribute[] => [
    [AT.abstractOrigin, reference, label],
    [AT.callFile, isNew ? FORM.implicitConst : FORM.data1, file],
    [AT.callLine, FORM.udata, line],
    [AT.callColumn, FORM.data2, column],
  ];
  const bases: Attribute[] = isNew
    ? [
        [AT.strOffsetsBase, FORM.secOffset, kind.isLong ? 16 : 8],
        [AT.addrBase, FORM.secOffset, kind.isLong ? 16 : 8],
        [AT.rnglistsBase, FORM.secOffset, kind.isLong ? 20 : 12],
      ]
    : [];
  const inner: Node = {
    tag: TAG.inlined,
    attributes: [
      ...inlined('inner', first + 1, 20, 300),
      low(base + 0xcn, 1),
      high(base + 0xcn, 4),
    ],
  };
  const outer: Node = {
    tag: TAG.inlined,
    attributes: [
      ...inlined('outer', first, 10, 5),
      version === 2
        ? [AT.lowPc, FORM.addr, base + 8n]
        : [AT.ranges, isNew ? FORM.rnglistx : section, 0],
      ...(version === 2 ? [high(base + 8n, 0x10)] : []),
    ],
    children: [{ tag: TAG.lexicalBlock, attributes: [], children: [inner] }],
  };
  const unit: Attribute[] = [
    [AT.name, text, 'main.c'],
    [AT.compDir, text, '/src'],
    [AT.stmtList, section, 0],
    low(base, 0),
    high(base, 0x40),
    ...bases,
  ];
  const main: Attribute[] = [[AT.name, text, 'main'], low(base, 0), high(base, 0x40)];
  const children = [
    ...declarations(version, text, reference),
    { tag: TAG.subprogram, attributes: main, children: [outer] },
  ];
  return { tag: TAG.unit, attributes: unit, children };
}

/** The functions that others are instances of. */
function declarations(version: number, text: number, reference: number): Node[] {
  const linkageName = version < 4 ? AT.mipsLinkageName : AT.linkageName;
  const inline: Attribute = [AT.inline, FORM.data1, 1];
  const declared: Attribute[] = [
    [AT.name, text, 'inner'],
    [linkageName, text, '_Z5innerv'],
  ];
  const inner: Attribute[] = [[AT.specification, reference, 'declared'], inline];
  return [
    { tag: TAG.subprogram, label: 'declared', attributes: declared },
    { tag: TAG.subprogram, label: 'inner', attributes: inner },
    { tag: TAG.subprogram, label: 'outer', attributes: [[AT.name, text, 'outer'], inline] },
  ];
}

/** Writes a tree twice: the second time it knows where everything is. */
class UnitWriter {
  readonly strings: Pool;
  readonly abbreviations: Out;
  readonly indexed: string[] = [];
  readonly #kind: DwarfKind;
  #labels = new Map<string, number>();
  #code = 0;

  constructor(kind: DwarfKind) {
    this.#kind = kind;
    this.strings = new Pool(kind);
    this.abbreviations = new Out(kind);
  }

  write(tree: Node): Out {
    this.#pass(tree);
    this.abbreviations.bytes.length = 0;
    this.#code = 0;
    const out = this.#pass(tree);
    this.abbreviations.u8(0);
    return out;
  }

  #pass(tree: Node): Out {
    const { version, is64, isLong } = this.#kind;
    const content = new Out(this.#kind).number(2, version);
    if (version === 5) content.u8(1, is64 ? 8 : 4).offset(0);
    else content.offset(0).u8(is64 ? 8 : 4);
    this.#node(content, tree, isLong ? 12 : 4);
    return new Out(this.#kind).sized(content);
  }

  #node(out: Out, node: Node, headBytes: number): void {
    const children = node.children ?? [];
    if (node.label !== undefined) this.#labels.set(node.label, out.size + headBytes);
    this.#code++;
    this.abbreviations
      .uleb(this.#code)
      .uleb(node.tag)
      .u8(children.length > 0 ? 1 : 0);
    out.uleb(this.#code);
    for (const [attribute, form, value] of node.attributes) {
      this.abbreviations.uleb(attribute).uleb(form);
      if (form === FORM.implicitConst) this.abbreviations.uleb(Number(value));
      else this.#value(out, form, value);
    }
    this.abbreviations.u8(0, 0);
    for (const child of children) this.#node(out, child, headBytes);
    if (children.length > 0) out.u8(0);
  }

  #value(out: Out, form: number, value: number | string | bigint): void {
    const { version, is64 } = this.#kind;
    const at = typeof value === 'string' ? (this.#labels.get(value) ?? 0) : Number(value);
    const text = String(value);
    switch (form) {
      case FORM.string:
        out.text(text);
        break;
      case FORM.strp:
        out.offset(this.strings.offset(text));
        break;
      case FORM.strx1:
        if (!this.indexed.includes(text)) this.indexed.push(text);
        out.u8(this.indexed.indexOf(text));
        break;
      case FORM.addr:
        out.address(BigInt(value));
        break;
      case FORM.refAddr:
        if (version === 2) out.number(is64 ? 8 : 4, at);
        else out.offset(at);
        break;
      case FORM.ref4:
      case FORM.data4:
        out.number(4, at);
        break;
      case FORM.secOffset:
        out.offset(at);
        break;
      case FORM.data8:
        out.number(8, at);
        break;
      case FORM.data2:
        out.number(2, at);
        break;
      case FORM.data1:
        out.u8(at);
        break;
      // Padded, so that it is of one size in both passes.
      case FORM.refUdata:
        out.u8((at % 128) + 128, Math.floor(at / 128) + 128, 0);
        break;
      default:
        out.uleb(at);
    }
  }
}

/** The debug sections of one kind. */
export function dwarfSections(kind: DwarfKind): Sections {
  const base = kind.base ?? 0x1000n;
  const writer = new UnitWriter(kind);
  const info = writer.write(unitTree(kind, base));
  const lineTexts = new Pool(kind);
  const line = lineTable(kind, base, lineTexts);
  const sections: Record<string, Out> = { info, abbrev: writer.abbreviations, line };
  if (kind.version === 3 || kind.version === 4) {
    sections['str'] = writer.strings.out;
    const ranges = new Out(kind);
    for (const [from, to] of [
      [8n, 0x18n],
      [0x20n, 0x28n],
      [0n, 0n],
    ] as const) {
      ranges.address(from).address(to);
    }
    sections['ranges'] = ranges;
  }
  if (kind.version === 5) Object.assign(sections, newSections(kind, writer, base));
  if (kind.version === 5) sections['line_str'] = lineTexts.out;
  return Object.fromEntries(
    Object.entries(sections).map(([name, out]) => [`.debug_${name}`, Buffer.from(out.bytes)]),
  );
}

/** What DWARF 5 reaches by index. */
function newSections(kind: DwarfKind, writer: UnitWriter, base: bigint): Record<string, Out> {
  const offsets = new Out(kind).number(2, 5).number(2, 0);
  for (const text of writer.indexed) offsets.offset(writer.strings.offset(text));
  const addressBytes = kind.is64 ? 8 : 4;
  const addresses = new Out(kind).number(2, 5).u8(addressBytes, 0);
  addresses
    .address(base)
    .address(base + 0xcn)
    .address(base + 0x20n);
  // One list: an offset pair, then a start by index with a length.
  const lists = new Out(kind).number(2, 5).u8(addressBytes, 0).number(4, 1);
  lists.offset(kind.isLong ? 8 : 4);
  lists.u8(4).uleb(8).uleb(0x18).u8(3).uleb(2).uleb(8).u8(0);
  return {
    str: writer.strings.out,
    str_offsets: new Out(kind).sized(offsets),
    addr: new Out(kind).sized(addresses),
    rnglists: new Out(kind).sized(lists),
  };
}
