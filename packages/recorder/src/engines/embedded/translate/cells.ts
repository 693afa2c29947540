/**
 * Words in which generated code finds the numbers of edges that were named after it was made.
 *
 *   direct transfer      u32 edge number + 1, 0 not known
 *   indirect transfer    INDIRECT_CELLS pairs: u32 target + 1 (0 none), u32 edge number;
 *                        target t is in pair (t >> 1) % INDIRECT_CELLS
 *   return at a call     RETURN_CELLS pairs: u32 return site (0 none), u32 edge number;
 *                        site s is in pair s % RETURN_CELLS
 *
 * `link` fills the first two (rememberEdge). They stand for code at their target, and are forgotten
 * when that changes place (forgetEdge). Those of returns are filled by the module itself and never
 * cleared: both ends of the edge are code that does not move.
 */
import type { RegionSite } from './region.ts';

export const INDIRECT_CELLS = 16;
export const RETURN_CELLS = 4;

/** The words of one site. */
export type SiteCells =
  | { readonly how: 'direct' | 'indirect'; readonly address: number }
  /** A return: its edges are remembered where it arrives. */
  | { readonly how: 'none' };

/** From now on the site's code knows the edge to target. */
export function rememberEdge(
  view: DataView,
  { cells }: RegionSite,
  target: number,
  edge: number,
): void {
  if (cells.how === 'direct') view.setUint32(cells.address, edge + 1, true);
  if (cells.how !== 'indirect') return;
  const pair = pairAddress(cells.address, target);
  view.setUint32(pair, target + 1, true);
  view.setUint32(pair + 4, edge, true);
}

/** The code at target changes place: the site asks again when it next goes there. */
export function forgetEdge(view: DataView, { cells }: RegionSite, target: number): void {
  if (cells.how === 'direct') view.setUint32(cells.address, 0, true);
  if (cells.how !== 'indirect') return;
  const pair = pairAddress(cells.address, target);
  if (view.getUint32(pair, true) === target + 1) view.setUint32(pair, 0, true);
}

/** Twin: EventWriter.indirect. */
const pairAddress = (address: number, target: number): number =>
  address + 8 * ((target >>> 1) & (INDIRECT_CELLS - 1));
