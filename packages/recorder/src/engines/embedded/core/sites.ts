/**
 * Sites of regions: transfers whose edges are named when they are first taken, with what their code
 * remembers of them (translate/cells.ts).
 */
import { forgetEdge, rememberEdge } from '../translate/cells.ts';
import type { RegionSite } from '../translate/region.ts';
import { GUEST_PAGE_SHIFT } from './layout.ts';
import type { LinkSite } from './recording.ts';

export interface KnownSite extends LinkSite {
  readonly told: RegionSite;
  /** Blocks of its own region by address: where its direct transfers arrive. */
  readonly inside: ReadonlyMap<number, number>;
  /** Edges that the region's code holds as constants, by target; null: none. */
  readonly constants: ReadonlyMap<number, number> | null;
  /** Edges that were named, by target, until what runs there is another block. */
  edges: Map<number, number> | null;
  /** Edges to blocks of other regions, by their numbers. */
  blockEdges: Map<number, number> | null;
}

/** Most sites never need a map: they are made as the first edge comes. */
export function withEdge(
  edges: Map<number, number> | null,
  key: number,
  edge: number,
): Map<number, number> {
  if (edges === null) return new Map([[key, edge]]);
  return edges.set(key, edge);
}

export class Sites {
  readonly #view: DataView;
  readonly #known: (KnownSite | undefined)[] = [];
  #taken = 1;
  /** By target page, then target: sites that may remember an edge to it. */
  readonly #byTarget = new Map<number, Map<number, Set<KnownSite>>>();

  constructor(buffer: SharedArrayBuffer) {
    this.#view = new DataView(buffer);
  }

  /** A number for a site that will be added; 0 is none. */
  take(): number {
    return this.#taken++;
  }

  add(number: number, site: KnownSite): void {
    this.#known[number] = site;
  }

  get(number: number): KnownSite {
    const site = this.#known[number];
    if (site === undefined) throw new Error(`region code names site ${number}, there is none`);
    return site;
  }

  /** Its code knows the edge to target from now on. */
  remember(site: KnownSite, target: number, edge: number): void {
    rememberEdge(this.#view, site.told, target, edge);
    site.edges = withEdge(site.edges, target, edge);
    const page = target >>> GUEST_PAGE_SHIFT;
    let targets = this.#byTarget.get(page);
    if (targets === undefined) {
      targets = new Map();
      this.#byTarget.set(page, targets);
    }
    const sites = targets.get(target);
    if (sites === undefined) targets.set(target, new Set([site]));
    else sites.add(site);
  }

  /** What leads to this target leads elsewhere from now on. */
  forgetTarget(target: number): void {
    const targets = this.#byTarget.get(target >>> GUEST_PAGE_SHIFT);
    for (const site of targets?.get(target) ?? []) {
      forgetEdge(this.#view, site.told, target);
      site.edges?.delete(target);
    }
    targets?.delete(target);
  }

  forgetPage(page: number): void {
    const targets = this.#byTarget.get(page)?.keys() ?? [];
    for (const target of Array.from(targets)) this.forgetTarget(target);
    this.#byTarget.delete(page);
  }
}
