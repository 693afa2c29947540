/** Open files: what a descriptor stands for, shared by those that dup made. */
import {
  type BigIntStats,
  closeSync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  readSync,
  writeSync,
} from 'node:fs';
import { O, S } from './abi.ts';
import { fail, onHost } from './errno.ts';

/** A read or write that cannot be made yet. */
export const WOULD_BLOCK = 'would block';

export const POLL = { in: 1, out: 4, error: 8, hangUp: 16, invalid: 32 } as const;

export const SEEK = { set: 0, current: 1, end: 2 } as const;

/** What stat tells; times in nanoseconds since 1970. */
export interface FileStat {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly mode: number;
  readonly nlink: bigint;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: bigint;
  readonly size: bigint;
  readonly blockBytes: number;
  readonly blocks: bigint;
  readonly accessedNs: bigint;
  readonly modifiedNs: bigint;
  readonly changedNs: bigint;
}

/** Who owns what the host's user owns: the guest's user. */
export interface Owner {
  readonly hostUid: number;
  readonly uid: number;
}

export function statFrom(stat: BigIntStats, owner: Owner): FileStat {
  const own = (id: bigint): number => (Number(id) === owner.hostUid ? owner.uid : Number(id));
  return {
    dev: stat.dev,
    ino: stat.ino,
    mode: Number(stat.mode),
    nlink: stat.nlink,
    uid: own(stat.uid),
    gid: own(stat.gid),
    rdev: stat.rdev,
    size: stat.size,
    blockBytes: Number(stat.blksize),
    blocks: stat.blocks,
    accessedNs: stat.atimeNs,
    modifiedNs: stat.mtimeNs,
    changedNs: stat.ctimeNs,
  };
}

/** A file that has no counterpart on the host: all that is not said is zero. */
export const madeStat = (mode: number, ino: number, size = 0): FileStat => ({
  dev: 1n,
  ino: BigInt(ino),
  mode,
  nlink: 1n,
  uid: 0,
  gid: 0,
  rdev: 0n,
  size: BigInt(size),
  blockBytes: 4096,
  blocks: 0n,
  accessedNs: 0n,
  modifiedNs: 0n,
  changedNs: 0n,
});

/** What all kinds answer unless they know better: the errors of a file that cannot do it. */
export abstract class OpenFile {
  /** Status flags: access mode, O_APPEND, O_NONBLOCK. */
  flags: number;
  /** The guest's path, or what /proc/self/fd shows. Follows when the guest renames things. */
  path: string;
  /** Whether only the console can make it ready. */
  readonly isConsole: boolean = false;

  constructor(flags: number, path: string) {
    this.flags = flags;
    this.path = path;
  }

  get mayRead(): boolean {
    return (this.flags & O.accessMode) !== O.writeOnly && (this.flags & O.path) === 0;
  }

  get mayWrite(): boolean {
    return (this.flags & O.accessMode) !== O.readOnly && (this.flags & O.path) === 0;
  }

  abstract stat(): FileStat;

  /** Bytes read, 0 at the end. @param at null: where the file is, which then moves. */
  read(_into: Uint8Array, _at: number | null): number | typeof WOULD_BLOCK {
    return fail('EINVAL');
  }

  write(_from: Uint8Array, _at: number | null): number | typeof WOULD_BLOCK {
    return fail('EINVAL');
  }

  seek(_offset: number, _whence: number): number {
    return fail('ESPIPE');
  }

  /** POLL bits that hold now. */
  poll(): number {
    return POLL.in | POLL.out;
  }

  truncate(_size: number): void {
    fail('EINVAL');
  }

  sync(): void {
    fail('EINVAL');
  }

  /** Bytes that can be read at once (FIONREAD). */
  available(): number {
    return fail('ENOTTY');
  }

  /** A terminal's rows and columns; null: it is none. */
  get terminal(): { readonly rows: number; readonly columns: number } | null {
    return null;
  }

  /** The host's descriptor, where a mapping can be read from. */
  get hostDescriptor(): number | null {
    return null;
  }

  /** The last descriptor is gone. */
  close(): void {}
}

/** A regular file of the host. The position is ours, so that reading never moves the host's. */
export class HostFile extends OpenFile {
  readonly #descriptor: number;
  readonly #owner: Owner;
  #position = 0;

  constructor(descriptor: number, flags: number, path: string, owner: Owner) {
    super(flags, path);
    this.#descriptor = descriptor;
    this.#owner = owner;
  }

  override get hostDescriptor(): number {
    return this.#descriptor;
  }

  override stat(): FileStat {
    return statFrom(
      onHost(() => fstatSync(this.#descriptor, { bigint: true })),
      this.#owner,
    );
  }

  #size(): number {
    return onHost(() => fstatSync(this.#descriptor)).size;
  }

  override read(into: Uint8Array, at: number | null): number {
    const from = at ?? this.#position;
    const count = onHost(() => readSync(this.#descriptor, into, 0, into.length, from));
    if (at === null) this.#position = from + count;
    return count;
  }

  override write(from: Uint8Array, at: number | null): number {
    const isAppend = (this.flags & O.append) !== 0;
    const to = isAppend ? this.#size() : (at ?? this.#position);
    const count = onHost(() => writeSync(this.#descriptor, from, 0, from.length, to));
    if (at === null) this.#position = to + count;
    return count;
  }

  override seek(offset: number, whence: number): number {
    const base = { [SEEK.set]: 0, [SEEK.current]: this.#position, [SEEK.end]: -1 }[whence];
    if (base === undefined) return fail('EINVAL');
    const to = (base < 0 ? this.#size() : base) + offset;
    if (to < 0 || !Number.isSafeInteger(to)) return fail('EINVAL');
    this.#position = to;
    return to;
  }

  override truncate(size: number): void {
    onHost(() => ftruncateSync(this.#descriptor, size));
  }

  override sync(): void {
    onHost(() => fdatasyncSync(this.#descriptor));
  }

  override available(): number {
    return Math.max(0, this.#size() - this.#position);
  }

  override close(): void {
    closeSync(this.#descriptor);
  }
}

/** A folder that is open: its names as they were when the first were read. */
export class OpenFolder extends OpenFile {
  readonly #stat: () => FileStat;
  readonly #list: (path: string) => readonly FolderName[];
  #names: readonly FolderName[] | null = null;
  #position = 0;

  constructor(
    flags: number,
    path: string,
    stat: () => FileStat,
    list: (path: string) => readonly FolderName[],
  ) {
    super(flags, path);
    this.#stat = stat;
    this.#list = list;
  }

  override stat(): FileStat {
    return this.#stat();
  }

  override read(): number {
    return fail('EISDIR');
  }

  /** The name at a position; null behind the last. */
  next(): { readonly name: FolderName; readonly position: number } | null {
    this.#names ??= this.#list(this.path);
    const name = this.#names[this.#position];
    return name === undefined ? null : { name, position: this.#position + 1 };
  }

  override seek(offset: number, whence: number): number {
    if (whence !== SEEK.set && !(whence === SEEK.current && offset === 0)) return fail('EINVAL');
    if (whence === SEEK.set) {
      if (offset < 0) return fail('EINVAL');
      if (offset === 0) this.#names = null;
      this.#position = offset;
    }
    return this.#position;
  }

  override sync(): void {}
}

export interface FolderName {
  readonly name: string;
  readonly ino: bigint;
  /** DT_: the file type of its mode, shifted right by 12. */
  readonly type: number;
}

export const folderType = (mode: number): number => (mode & S.format) >> 12;

/** A file of /dev or /proc that is made up. */
export class MadeFile extends OpenFile {
  readonly #stat: FileStat;
  readonly #fill: (into: Uint8Array, at: number) => number;
  readonly #take: ((bytes: number) => number) | null;
  #position = 0;

  /**
   * @param fill puts bytes of the file from a position; how many there were.
   * @param take what writing answers; null: it cannot be written.
   */
  constructor(
    flags: number,
    path: string,
    stat: FileStat,
    fill: (into: Uint8Array, at: number) => number,
    take: ((bytes: number) => number) | null,
  ) {
    super(flags, path);
    this.#stat = stat;
    this.#fill = fill;
    this.#take = take;
  }

  override stat(): FileStat {
    return this.#stat;
  }

  override read(into: Uint8Array, at: number | null): number {
    const count = this.#fill(into, at ?? this.#position);
    if (at === null) this.#position += count;
    return count;
  }

  override write(from: Uint8Array): number {
    return this.#take === null ? fail('EINVAL') : this.#take(from.length);
  }

  override seek(offset: number, whence: number): number {
    if (whence === SEEK.end && (this.#stat.mode & S.format) !== S.character) return fail('EINVAL');
    const to = (whence === SEEK.current ? this.#position : 0) + offset;
    if (to < 0) return fail('EINVAL');
    this.#position = (this.#stat.mode & S.format) === S.character ? 0 : to;
    return this.#position;
  }
}
