/** Finds the functions of a source by their brackets: no parser, but the same answer for ours. */
import { lineAt } from './files.ts';
import { type Language, mask } from './mask.ts';

export interface FunctionRange {
  readonly name: string;
  /** 1-based, where the name or the parameters begin. */
  readonly line: number;
  /** From that line to the closing brace, both counted. */
  readonly lines: number;
}

/** Functions, methods and arrow functions with a body in braces; groups of tests are none. */
export function functionsOf(text: string, language: Language): FunctionRange[] {
  const { code } = mask(text, language);
  const partner = pairBrackets(code);
  const starts = language === 'c' ? startsOfC(code, partner) : startsOfScript(code, partner);
  return starts.map(({ name, at, brace }) => {
    const line = lineAt(text, at);
    return { name, line, lines: lineAt(text, partner.get(brace) ?? text.length) - line + 1 };
  });
}

interface Start {
  readonly name: string;
  readonly at: number;
  /** Offset of the `{` that opens the body. */
  readonly brace: number;
}

type Partners = ReadonlyMap<number, number>;

/** `word (…) {` is no function for these. */
const CONTROL_WORDS = new Set(['if', 'for', 'while', 'switch', 'catch', 'with', 'await']);
/** Words that a type goes on after. */
const TYPE_PREFIXES = new Set(['readonly', 'keyof', 'typeof', 'unique', 'asserts', 'new', 'is']);

/** Offsets of brackets to those of their partners, both ways. */
function pairBrackets(code: string): Partners {
  const partner = new Map<number, number>();
  const open: number[] = [];
  for (const { 0: bracket, index } of code.matchAll(/[()[\]{}]/g)) {
    if ('([{'.includes(bracket)) {
      open.push(index);
      continue;
    }
    const from = open.pop();
    if (from === undefined) continue;
    partner.set(from, index);
    partner.set(index, from);
  }
  return partner;
}

/** In C, a body's brace follows `)` and the line of the name is not indented. */
function startsOfC(code: string, partner: Partners): Start[] {
  const starts: Start[] = [];
  for (const { index } of code.matchAll(/\)\s*\{/g)) {
    const open = partner.get(index);
    if (open === undefined) continue;
    const name = /(\w+)\s*$/.exec(tailBefore(code, open))?.[1] ?? '';
    const at = code.lastIndexOf('\n', open) + 1;
    const isIndented = /\s/.test(code.charAt(at));
    if (name === '' || isIndented || CONTROL_WORDS.has(name)) continue;
    starts.push({ name, at, brace: code.indexOf('{', index) });
  }
  return starts;
}

function startsOfScript(code: string, partner: Partners): Start[] {
  const starts: Start[] = [];
  /** Offset of `=>` to that of its parameters, for those in parentheses. */
  const parameters = new Map<number, number>();
  for (const { index: open } of code.matchAll(/\(/g)) {
    const close = partner.get(open);
    if (close === undefined) continue;
    const after = afterParameters(code, close, partner);
    if (code.startsWith('=>', after)) parameters.set(after, open);
    if (code.charAt(after) !== '{') continue;
    const start = startOfMethod(code, open, after);
    if (start !== null) starts.push(start);
  }
  for (const { index: arrow, 0: match } of code.matchAll(/=>\s*\{/g)) {
    const single = /[\w$]+\s*$/.exec(tailBefore(code, arrow))?.[0].length ?? 0;
    const at = parameters.get(arrow) ?? arrow - single;
    if (isTestGroup(code, at, partner)) continue;
    starts.push({ ...nameOfArrow(code, at), brace: arrow + match.length - 1 });
  }
  return starts.sort((a, b) => a.at - b.at);
}

/** A function or method whose parameters open at `open`; null for `if (…) {` and its like. */
function startOfMethod(code: string, open: number, brace: number): Start | null {
  const head = tailBefore(code, open);
  // A name, then type parameters up to two deep: `f<T extends A<B>>`.
  const found = /([\w$#]+)\s*(?:<(?:[^<>]|=>|<[^<>]*>)*>\s*)?$/.exec(head);
  const name = found?.[1] ?? '(computed)';
  const at = open - (found?.[0].length ?? 0);
  if (CONTROL_WORDS.has(name)) return null;
  // `class A extends mixin(B) {` opens no function.
  if (/\b(?:extends|implements)\s+$/.test(tailBefore(code, at))) return null;
  return { name: name === 'function' ? '(anonymous)' : name, at, brace };
}

/** Past the `)` of parameters and a return type: the offset of what follows. */
function afterParameters(code: string, close: number, partner: Partners): number {
  let i = skipSpace(code, close + 1);
  if (code.charAt(i) !== ':') return i;
  for (;;) {
    const operand = skipSpace(code, i + 1);
    i = skipOperand(code, operand, partner);
    if (i === operand) return i;
    i = skipSpace(code, i);
    const word = /[\w$]+/y;
    word.lastIndex = i;
    const found = word.exec(code)?.[0] ?? '';
    const isFunctionType = code.startsWith('=>', i) && code.charAt(operand) === '(';
    if (isFunctionType) i += 1;
    else if (found === 'is' || found === 'extends') i += found.length - 1;
    else if (!'|&'.includes(code.charAt(i)) || i >= code.length) return i;
  }
}

/** Past one operand of a type: a name with its arguments, a literal, or something in brackets. */
function skipOperand(code: string, at: number, partner: Partners): number {
  let i = at;
  const unit = code.charAt(i);
  if ('([{'.includes(unit) && unit !== '') {
    i = (partner.get(i) ?? i) + 1;
  } else if ('\'"`'.includes(unit) && unit !== '') {
    i = code.indexOf(unit, i + 1) + 1;
  } else {
    const word = /[|&\s]*[-\w$.]+/y;
    word.lastIndex = i;
    const found = word.exec(code)?.[0] ?? '';
    i += found.length;
    if (TYPE_PREFIXES.has(found)) return skipOperand(code, skipSpace(code, i), partner);
    if (code.charAt(i) === '<') i = skipAngles(code, i);
  }
  while (code.charAt(i) === '[') i = (partner.get(i) ?? i) + 1;
  return i;
}

function skipAngles(code: string, at: number): number {
  let depth = 0;
  for (let i = at; i < code.length; i++) {
    if (code.charAt(i) === '<') depth++;
    if (code.charAt(i) === '>' && code.charAt(i - 1) !== '=') depth--;
    if (depth === 0) return i + 1;
  }
  return code.length;
}

function skipSpace(code: string, at: number): number {
  const space = /\s*/y;
  space.lastIndex = at;
  return at + (space.exec(code)?.[0].length ?? 0);
}

/** Enough of what precedes an offset to know a name by; all of it would make this quadratic. */
function tailBefore(code: string, at: number): string {
  return code.slice(Math.max(0, at - 300), at);
}

/** The name an arrow function is given, by a declaration or a property. */
function nameOfArrow(code: string, at: number): { name: string; at: number } {
  const before = tailBefore(code, at);
  const tail = String.raw`(?:async\s*)?(?:<(?:[^<>()]|<[^<>]*>)*>\s*)?$`;
  const declared = new RegExp(String.raw`\b(?:const|let)\s+([\w$]+)\s*(?::[^;=]*)?=\s*${tail}`);
  const property = new RegExp(String.raw`([\w$#]+)\s*[:=]\s*${tail}`);
  const found = declared.exec(before) ?? property.exec(before);
  if (found === null) return { name: '(arrow)', at };
  return { name: found[1] ?? '', at: at - before.length + found.index };
}

/** True for the function handed to describe(): a group of tests may be as long as its file. */
function isTestGroup(code: string, at: number, partner: Partners): boolean {
  let i = at - 1;
  while (i >= 0 && !'([{'.includes(code.charAt(i))) {
    i = ')]}'.includes(code.charAt(i)) ? (partner.get(i) ?? i) - 1 : i - 1;
  }
  if (code.charAt(i) !== '(') return false;
  const end = i;
  i--;
  while (/[\w$.)]/.test(code.charAt(i))) {
    i = code.charAt(i) === ')' ? (partner.get(i) ?? 0) - 1 : i - 1;
  }
  return /^(?:describe|suite)\b/.test(code.slice(i + 1, end));
}
