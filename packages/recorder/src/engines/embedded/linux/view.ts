/**
 * Which files exist for the guest. Two forms:
 *
 * - with a root: the guest's `/` is that folder of the host, and there is nothing else;
 * - without: guest paths are host paths, of which only the current folder and the writable folders
 *   are there. The folders on the way to them can be walked through and show nothing else.
 *
 * Nothing may be changed outside the writable folders. A few files of /dev, /proc and /sys are made
 * up in both forms. Symbolic links are never followed by the host: paths.ts takes every step
 * itself, so no link leads out. The trace is hidden wherever it is; its writer follows the path
 * that it was given, so what is on that path cannot be moved while it is written.
 *
 * This holds against the guest, whose calls are made one after the other; not against another
 * program of the host that exchanges folders for links at the same moment.
 */
import { type BigIntStats, lstatSync, readdirSync, realpathSync } from 'node:fs';
import { BacktrailError } from '../../../errors.ts';
import { Failure, onHost } from './errno.ts';

export interface ViewOptions {
  /** Folder of the host that is the guest's `/`; null: host paths, of which little is there. */
  readonly root: string | null;
  /** Folders of the host that may be changed. */
  readonly writable: readonly string[];
  /** Current folder of the host. */
  readonly folder: string;
  /** Folder of the host that the recorder writes to; null: none. */
  readonly traceFolder?: string | null;
}

/** What stands at a place. Made ones have no counterpart on the host. */
export type Entry =
  | { readonly kind: 'host'; readonly path: string; readonly stat: BigIntStats }
  | { readonly kind: 'folder' }
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'made' }
  | { readonly kind: 'descriptor'; readonly number: number };

/** Made files by guest path; what is in them: made.ts. */
export const MADE_FILES: ReadonlySet<string> = new Set([
  '/dev/null',
  '/dev/zero',
  '/dev/full',
  '/dev/urandom',
  '/dev/random',
  '/dev/tty',
  '/proc/cpuinfo',
  '/proc/meminfo',
  '/proc/self/cmdline',
  '/proc/self/comm',
  '/proc/self/maps',
  '/sys/devices/system/cpu/online',
  '/sys/devices/system/cpu/possible',
]);

const DESCRIPTORS = '/proc/self/fd';
export const isWithin = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`);
export const join = (folder: string, name: string): string =>
  folder === '/' ? `/${name}` : `${folder}/${name}`;
export const parentOf = (path: string): string => path.slice(0, Math.max(1, path.lastIndexOf('/')));

function realFolder(folder: string, what: string): string {
  try {
    return realpathSync(folder);
  } catch (cause) {
    throw new BacktrailError(
      'E_FOLDER',
      `${what}: found no folder ${folder}, expected one that can be read. Make it, or name ` +
        'another.',
      { cause },
    );
  }
}

const idOf = ({ dev, ino }: BigIntStats): string => `${dev}:${ino}`;

/** What stands at every prefix of an absolute path, links not followed; the last is at its end. */
function idsOn(path: string): string[] {
  const ids: string[] = [];
  for (let end = path.indexOf('/', 1); end > 0; end = path.indexOf('/', end + 1)) {
    const stat = statOf(path.slice(0, end));
    if (stat !== null) ids.push(idOf(stat));
  }
  const last = statOf(path);
  return last === null ? ids : [...ids, idOf(last)];
}

export class View {
  readonly #root: string | null;
  readonly #writable: readonly string[];
  readonly #visible: readonly string[];
  /** The folder of the trace; and all that its path leads through, links too, each by itself. */
  readonly #trace: string | null;
  readonly #traceId: string | null;
  readonly #busy: ReadonlySet<string>;
  readonly #links: ReadonlyMap<string, string>;
  readonly #folders: ReadonlySet<string>;
  /** The guest's current folder at its start. */
  readonly start: string;
  /** The program as /proc/self/exe names it. */
  readonly program: string;
  readonly #hostProgram: string;
  /** The file itself, so that none that the guest puts in its place is taken for it. */
  readonly #programStat: BigIntStats | null;

  /**
   * @param program its path on the host; it may be read even where the guest sees no other file.
   * @throws BacktrailError E_FOLDER
   */
  constructor(options: ViewOptions, program: string, pid: number) {
    const { root, writable, folder, traceFolder = null } = options;
    this.#trace = traceFolder === null ? null : realFolder(traceFolder, '-o');
    const busy = [traceFolder, this.#trace].flatMap((path) => (path === null ? [] : idsOn(path)));
    this.#busy = new Set(busy);
    this.#traceId = busy.at(-1) ?? null;
    this.#root = root === null ? null : realFolder(root, '--root');
    this.#writable = writable.map((one) => realFolder(one, '--writable'));
    const here = realFolder(folder, 'current folder');
    this.#visible = this.#root === null ? [here, ...this.#writable] : [this.#root];
    this.start = this.guestPath(here) ?? '/';
    this.program = this.guestPath(program) ?? program;
    this.#hostProgram = program;
    this.#programStat = statOf(program);
    this.#links = new Map([
      [`/proc/${pid}`, '/proc/self'],
      ['/proc/self/exe', this.program],
      ['/proc/self/cwd', this.start],
      ['/proc/self/root', '/'],
      ['/dev/fd', DESCRIPTORS],
      ['/dev/stdin', `${DESCRIPTORS}/0`],
      ['/dev/stdout', `${DESCRIPTORS}/1`],
      ['/dev/stderr', `${DESCRIPTORS}/2`],
    ]);
    this.#folders = this.#madeFolders();
  }

  #madeFolders(): Set<string> {
    const folders = new Set(['/', DESCRIPTORS]);
    const leaves = [...MADE_FILES, ...this.#links.keys(), DESCRIPTORS];
    if (this.#root === null) leaves.push(...this.#visible);
    for (const leaf of leaves) {
      for (let at = parentOf(leaf); at !== '/'; at = parentOf(at)) folders.add(at);
    }
    return folders;
  }

  /** What /proc/self/exe leads to, wherever it is; null: it is not there now. @throws Failure */
  programEntry(): Entry | null {
    const path = this.#hostProgram;
    const [stat, known] = [statOf(path), this.#programStat];
    const isSame = stat !== null && stat.ino === known?.ino && stat.dev === known.dev;
    return isSame ? { kind: 'host', path, stat } : null;
  }

  /** The guest's name for a path of the host; null: it does not see it. */
  guestPath(hostPath: string): string | null {
    if (!this.#visible.some((folder) => isWithin(hostPath, folder))) return null;
    if (this.#root === null || this.#root === '/') return hostPath;
    return hostPath === this.#root ? '/' : hostPath.slice(this.#root.length);
  }

  /** Where a guest path without links lies on the host; null: nowhere that the guest sees. */
  hostPath(guestPath: string): string | null {
    if (this.#root === null) {
      return this.#visible.some((folder) => isWithin(guestPath, folder)) ? guestPath : null;
    }
    if (guestPath === '/') return this.#root;
    return this.#root === '/' ? guestPath : this.#root + guestPath;
  }

  /** Whether the path of the trace leads through this, which therefore must stay. */
  isBusy(entry: Entry | null): boolean {
    return entry?.kind === 'host' && this.#busy.has(idOf(entry.stat));
  }

  /** As hostPath, of a place that may be changed. @throws Failure EROFS */
  writablePath(guestPath: string): string {
    const path = this.hostPath(guestPath);
    if (path === null || !this.#writable.some((folder) => isWithin(path, folder))) {
      throw new Failure('EROFS');
    }
    return path;
  }

  /** Whether only one of two places may be changed, as if a file system ended between them. */
  isBorderBetween(guestPath: string, other: string): boolean {
    return this.isWritable(guestPath) !== this.isWritable(other);
  }

  isWritable(guestPath: string): boolean {
    const path = this.hostPath(guestPath);
    return path !== null && this.#writable.some((folder) => isWithin(path, folder));
  }

  /**
   * What stands at a guest path; null: nothing.
   * @param guestPath absolute, its folders without links.
   * @throws Failure
   */
  entry(guestPath: string): Entry | null {
    if (MADE_FILES.has(guestPath)) return { kind: 'made' };
    const target = this.#links.get(guestPath);
    if (target !== undefined) return { kind: 'link', target };
    if (parentOf(guestPath) === DESCRIPTORS) {
      const name = guestPath.slice(DESCRIPTORS.length + 1);
      return /^\d{1,6}$/.test(name) ? { kind: 'descriptor', number: Number(name) } : null;
    }
    const path = this.hostPath(guestPath);
    const stat = path === null ? null : statOf(path);
    if (path !== null && stat !== null) {
      return idOf(stat) === this.#traceId ? null : { kind: 'host', path, stat };
    }
    return this.#folders.has(guestPath) ? { kind: 'folder' } : null;
  }

  /** Names in a folder, in one order on every host. @throws Failure */
  names(guestPath: string): string[] {
    const names = new Set<string>();
    const host = this.hostPath(guestPath);
    if (host !== null && statOf(host) !== null) {
      for (const name of onHost(() => readdirSync(host))) {
        if (join(host, name) !== this.#trace) names.add(name);
      }
    }
    const made = [...MADE_FILES, ...this.#links.keys(), ...this.#folders];
    for (const path of made) {
      if (path !== '/' && parentOf(path) === guestPath) {
        names.add(path.slice(guestPath === '/' ? 1 : guestPath.length + 1));
      }
    }
    if (this.#root === null) {
      for (const path of this.#visible) {
        if (path !== '/' && parentOf(path) === guestPath) {
          names.add(path.slice(guestPath === '/' ? 1 : guestPath.length + 1));
        }
      }
    }
    return [...names].sort();
  }
}

function statOf(path: string): BigIntStats | null {
  try {
    return onHost(() => lstatSync(path, { bigint: true }));
  } catch (error) {
    if (error instanceof Failure && error.message === 'ENOENT') return null;
    throw error;
  }
}
