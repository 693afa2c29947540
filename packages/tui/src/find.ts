/** What typed words mean: a place to go to, transfers to search for, functions that fit. */
import { CAUSES, KINDS, NO_ROW, privilegeLevel, privilegeOf } from '@backtrail/analyzer';
import { shownEdge } from './edge-facts.ts';
import type { Filter, PlaceAt } from './walk-state.ts';
import type { RanSymbol, World } from './world.ts';

/** What `g` was given. */
export type Target =
  | { readonly is: 'place'; readonly to: PlaceAt }
  | { readonly is: 'code'; readonly text: string }
  | { readonly is: 'words'; readonly text: string };

/** `182334`, `0:182334`, `0:182334:2`; `0x401136`, `main+0x12`, `smash.c:12`; else words. */
export function targetOf(text: string, vcpu: number): Target {
  const plain = text.trim().replace(/(?<=\d)[,_](?=\d)/g, '');
  const match = /^(?:(\d+):)?(\d+)(?::(\d+))?$/.exec(plain);
  if (match === null) {
    const isCode = /^0x[0-9a-f]{1,16}$|.[+:](?:0x)?[0-9a-f]+$/i.test(plain);
    return { is: isCode ? 'code' : 'words', text: plain };
  }
  const [, given, seq, index] = match;
  return {
    is: 'place',
    to: { vcpu: Number(given ?? vcpu), seq: Number(seq), index: Number(index ?? 0) },
  };
}

/**
 * Which edges a search wants: those of a cause or kind, those that come from or go to an address,
 * those that enter a level of privilege (`kernel`, `user`, `privilege 1`), those that enter a
 * function whose name holds the text.
 */
export function edgeMatcher(world: World, text: string): (edge: number) => boolean {
  const { edges } = world.trace;
  const word = text.trim().toLowerCase();
  const cause = indexOf(CAUSES, word);
  const kind = indexOf(KINDS, word);
  if (kind >= 0 || cause >= 0) {
    return (edge) => edges.cause[edge] === cause || edges.kind[edge] === kind;
  }
  const level = privilegeLevel(world.trace, word);
  if (level !== null) {
    const { trace } = world;
    return (edge) =>
      privilegeOf(trace, edges.targetBlock[edge] ?? NO_ROW) === level &&
      privilegeOf(trace, edges.sourceBlock[edge] ?? NO_ROW) !== level;
  }
  if (/^0x[0-9a-f]{1,16}$/.test(word)) {
    const pc = BigInt(word);
    return (edge) =>
      edges.target[edge] === pc || (edges.hasSource[edge] === 1 && edges.source[edge] === pc);
  }
  return (edge) => {
    const { target, source } = shownEdge(world, edge);
    if (target === null || !target.name.toLowerCase().includes(word)) return false;
    return source === null || source.start !== target.start;
  };
}

/**
 * What a filter wants: `vcpu 0,2` before the rest or alone chooses vCPUs; else as a search, but
 * also what leaves a function or module, and what stays in or leaves a level of privilege. Null
 * where no transfer is of that.
 */
export function filterOf(world: World, text: string): Filter | null {
  const match = /^(?:vcpu|thread)s?\s*[:=]?\s*(\d+(?:\s*[, ]\s*\d+)*)(?:\s+|$)(.*)$/i.exec(text);
  const [, numbers = '', rest = ''] = match ?? [];
  const asked = numbers.split(/[, ]+/).map(Number);
  const vcpus = match === null ? null : world.trace.vcpus.filter((vcpu) => asked.includes(vcpu));
  if (vcpus?.length === 0) return null;
  const word = (match === null ? text : rest).trim();
  const wanted = word === '' ? null : wantedEdges(world, word);
  return wanted === null || wanted.includes(1) ? { text, wanted, vcpus } : null;
}

function wantedEdges(world: World, text: string): Uint8Array {
  const { edges } = world.trace;
  const { names } = world;
  const word = text.toLowerCase();
  const level = privilegeLevel(world.trace, text);
  if (level !== null) return edgesAtLevel(world, level);
  const isFound = edgeMatcher(world, text);
  const isThere = (pc: bigint): boolean =>
    (names.symbol(pc)?.name ?? '').toLowerCase().includes(word) ||
    names.module(pc).toLowerCase().includes(word);
  return Uint8Array.from({ length: edges.count }, (_none, edge) => {
    if (isFound(edge) || isThere(edges.target[edge] ?? 0n)) return 1;
    return edges.hasSource[edge] === 1 && isThere(edges.source[edge] ?? 0n) ? 1 : 0;
  });
}

/** Edges that arrive at a level or leave it. */
function edgesAtLevel({ trace }: World, level: number): Uint8Array {
  const { edges } = trace;
  const isAt = (block: number | undefined): boolean =>
    privilegeOf(trace, block ?? NO_ROW) === level;
  return Uint8Array.from({ length: edges.count }, (_none, edge) =>
    isAt(edges.targetBlock[edge]) || isAt(edges.sourceBlock[edge]) ? 1 : 0,
  );
}

const indexOf = (words: readonly string[], word: string): number => words.indexOf(word);

/** How well a name fits what was typed; higher is better, -1 not at all. */
function score(name: string, typed: string): number {
  const low = name.toLowerCase();
  const at = low.indexOf(typed);
  if (at === 0) return low.length === typed.length ? 1e6 : 1e5 - name.length;
  if (at > 0) return 1e4 - name.length - at;
  let from = 0;
  let spread = 0;
  for (const letter of typed) {
    const found = low.indexOf(letter, from);
    if (found < 0) return -1;
    spread += found - from;
    from = found + 1;
  }
  return Math.max(0, 1e3 - spread - name.length);
}

/** Functions whose name fits, the best first. */
export function fuzzy(symbols: readonly RanSymbol[], text: string, max: number): RanSymbol[] {
  const typed = text.toLowerCase();
  if (typed === '') return symbols.slice(0, max);
  return symbols
    .map((symbol) => ({ symbol, fits: score(symbol.name, typed) }))
    .filter(({ fits }) => fits >= 0)
    .sort((a, b) => b.fits - a.fits || (a.symbol.name < b.symbol.name ? -1 : 1))
    .slice(0, max)
    .map(({ symbol }) => symbol);
}
