/** The files behind the mappings of a run, each looked at once, after the run. */
import { type Stats, statSync } from 'node:fs';
import { type ElfLayout, isElf, readElfLayout } from './elf/elf.ts';
import { BacktrailError } from './errors.ts';

/** One moment on both clocks: what turns the trace's times into times of files. */
export interface ClockPair {
  /** Host monotonic clock, ns. */
  readonly monotonicNs: bigint;
  /** Ms since 1970. */
  readonly wallMs: number;
}

/** A file whose program headers were read. */
export interface Known {
  readonly path: string;
  readonly layout: ElfLayout;
}

/** A file that can no longer be read, or is not the one that was mapped. */
export interface Unknown {
  readonly path: string;
  readonly layout: null;
  /** What is wrong with it, for the problem line. */
  readonly why: string;
}

/** What /proc and readlink put after the path of a file that has no name any more. */
const DELETED = ' (deleted)';
/** Mappings that have a name and are no files. */
const NO_FILE = /^(?!\/)|^\/(memfd:|SYSV|dev\/zero|anon_hugepage)/;

export class ModuleFiles {
  readonly problems: string[] = [];
  readonly #clock: ClockPair | undefined;
  /** One entry per distinct path of the run; null: no program. */
  readonly #files = new Map<string, Known | Unknown | null>();
  readonly #reported = new Set<string>();

  constructor(clock: ClockPair | undefined) {
    this.#clock = clock;
  }

  /** The file of a mapping; null if it is no program or library. */
  of(event: { readonly path: string; readonly timeNs: bigint }): Known | Unknown | null {
    const found = this.#files.get(event.path);
    if (found !== undefined) return found;
    const file = this.#look(event.path, event.timeNs);
    this.#files.set(event.path, file);
    return file;
  }

  /** Adds the problem line of a file that turned out to be a module, once. */
  report(file: Known | Unknown): void {
    if (file.layout !== null || this.#reported.has(file.path)) return;
    this.#reported.add(file.path);
    this.problems.push(
      `${file.path}: ${file.why}, expected the file as it was mapped. Its build id and symbols ` +
        'are not in the trace, and its base is a guess (address minus file offset).',
    );
  }

  #look(mappedPath: string, timeNs: bigint): Known | Unknown | null {
    if (NO_FILE.test(mappedPath)) return null;
    if (mappedPath.endsWith(DELETED)) {
      const path = mappedPath.slice(0, -DELETED.length);
      return { path, layout: null, why: 'found it deleted or replaced' };
    }
    const unknown = (why: string): Unknown => ({ path: mappedPath, layout: null, why });
    try {
      const stat = statOrNull(mappedPath);
      if (stat === null) return unknown('found no such file');
      if (!stat.isFile() || !isElf(mappedPath)) return null;
      const layout = readElfLayout(mappedPath);
      if (layout.header.type === 'rel' || layout.header.type === 'core') return null;
      if (this.#isNewer(layout.changedMs, timeNs)) return unknown('found it changed');
      return { path: mappedPath, layout };
    } catch (error) {
      if (!(error instanceof BacktrailError)) throw error;
      return unknown(`found it unreadable (${error.message})`);
    }
  }

  #isNewer(changedMs: number, mappedNs: bigint): boolean {
    if (this.#clock === undefined) return false;
    const mappedMs = this.#clock.wallMs + Number(mappedNs - this.#clock.monotonicNs) / 1e6;
    return changedMs > mappedMs;
  }
}

function statOrNull(file: string): Stats | null {
  return statSync(file, { throwIfNoEntry: false }) ?? null;
}
