/** What is shown of an edge. */
import { CAUSES, KINDS } from '@backtrail/analyzer';
import { hex } from './names.ts';
import type { RanSymbol, World } from './world.ts';

const UNKNOWN = 'not known';

/** The functions that an edge leaves and enters; null where there is none. */
export function shownEdge(
  { trace, names }: World,
  edge: number,
): { readonly source: RanSymbol | null; readonly target: RanSymbol | null } {
  const { edges } = trace;
  const source = edges.hasSource[edge] === 1 ? names.symbol(edges.source[edge] ?? 0n) : null;
  return { source, target: names.symbol(edges.target[edge] ?? 0n) };
}

/** The finest word there is for why control moved. */
export function kindOf({ trace }: World, edge: number): string {
  const { cause, kind } = trace.edges;
  return KINDS[kind[edge] ?? 0xff] ?? CAUSES[cause[edge] ?? 0xff] ?? '?';
}

export const isJump = ({ trace }: World, edge: number): boolean =>
  CAUSES[trace.edges.cause[edge] ?? 0xff] === 'jump';

export function sourceText(
  { trace, names }: World,
  edge: number,
  isHost: boolean,
  timeNs: bigint | undefined,
): string {
  const { edges } = trace;
  if (isHost) return edges.hasHostSource[edge] === 1 ? hex(edges.hostSource[edge] ?? 0n) : UNKNOWN;
  return edges.hasSource[edge] === 1 ? names.place(edges.source[edge] ?? 0n, timeNs) : '';
}

export function targetText(
  { trace, names }: World,
  edge: number,
  isHost: boolean,
  timeNs: bigint | undefined,
): string {
  const { edges } = trace;
  if (isHost) return edges.hasHostTarget[edge] === 1 ? hex(edges.hostTarget[edge] ?? 0n) : UNKNOWN;
  return names.place(edges.target[edge] ?? 0n, timeNs);
}
