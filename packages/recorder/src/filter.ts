/**
 * What of the code is recorded: `--filter` as the user wrote it, as rules that an engine can keep.
 * docs/commands.md and docs/ring.md say what becomes of the rest.
 */
import { basename } from 'node:path';
import { firstCode } from './elf/elf.ts';
import { machineIsa } from './engines/choose.ts';
import type { FilterRule, FilterRules } from './engines/engine.ts';
import { findProgram } from './engines/find-program.ts';
import { fitsPattern } from './engines/pattern.ts';
import { BacktrailError } from './errors.ts';
import { collectModules } from './modules.ts';
import { symbolFile, symbolMaps, withSymbolLists } from './symbol-files.ts';
import type { SymbolFile } from './trace/manifest.ts';
import { privilegeLevels } from './trace/privilege.ts';
import type { SymbolTable } from './trace/trace.ts';
import { SYMBOL_TYPES } from './trace/vocabulary.ts';
import { parseTrigger } from './trigger.ts';

/** Ranges of addresses that an engine keeps; more are merged, or refused. */
const RULES_MAX = 4000;
const TOP = 1n << 64n;
/** What a function is taken to have where neither its size nor a next symbol is known. */
const BYTES_UNKNOWN = 16n;

const EXPECTED =
  'a function (* and ? stand for any characters), module:NAME, addresses such as ' +
  '0x401000-0x402000 or 0x401000+0x40, or of a machine kernel or user; with ! before it: not that';

const filterError = (says: string): BacktrailError =>
  new BacktrailError('E_FILTER', `--filter: ${says}`);

/** One of the things that a filter names. */
export type FilterTerm = { readonly excludes: boolean } & (
  | { readonly what: 'addresses'; readonly low: bigint; readonly high: bigint }
  | { readonly what: 'module' | 'function' | 'word'; readonly name: string }
);

const ADDRESSES = /^(0x[0-9a-f]{1,16})([-+])(0x[0-9a-f]{1,16}|\d{1,19})$/i;

function parseTerm(text: string): FilterTerm {
  const excludes = text.startsWith('!');
  const term = excludes ? text.slice(1) : text;
  const [, first, sign, second] = ADDRESSES.exec(term) ?? [];
  if (first !== undefined && second !== undefined) {
    const low = BigInt(first);
    const high = sign === '+' ? low + BigInt(second) : BigInt(second);
    if (high > low && high <= TOP) return { excludes, what: 'addresses', low, high };
    throw filterError(`found "${text}", which holds no address, expected LOW-HIGH or LOW+BYTES.`);
  }
  const [, prefix, name = ''] = /^(module|function):(.+)$/s.exec(term) ?? [];
  if (prefix === 'module' || prefix === 'function') return { excludes, what: prefix, name };
  const isName = term !== '' && !/^\d|^(?:module|function):/.test(term) && !/[\s!]/.test(term);
  if (isName) return { excludes, what: 'word', name: term };
  throw filterError(`found "${text}", expected ${EXPECTED}.`);
}

/**
 * @param texts each may name several, with commas between
 * @throws BacktrailError E_FILTER
 */
export const parseFilter = (texts: readonly string[]): FilterTerm[] =>
  texts.flatMap((text) => text.split(',').map((one) => parseTerm(one.trim())));

/** Code by name. */
interface NamedCode {
  readonly low: bigint;
  readonly high: bigint;
  readonly name: string;
}

const FUNCTION_TYPES = new Set([SYMBOL_TYPES.indexOf('function'), SYMBOL_TYPES.indexOf('ifunc')]);

/** Functions of those files, where a machine or an unmoved program has them; by address. */
function functionsIn(files: readonly SymbolFile[]): NamedCode[] {
  const collected = withSymbolLists(collectModules(symbolMaps(files, 0n)), files);
  const { modules, symbols } = collected;
  const found: NamedCode[] = [];
  for (let symbol = 0; symbol < symbols.count; symbol++) {
    if (!FUNCTION_TYPES.has(symbols.type[symbol] ?? 0)) continue;
    const base = modules.base[symbols.module[symbol] ?? 0] ?? 0n;
    const low = base + (symbols.address[symbol] ?? 0n);
    const size = symbols.size[symbol] ?? 0n;
    const high = low + (size > 0n ? size : bytesUpToNext(symbols, symbol));
    found.push({ low: BigInt.asUintN(64, low), high, name: symbols.name(symbol) });
  }
  return found;
}

/** Up to the next symbol of the same module that lies higher. */
function bytesUpToNext({ address, module, count }: SymbolTable, symbol: number): bigint {
  const at = address[symbol] ?? 0n;
  for (let next = symbol + 1; next < count && module[next] === module[symbol]; next++) {
    const apart = (address[next] ?? 0n) - at;
    if (apart > 0n) return apart;
  }
  return BYTES_UNKNOWN;
}

/** What record() was given of it. */
export interface FilterChoice {
  readonly filter?: readonly string[];
  readonly program: string;
  readonly trigger?: string | null;
}

/** What is recorded, and where its code has names. */
interface Subject {
  /** What its emulator is for; null: it is a program. */
  readonly machine: string | null;
  readonly files: readonly SymbolFile[];
  readonly where: string;
}

function subjectOf(program: string, machine: readonly SymbolFile[] | null): Subject {
  if (machine === null) {
    const path = findProgram(program);
    return { machine: null, files: [symbolFile(path)], where: path };
  }
  const where = "the files that name the machine's code (--symbols)";
  return { machine: machineIsa(program) ?? '', files: machine, where };
}

class Rules {
  readonly #subject: Subject;
  #functions: readonly NamedCode[] | null = null;

  constructor(subject: Subject) {
    this.#subject = subject;
  }

  get inProgram(): boolean {
    return this.#subject.machine === null;
  }

  of(term: FilterTerm): FilterRule[] {
    const { excludes } = term;
    switch (term.what) {
      case 'addresses':
        return [{ excludes, what: 'addresses', inProgram: false, low: term.low, high: term.high }];
      case 'module':
        return [this.#module(excludes, term.name)];
      case 'word': {
        const level = this.#level(term.name);
        if (level !== null) return [{ excludes, what: 'level', level }];
        break;
      }
      case 'function':
    }
    return this.#named(excludes, term.name);
  }

  #module(excludes: boolean, pattern: string): FilterRule {
    if (this.inProgram) return { excludes, what: 'module', pattern };
    throw filterError(
      `found module:${pattern} with --system, expected names of functions, addresses, kernel or ` +
        'user: a machine maps no files.',
    );
  }

  /** Null: the word is a name. */
  #level(word: string): number | null {
    const { machine } = this.#subject;
    const isLevel = ['riscv64', 'x86_64', 'aarch64'].some((isa) =>
      privilegeLevels(isa).some((names) => names.includes(word)),
    );
    if (!isLevel) return null;
    if (machine === null) {
      throw filterError(
        `found "${word}", which is a privilege level, expected it with --system: programs run at ` +
          `one level. A function of that name is function:${word}.`,
      );
    }
    const level = privilegeLevels(machine).findIndex((names) => names.includes(word));
    if (level >= 0) return level;
    throw filterError(
      `found "${word}" with qemu-system-${machine}, expected a level that is told of it ` +
        '(riscv64, x86_64 and aarch64 machines). Give functions or addresses.',
    );
  }

  #named(excludes: boolean, name: string): FilterRule[] {
    const found = this.functions(name);
    if (found.length > 0) {
      return found.map(({ low, high }) => ({
        excludes,
        what: 'addresses',
        inProgram: this.inProgram,
        low,
        high,
      }));
    }
    throw filterError(
      `found no function "${name}" in ${this.#subject.where}, expected one. Its names: ` +
        'nm FILE; code of a library is module:NAME; else give addresses.',
    );
  }

  functions(name: string): NamedCode[] {
    this.#functions ??= functionsIn(this.#subject.files);
    return this.#functions.filter((one) => fitsPattern(name, one.name));
  }
}

/** One line for each file that a filter names and that was never mapped. */
export function unmappedModules(filter: readonly string[], paths: readonly string[]): string[] {
  const names = filter.flatMap((text) =>
    text.split(',').flatMap((term) => /^!?module:(.+)$/s.exec(term.trim())?.[1] ?? []),
  );
  const isMapped = (name: string): boolean =>
    paths.some((at) => fitsPattern(name, at) || fitsPattern(name, basename(at)));
  return names
    .filter((name) => !isMapped(name))
    .map((name) => `--filter: found no file "${name}" that was mapped, nothing is in it.`);
}

/** Neighbours and overlaps become one, so that the engine has few to look through. */
function merged(rules: readonly FilterRule[]): FilterRule[] {
  const sorted = rules
    .filter((rule) => rule.what === 'addresses')
    .sort((a, b) => (a.low < b.low ? -1 : a.low > b.low ? 1 : 0));
  const others = rules.filter((rule) => rule.what !== 'addresses');
  const last = new Map<string, { low: bigint; high: bigint }>();
  const kept: FilterRule[] = [];
  for (const rule of sorted) {
    const key = `${rule.excludes} ${rule.inProgram}`;
    const open = last.get(key);
    if (open !== undefined && rule.low <= open.high) {
      if (rule.high > open.high) open.high = rule.high;
      continue;
    }
    const begun = { ...rule };
    last.set(key, begun);
    kept.push(begun);
  }
  return [...kept, ...others];
}

/** What must be seen if a trigger is to come. */
function keptFor(
  trigger: string | null,
  rules: Rules,
): Pick<FilterRules, 'kept' | 'keepsHandlers'> {
  const spec = trigger === null ? null : parseTrigger(trigger);
  const keepsHandlers = spec?.on === 'signal' || spec?.on === 'exception';
  if (spec?.on === 'address') {
    return { keepsHandlers, kept: [{ inProgram: false, low: spec.pc, high: spec.pc + 1n }] };
  }
  if (spec?.on !== 'symbol') return { keepsHandlers, kept: [] };
  const found = rules.functions(spec.name);
  if (found.length === 0) {
    throw filterError(
      `found --trigger ${spec.name} beside it, which is no function of the program, expected ` +
        'one that is: what lies outside of a filter is not seen. Give its address.',
    );
  }
  const kept = found.map(({ low }) => ({ inProgram: rules.inProgram, low, high: low + 1n }));
  return { keepsHandlers, kept };
}

/**
 * The rules of --filter, or null without it.
 * @param machine files that name code of a whole machine; null: it is a program
 * @throws BacktrailError E_FILTER, E_ELF, E_SYMBOLS
 */
export function filterOf(
  choice: FilterChoice,
  machine: readonly SymbolFile[] | null,
): FilterRules | null {
  const { filter = [], trigger = null, program } = choice;
  if (filter.length === 0) return null;
  const terms = parseFilter(filter);
  const rules = new Rules(subjectOf(program, machine));
  const all = merged(terms.flatMap((term) => rules.of(term)));
  if (all.length > RULES_MAX) {
    throw filterError(
      `found ${all.length} stretches of code, expected at most ${RULES_MAX}. Name fewer, or ` +
        'give addresses that hold them.',
    );
  }
  const text = rules.inProgram ? firstCode(findProgram(program)) : null;
  return { rules: all, text, ...keptFor(trigger, rules) };
}
