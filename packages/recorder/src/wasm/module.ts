/**
 * A WebAssembly module in binary form.
 *
 *   0  "\0asm", u32 1
 *   8  sections, each: u8 id, LEB size, content; in the order type 1, import 2, function 3,
 *      table 4, memory 5, global 6, export 7, element 9, code 10
 *
 * Source: WebAssembly Core Specification 2.0, chapter 5.5.
 */
import { ByteWriter } from './bytes.ts';
import type { CodeWriter } from './code.ts';
import { FUNCREF, type ValueType } from './opcodes.ts';

export interface FunctionType {
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
}

interface Import {
  readonly module: string;
  readonly name: string;
  readonly write: (out: ByteWriter) => void;
}

interface Definition {
  readonly type: number;
  readonly code: CodeWriter;
}

/** A finished module. */
export interface ModuleBytes {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /**
   * For each function that the module defines, in order: byte offset in `bytes` of its first
   * instruction. Add `CodeWriter.at` to get the place of any instruction.
   */
  readonly bodyAt: readonly number[];
}

const LIMITS_MIN = 0;
const LIMITS_SHARED = 3;

export class ModuleWriter {
  readonly #types: FunctionType[] = [];
  readonly #typeIndex = new Map<string, number>();
  readonly #imports: Import[] = [];
  readonly #functions: Definition[] = [];
  readonly #exports: { readonly name: string; readonly kind: number; readonly index: number }[] =
    [];
  readonly #elements: { readonly at: number; readonly functions: readonly number[] }[] = [];
  #functionImports = 0;

  /** The index of this type; the same for equal types. */
  type(parameters: readonly ValueType[], results: readonly ValueType[]): number {
    const key = `${parameters.join()}>${results.join()}`;
    const known = this.#typeIndex.get(key);
    if (known !== undefined) return known;
    this.#typeIndex.set(key, this.#types.length);
    return this.#types.push({ parameters, results }) - 1;
  }

  /** Parameters of a type: what a CodeWriter of that type begins with. */
  parameterCount(type: number): number {
    return this.#types[type]?.parameters.length ?? 0;
  }

  /** All imports come before the first `define`. @returns the function's index. */
  importFunction(module: string, name: string, type: number): number {
    if (this.#functions.length > 0) throw new Error(`import of ${name} after a definition`);
    this.#addImport(module, name, (out) => {
      out.u8(0);
      out.unsigned(type);
    });
    return this.#functionImports++;
  }

  /** Memory 0, shared. Sizes in pages of 64 KiB. */
  importMemory(module: string, name: string, pagesMin: number, pagesMax: number): void {
    this.#addImport(module, name, (out) => {
      out.u8(2);
      out.u8(LIMITS_SHARED);
      out.unsigned(pagesMin);
      out.unsigned(pagesMax);
    });
  }

  /** Table 0 of functions. */
  importTable(module: string, name: string, sizeMin: number): void {
    this.#addImport(module, name, (out) => {
      out.u8(1);
      out.u8(FUNCREF);
      out.u8(LIMITS_MIN);
      out.unsigned(sizeMin);
    });
  }

  #addImport(module: string, name: string, write: (out: ByteWriter) => void): void {
    this.#imports.push({ module, name, write });
  }

  /** The index that the next `define` will return. */
  get nextFunction(): number {
    return this.#functionImports + this.#functions.length;
  }

  /** @returns the function's index. The code may still be written to until `finish`. */
  define(type: number, code: CodeWriter): number {
    return this.#functionImports + this.#functions.push({ type, code }) - 1;
  }

  exportFunction(name: string, index: number): void {
    this.#exports.push({ name, kind: 0, index });
  }

  /** Puts functions into table 0 from place `at` on when the module is instantiated. */
  element(at: number, functions: readonly number[]): void {
    this.#elements.push({ at, functions });
  }

  finish(): ModuleBytes {
    const out = new ByteWriter(4096);
    out.bytes(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    section(out, 1, this.#types, (at, { parameters, results }) => {
      at.u8(0x60);
      for (const list of [parameters, results]) {
        at.unsigned(list.length);
        for (const type of list) at.u8(type);
      }
    });
    section(out, 2, this.#imports, (at, { module, name, write }) => {
      at.name(module);
      at.name(name);
      write(at);
    });
    section(out, 3, this.#functions, (at, { type }) => at.unsigned(type));
    section(out, 7, this.#exports, (at, { name, kind, index }) => {
      at.name(name);
      at.u8(kind);
      at.unsigned(index);
    });
    section(out, 9, this.#elements, (at, { at: place, functions }) => {
      at.u8(0);
      at.u8(0x41);
      at.signed(place);
      at.u8(0x0b);
      at.unsigned(functions.length);
      for (const index of functions) at.unsigned(index);
    });
    writeHints(out, this.#functions, this.#functionImports);
    const inSection: number[] = [];
    const codeAt = section(out, 10, this.#functions, (at, { code }) => {
      inSection.push(writeBody(at, code));
    });
    return {
      bytes: out.view().slice(),
      bodyAt: inSection.map((at) => codeAt + at),
    };
  }
}

/** Writes a section unless it is empty; where its content begins in `out`. */
function section<T>(
  out: ByteWriter,
  id: number,
  items: readonly T[],
  write: (out: ByteWriter, item: T) => void,
): number {
  if (items.length === 0) return out.at;
  const content = new ByteWriter(4096);
  content.unsigned(items.length);
  for (const item of items) write(content, item);
  out.u8(id);
  out.unsigned(content.at);
  const contentAt = out.at;
  out.bytes(content.view());
  return contentAt;
}

/**
 * The custom section metadata.code.branch_hint: for each function its index and hints, each an
 * offset from the start of the local declarations, a length of 1, and 0 for "not taken". Source:
 * the branch hinting proposal, which puts it before the code.
 */
function writeHints(
  out: ByteWriter,
  functions: readonly Definition[],
  functionImports: number,
): void {
  const hinted = functions
    .map(({ code }, index) => ({ code, index: functionImports + index }))
    .filter(({ code }) => code.unlikelyAt.length > 0);
  if (hinted.length === 0) return;
  const content = new ByteWriter(1024);
  content.name('metadata.code.branch_hint');
  content.unsigned(hinted.length);
  for (const { code, index } of hinted) {
    const headBytes = localsOf(code).at;
    content.unsigned(index);
    content.unsigned(code.unlikelyAt.length);
    for (const at of code.unlikelyAt) {
      content.unsigned(headBytes + at);
      content.u8(1);
      content.u8(0);
    }
  }
  out.u8(0);
  out.unsigned(content.at);
  out.bytes(content.view());
}

/** Local declarations: runs of one type. */
function localsOf(code: CodeWriter): ByteWriter {
  const head = new ByteWriter(64);
  const runs: { type: ValueType; count: number }[] = [];
  for (const type of code.localTypes) {
    const last = runs.at(-1);
    if (last?.type === type) last.count++;
    else runs.push({ type, count: 1 });
  }
  head.unsigned(runs.length);
  for (const { type, count } of runs) {
    head.unsigned(count);
    head.u8(type);
  }
  return head;
}

/** Size, local declarations, instructions, end; where the instructions begin. */
function writeBody(out: ByteWriter, code: CodeWriter): number {
  const head = localsOf(code);
  const body = code.view();
  out.unsigned(head.at + body.length + 1);
  out.bytes(head.view());
  const at = out.at;
  out.bytes(body);
  out.u8(0x0b);
  return at;
}
