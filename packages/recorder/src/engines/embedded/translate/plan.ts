/**
 * What is settled of each region of a module before its code is written, and what is told of it.
 */
import { FLOAT_EMIT } from '../emit/float.ts';
import type { Instruction } from '../isa/instruction.ts';
import { type FormedBlock, type FormedRegion, type Links, successorsOf } from './formation.ts';
import type { Naming, Region, RegionBlock, RegionEdge, RegionSite } from './region.ts';
import { type Structure, structure } from './structure.ts';

/** A place in the code of a region, known once the module is whole. */
export interface HostPlace {
  readonly region: RegionPlan;
  /** Bytes from the function's first instruction. */
  at: number;
}

/** One block of one region. */
export interface PlannedBlock extends FormedBlock {
  readonly number: number;
  readonly links: Links;
  /** pc of the last instruction, and that instruction, if it moves control; else `next`. */
  readonly transferPc: number;
  readonly last: Instruction | null;
  /** A return's site; 0: it is none, or nothing is recorded. */
  readonly returnSite: number;
  readonly leaves: HostPlace;
}

interface PendingEdge extends Omit<RegionEdge, 'hostSource'> {
  readonly place: HostPlace;
}
interface PendingSite extends Omit<RegionSite, 'hostSource'> {
  readonly place: HostPlace;
}

export class RegionPlan {
  readonly entry: number;
  readonly blocks: readonly PlannedBlock[];
  readonly flow: Structure;
  /** Index of the function in the module. */
  readonly functionIndex: number;
  readonly #edges: PendingEdge[] = [];
  readonly #sites: PendingSite[] = [];
  /** Of each block: where its code begins and ends. */
  readonly hostStart: Int32Array;
  readonly hostEnd: Int32Array;

  constructor(formed: FormedRegion, functionIndex: number, naming: Naming, record: boolean) {
    this.entry = formed.entry;
    this.functionIndex = functionIndex;
    this.flow = structure(successorsOf(formed));
    this.blocks = formed.blocks.map((block, n) => {
      const { transfer, instructions, next } = block;
      const last = transfer === null ? null : (instructions.at(-1) ?? null);
      // Nothing of an entry runs here if its first instruction cannot; then it is no block.
      const number = instructions.length === 0 ? -1 : naming.block();
      const planned: PlannedBlock = {
        ...block,
        number,
        links: formed.links[n] ?? { taken: -1, fall: -1, cases: [] },
        last,
        transferPc: last === null ? next : next - last.size,
        returnSite: record && transfer?.kind === 'return' ? naming.site() : 0,
        leaves: { region: this, at: 0 },
      };
      if (planned.returnSite !== 0) {
        this.#sites.push({
          site: planned.returnSite,
          kind: 'return',
          source: planned.transferPc,
          sourceBlock: number,
          hostHow: 'indirect-jump',
          targetBlock: -1,
          cells: { how: 'none' },
          place: planned.leaves,
        });
      }
      return planned;
    });
    this.hostStart = new Int32Array(this.blocks.length);
    this.hostEnd = new Int32Array(this.blocks.length);
  }

  /** Whether its first instruction can run here. */
  get canRun(): boolean {
    return (this.blocks[0]?.instructions.length ?? 0) > 0;
  }

  get usesFloat(): boolean {
    return this.blocks.some((block) =>
      block.instructions.some(({ op }) => FLOAT_EMIT[op] !== undefined),
    );
  }

  edge(edge: PendingEdge): number {
    this.#edges.push(edge);
    return edge.edge;
  }

  site(site: PendingSite): void {
    this.#sites.push(site);
  }

  /** @param bodyAt where each region's code begins in the module. */
  told(bodyAt: ReadonlyMap<RegionPlan, number>): Region {
    const host = ({ region, at }: HostPlace): number => (bodyAt.get(region) ?? 0) + at;
    const start = bodyAt.get(this) ?? 0;
    return {
      entry: this.entry,
      blocks: this.blocks
        .map(
          ({ number, pc, instructions }, n): RegionBlock => ({
            block: number,
            pc,
            instructionSizes: instructions.map(({ size }) => size),
            hostStart: start + (this.hostStart[n] ?? 0),
            hostEnd: start + (this.hostEnd[n] ?? 0),
          }),
        )
        .filter(({ block }) => block >= 0),
      edges: this.#edges.map(({ place, ...edge }) => ({ ...edge, hostSource: host(place) })),
      sites: this.#sites.map(({ place, ...site }) => ({ ...site, hostSource: host(place) })),
    };
  }
}
