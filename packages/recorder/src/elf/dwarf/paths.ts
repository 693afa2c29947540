/** Paths of source files, each once, by number. */
import { DwarfDamage } from './cursor.ts';
import { type LineProgram, pathOf } from './line-program.ts';

/** No file. */
export const NO_PATH = 0xffff_ffff;
/** Of all paths together; the largest builds have some 10 MB. */
const CHARACTERS_MAX = 1 << 28;

export class Paths {
  readonly list: string[] = [];
  readonly #numbers = new Map<string, number>();
  #characters = 0;

  numberOf(path: string | null): number {
    if (path === null) return NO_PATH;
    const known = this.#numbers.get(path);
    if (known !== undefined) return known;
    this.#characters += path.length;
    if (this.#characters > CHARACTERS_MAX) {
      const expected = `expected at most ${CHARACTERS_MAX} characters`;
      throw new DwarfDamage(`found longer paths, ${expected}`);
    }
    const number = this.list.length;
    this.list.push(path);
    this.#numbers.set(path, number);
    return number;
  }
}

/** The files of one line table by its own numbers, put together when first asked for. */
export class ProgramFiles {
  readonly #program: LineProgram;
  readonly #compDir: string | null;
  readonly #paths: Paths;
  readonly #numbers = new Map<number, number>();

  constructor(program: LineProgram, compDir: string | null, paths: Paths) {
    this.#program = program;
    this.#compDir = compDir;
    this.#paths = paths;
  }

  numberOf(file: number): number {
    const known = this.#numbers.get(file);
    if (known !== undefined) return known;
    const number = this.#paths.numberOf(pathOf(this.#program, file, this.#compDir));
    // Numbers of files that are not in the table are not kept: there may be any number of them.
    if (number !== NO_PATH) this.#numbers.set(file, number);
    return number;
  }
}
