/**
 * Blanks out what is no code, so that the rules can look for words and braces without finding
 * those in comments and strings. Not a parser: enough for the code of this project, in TypeScript,
 * JavaScript and C. Offsets stay true: every view has the length of the source.
 */

export interface Masked {
  /** The source with comments and the insides of strings and regular expressions as spaces. */
  readonly code: string;
  /** The source with everything but comments as spaces. */
  readonly comments: string;
}

export type Language = 'ts' | 'c';

/** A `/` after one of these words starts a regular expression, after other words it divides. */
const WORDS_BEFORE_REGEX = new Set(
  'return typeof case in of do else void throw new delete instanceof yield await extends'.split(
    ' ',
  ),
);

export function mask(source: string, language: Language): Masked {
  const code = source.split(''); // UTF-16 units, so that offsets are those of the string
  const comments = code.map((unit): string => (unit === '\n' ? unit : ' '));
  const scan = new Scanner(source, language, (from, to, isComment) => {
    for (let i = from; i < to; i++) {
      if (source[i] === '\n') continue;
      if (isComment) comments[i] = source[i] ?? ' ';
      code[i] = ' ';
    }
  });
  scan.code(0, false);
  return { code: code.join(''), comments: comments.join('') };
}

type Blank = (from: number, to: number, isComment: boolean) => void;

class Scanner {
  readonly #source: string;
  readonly #isScript: boolean;
  readonly #blank: Blank;

  constructor(source: string, language: Language, blank: Blank) {
    this.#source = source;
    this.#isScript = language === 'ts';
    this.#blank = blank;
  }

  /** Scans code from `at`; inside `${…}` of a template up to its brace. Returns where it ended. */
  code(at: number, inTemplate: boolean): number {
    const source = this.#source;
    let depth = 0;
    let before = '';
    let i = at;
    while (i < source.length) {
      const unit = source.charAt(i);
      if (inTemplate && unit === '}' && depth === 0) return i;
      if (unit === '{') depth++;
      if (unit === '}') depth--;
      const end = this.#literal(i, before);
      if (end > i) {
        if (!source.startsWith('//', i) && !source.startsWith('/*', i)) before = 'literal)';
        i = end;
        continue;
      }
      const word = /[\w$]+/y;
      word.lastIndex = i;
      const found = word.exec(source)?.[0];
      if (!/\s/.test(unit)) before = found ?? unit;
      i += found?.length ?? 1;
    }
    return i;
  }

  /** The end of the comment, string, template or regular expression at `i`; `i` if none is. */
  #literal(i: number, before: string): number {
    const source = this.#source;
    const unit = source.charAt(i);
    if (unit === '/' && source.charAt(i + 1) === '/') return this.#comment(i, '\n', 0);
    if (unit === '/' && source.charAt(i + 1) === '*') return this.#comment(i, '*/', 2);
    if (unit === '"' || unit === "'") return this.#string(i, unit);
    if (!this.#isScript) return i;
    if (unit === '`') return this.#template(i);
    if (unit === '#' && i === 0 && source.startsWith('#!')) return this.#comment(i, '\n', 0);
    if (unit === '/' && startsRegex(before)) return this.#regex(i);
    return i;
  }

  #comment(i: number, close: string, closeLength: number): number {
    const found = this.#source.indexOf(close, i + 2);
    const end = found === -1 ? this.#source.length : found + closeLength;
    this.#blank(i, end, true);
    return end;
  }

  /** A quote that its line does not close is no string (an apostrophe in JSX or in #error). */
  #string(i: number, quote: string): number {
    for (let j = i + 1; j < this.#source.length; j++) {
      const unit = this.#source.charAt(j);
      if (unit === '\\') j++;
      else if (unit === '\n') break;
      else if (unit === quote) {
        this.#blank(i + 1, j, false);
        return j + 1;
      }
    }
    return i + 1;
  }

  #template(i: number): number {
    const source = this.#source;
    let from = i + 1;
    for (let j = from; j < source.length; j++) {
      const unit = source.charAt(j);
      if (unit === '\\') {
        j++;
      } else if (unit === '`') {
        this.#blank(from, j, false);
        return j + 1;
      } else if (unit === '$' && source.charAt(j + 1) === '{') {
        this.#blank(from, j, false);
        j = this.code(j + 2, true);
        from = j + 1;
      }
    }
    this.#blank(from, source.length, false);
    return source.length;
  }

  #regex(i: number): number {
    let inClass = false;
    for (let j = i + 1; j < this.#source.length; j++) {
      const unit = this.#source.charAt(j);
      if (unit === '\\') j++;
      else if (unit === '\n') break;
      else if (unit === '[') inClass = true;
      else if (unit === ']') inClass = false;
      else if (unit === '/' && !inClass) {
        this.#blank(i + 1, j, false);
        return j + 1;
      }
    }
    return i;
  }
}

function startsRegex(before: string): boolean {
  if (before === '' || WORDS_BEFORE_REGEX.has(before)) return true;
  return !/[\w$)\]]$/.test(before);
}
