/**
 * What the region translator is given and what it gives back. It is a pure function of what the
 * interpreter has seen; it installs nothing (core/ does).
 *
 * A module imports from 'engine':
 *   memory, table
 *   refuel() → i32                  the tank is empty at STATE.pc: 0 go on, 1 leave
 *   link(site, target) → i32        an edge of this site is taken that its code has no number of:
 *                                   its number; the engine calls rememberEdge (cells.ts)
 *   returned(block, site) → i32     the return of this site arrived where this block begins, at
 *                                   the call that it belongs to: the edge's number
 * The last two only when recording. STATE.account holds the account before and after each. Guest
 * registers are not in the state block then: these functions must not touch the guest.
 */

import type { ModuleBytes } from '../../../wasm/module.ts';
import type { Instruction } from '../isa/instruction.ts';
import type { SiteCells } from './cells.ts';

/** What is known of the guest's code when a region is made. */
export interface Profile {
  /** The decoded instruction at pc, or null: not executable, or no instruction. */
  instruction(pc: number): Instruction | null;
  /** Whether a block that begins at pc has run. */
  hasRun(pc: number): boolean;
  /** Whether the direct transfer of the instruction at pc has been taken. */
  wasTaken(pc: number): boolean;
  /** Targets of the indirect transfer at pc that have been seen, most recent first, at most 16. */
  targets(pc: number): readonly number[];
  /** Whether other regions can be called at pc (they are called through the table). */
  isRegion(pc: number): boolean;
}

export interface RegionOptions {
  /** Byte offset of guest address 0 in memory. */
  readonly guestBase: number;
  /** First guest address that does not exist. */
  readonly guestLimit: number;
  /**
   * Starts of the ranges for reading and writing as they are now (STATE.readStart, writeStart). If
   * this is given, a region must not be entered any more once one of them has changed.
   */
  readonly rangeStarts?: () => { readonly read: number; readonly write: number };
  /** Size of memory in pages of 64 KiB. */
  readonly memoryPages: number;
  /** Without recording no edge is stored; all else is the same. */
  readonly record: boolean;
  /** Instructions in one region, at most FUEL_SLACK. */
  readonly instructionsMax: number;
  readonly blocksMax: number;
  /** Whether relaxed_madd is fused on this machine. */
  readonly fusedMultiplyAdd: boolean;
}

/** Numbers and words the region's code names. Block and edge numbers rise by one. */
export interface Naming {
  /** The number of a new block; told at the end in `Region.blocks`, in this order. */
  block(): number;
  /** The number of a new edge; told at the end in `Region.edges`, in this order. */
  edge(): number;
  /**
   * A new site, not 0: where a transfer leaves whose edge gets its number when it is first taken.
   * Told at the end in `Region.sites`.
   */
  site(): number;
  /** Address of `count` fresh words of 0, aligned to 8 bytes. */
  cells(count: number): number;
  /** Address of the word that holds the table place of the region at pc, 0 while there is none. */
  place(pc: number): number;
}

/**
 * A block of guest code in a region: from pc to the first instruction that ends it, to where
 * another block of the region begins, or to an instruction that regions do not run.
 */
export interface RegionBlock {
  readonly block: number;
  readonly pc: number;
  readonly instructionSizes: readonly number[];
  /** Byte offsets in the module: its instructions' code, [hostStart, hostEnd). */
  readonly hostStart: number;
  readonly hostEnd: number;
}

export type TransferKind =
  | 'branch'
  | 'jump'
  | 'indirect-jump'
  | 'call'
  | 'indirect-call'
  | 'return';

export interface RegionEdge {
  readonly edge: number;
  readonly kind: TransferKind;
  readonly source: number;
  readonly target: number;
  readonly sourceBlock: number;
  readonly targetBlock: number;
  /** Byte offset in the module of the instruction that leaves, and how it does. */
  readonly hostSource: number;
  readonly hostHow: 'direct-jump' | 'indirect-jump' | 'main-loop';
  /**
   * The return site whose edge to this target it is, 0 if it is none's: asked about that pair
   * (returned, or a return to the interpreter), the engine must answer with this edge.
   */
  readonly returnSite: number;
}

/** For edges that are named when they are first taken. */
export interface RegionSite {
  readonly site: number;
  readonly kind: TransferKind;
  readonly source: number;
  readonly sourceBlock: number;
  readonly hostSource: number;
  readonly hostHow: 'direct-jump' | 'indirect-jump' | 'main-loop';
  /**
   * Where control arrives if it stays in the region; -1: it leaves, to whatever is at the target.
   */
  readonly targetBlock: number;
  readonly cells: SiteCells;
}

export interface Region {
  /** Where it is entered; its function is exported as `pc.toString(16)`. */
  readonly entry: number;
  readonly blocks: readonly RegionBlock[];
  readonly edges: readonly RegionEdge[];
  readonly sites: readonly RegionSite[];
}

export interface RegionModule {
  readonly module: ModuleBytes;
  readonly regions: readonly Region[];
}
