/**
 * Physical memory protection, 16 entries (RISC-V Privileged Architecture 1.12, section 3.7). The
 * registers, what they allow, and how that falls on pages.
 */
import { GUEST_PAGE_BYTES } from '../core/layout.ts';
import { MODE } from './registers.ts';

export const PMP_COUNT = 16;
/** Bits of an entry's byte in pmpcfg, and of an access. */
export const ACCESS = { read: 1, write: 2, execute: 4 } as const;
const ALL = 7;
const LOCK = 0x80;
/** Bits 5 and 6 are reserved and read 0. */
const CONFIG_MASK = 0x9f;
/** Address bits 55 to 2. */
const ADDRESS_MASK = (1n << 54n) - 1n;
const MATCH = { off: 0, top: 1, four: 2, power: 3 } as const;

/** The addresses of an entry that is on: [start, end), and its byte in pmpcfg. */
interface Rule {
  readonly start: bigint;
  readonly end: bigint;
  readonly config: number;
}

/** Pages [first, end) that allow the same; `allowed` null: parts of the page differ. */
export interface PageRun {
  readonly first: number;
  readonly end: number;
  readonly allowed: number | null;
  /** Of a page whose parts differ: what any part allows. */
  readonly somewhere: number;
}

export class Pmp {
  readonly #config = new Uint8Array(PMP_COUNT);
  readonly #address = new BigUint64Array(PMP_COUNT);
  #rules: readonly Rule[] = [];
  #hasLock = false;

  /** pmpcfg0 or pmpcfg2: the bytes of eight entries. */
  readConfig(first: 0 | 8): bigint {
    let value = 0n;
    for (let i = 7; i >= 0; i--) value = (value << 8n) | BigInt(this.#config[first + i] ?? 0);
    return value;
  }

  writeConfig(first: 0 | 8, value: bigint): void {
    for (let i = 0; i < 8; i++) {
      if (((this.#config[first + i] ?? 0) & LOCK) !== 0) continue;
      this.#config[first + i] = Number((value >> BigInt(8 * i)) & 0xffn) & CONFIG_MASK;
    }
    this.#findRules();
  }

  readAddress(entry: number): bigint {
    return this.#address[entry] ?? 0n;
  }

  writeAddress(entry: number, value: bigint): void {
    const next = this.#config[entry + 1] ?? 0;
    const isTopLocked = (next & LOCK) !== 0 && matchOf(next) === MATCH.top;
    if (((this.#config[entry] ?? 0) & LOCK) !== 0 || isTopLocked) return;
    this.#address[entry] = value & ADDRESS_MASK;
    this.#findRules();
  }

  /**
   * Whether a mode may do everything everywhere: machine mode, while no entry is locked. That an
   * access over the border of an entry fails even then is left out: it would make the page slow.
   */
  isOpen(mode: number): boolean {
    return mode === MODE.machine && !this.#hasLock;
  }

  /** @param access ACCESS bits. */
  allows(mode: number, address: bigint, bytes: number, access: number): boolean {
    if (this.isOpen(mode)) return true;
    const end = address + BigInt(bytes);
    const rule = this.#rules.find((one) => address < one.end && end > one.start);
    if (rule === undefined) return mode === MODE.machine;
    if (address < rule.start || end > rule.end) return false;
    return (allowedBy(rule, mode) & access) === access;
  }

  /** What a mode may do with the pages of [start, end), both multiples of a page. */
  pages(mode: number, start: number, end: number): PageRun[] {
    const runs: PageRun[] = [];
    const cuts = new Set<number>([start, end]);
    for (const rule of this.#rules) {
      for (const cut of [rule.start, rule.end]) {
        if (cut > BigInt(start) && cut < BigInt(end)) cuts.add(Number(cut));
      }
    }
    const sorted = [...cuts].sort((a, b) => a - b);
    for (const [index, from] of sorted.entries()) {
      const to = sorted[index + 1];
      if (to !== undefined) addRun(runs, from, to, this.#allowedAt(mode, BigInt(from)));
    }
    return runs;
  }

  #allowedAt(mode: number, address: bigint): number {
    const rule = this.#rules.find((one) => address >= one.start && address < one.end);
    if (rule !== undefined) return allowedBy(rule, mode);
    return mode === MODE.machine ? ALL : 0;
  }

  #findRules(): void {
    const rules: Rule[] = [];
    for (const [entry, config] of this.#config.entries()) {
      const address = this.readAddress(entry);
      const match = matchOf(config);
      if (match === MATCH.top) {
        const start = entry === 0 ? 0n : this.readAddress(entry - 1) << 2n;
        if (start < address << 2n) rules.push({ start, end: address << 2n, config });
      } else if (match === MATCH.four) {
        rules.push({ start: address << 2n, end: (address << 2n) + 4n, config });
      } else if (match === MATCH.power) {
        // Trailing ones give the size: none 8 bytes, one 16, and so on.
        const size = ((address ^ (address + 1n)) + 1n) << 2n;
        const start = (address << 2n) & ~(size - 1n);
        rules.push({ start, end: start + size, config });
      }
    }
    this.#rules = rules;
    this.#hasLock = this.#config.some((config) => (config & LOCK) !== 0);
  }
}

const matchOf = (config: number): number => (config >>> 3) & 3;

const allowedBy = ({ config }: Rule, mode: number): number =>
  mode === MODE.machine && (config & LOCK) === 0 ? ALL : config & ALL;

/** Adds [from, to) with one permission behind the runs so far; joins what shares a page. */
function addRun(runs: PageRun[], from: number, to: number, allowed: number): void {
  const firstWhole = Math.ceil(from / GUEST_PAGE_BYTES);
  const endWhole = Math.floor(to / GUEST_PAGE_BYTES);
  addPart(runs, Math.floor(from / GUEST_PAGE_BYTES), firstWhole, allowed);
  if (endWhole > firstWhole) {
    runs.push({ first: firstWhole, end: endWhole, allowed, somewhere: allowed });
  }
  if (endWhole >= firstWhole) addPart(runs, endWhole, Math.ceil(to / GUEST_PAGE_BYTES), allowed);
}

/** Part of page `first`, if `end` is behind it. */
function addPart(runs: PageRun[], first: number, end: number, allowed: number): void {
  if (end <= first) return;
  const last = runs.at(-1);
  const isSame = last !== undefined && last.first === first && last.allowed === null;
  if (isSame) runs[runs.length - 1] = { ...last, somewhere: last.somewhere | allowed };
  else runs.push({ first, end, allowed: null, somewhere: allowed });
}
