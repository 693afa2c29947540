/** Output files: whole writes or an error that says which file, what was written, what to do. */
import fs from 'node:fs';
import { BacktrailError } from '../errors.ts';

/** The calls that write; tests pass one that fails. */
export interface OutputSystem {
  openSync(path: string, flags: number): number;
  writevSync(file: number, chunks: readonly Uint8Array[]): number;
  fsyncSync(file: number): void;
  closeSync(file: number): void;
}

/** writev() takes at most 1,024 pieces (IOV_MAX on Linux). */
const CHUNKS_MAX = 1024;

const errorCode = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

/** What a process may not have more of: what was found, expected, and how it is raised. */
const LIMITS: Readonly<Record<string, string>> = {
  EFBIG:
    'found a limit on the size of files (RLIMIT_FSIZE, or the file system), expected room for ' +
    'gigabytes. Raise it: ulimit -f unlimited',
  EMFILE:
    'found no more files that this process may open (RLIMIT_NOFILE), expected 64 or more. ' +
    'Raise it: ulimit -n 1024',
  ENFILE: 'found no more files that this machine may open. Raise it: sysctl fs.file-max',
};

/** An error of the file system as one line with its remedy. */
export function outputError(path: string, what: string, error: unknown): BacktrailError {
  const cause = { cause: error };
  const code = errorCode(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const full = code === 'EDQUOT' ? 'the quota is used up' : 'the disk is full';
    return new BacktrailError(
      'E_DISK_FULL',
      `${path}: ${full} while writing ${what}. Free some space, or record elsewhere with -o DIR.`,
      cause,
    );
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new BacktrailError(
      'E_WRITE',
      `${path}: may not write ${what} here (${code}). Choose a folder you may write with -o DIR.`,
      cause,
    );
  }
  if (code === 'ENOENT') {
    return new BacktrailError(
      'E_WRITE',
      `${path}: cannot write ${what}, its folder does not exist. Create it, or choose -o DIR.`,
      cause,
    );
  }
  const limit = LIMITS[code];
  if (limit !== undefined) {
    return new BacktrailError('E_LIMIT', `${path}: cannot write ${what}: ${limit}`, cause);
  }
  const says = error instanceof Error ? error.message : String(error);
  return new BacktrailError(
    'E_WRITE',
    `${path}: cannot write ${what}: ${says}. Check the disk, or record elsewhere with -o DIR.`,
    cause,
  );
}

const { O_CREAT, O_NOFOLLOW, O_TRUNC, O_WRONLY } = fs.constants;
/** As 'w', but a link is not followed: whoever made a trace could have put one into its folder. */
const WRITE_FLAGS = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW;

export class OutputFile {
  readonly path: string;
  private readonly what: string;
  private readonly system: OutputSystem;
  private file: number | null;
  private written = 0;

  /** Creates the file, or empties it. @param what Names the contents in error messages. */
  constructor(path: string, what: string, system: OutputSystem = fs) {
    this.path = path;
    this.what = what;
    this.system = system;
    this.file = this.attempt(() => system.openSync(path, WRITE_FLAGS));
  }

  /** Size of the file. */
  get bytes(): number {
    return this.written;
  }

  /** Writes all chunks in order. @throws BacktrailError E_DISK_FULL or E_WRITE */
  write(chunks: readonly Uint8Array[]): void {
    const { file } = this;
    if (file === null) throw new BacktrailError('E_INTERNAL', `${this.path}: is closed`);
    let rest = chunks.filter((chunk) => chunk.length > 0);
    this.attempt(() => {
      while (rest.length > 0) {
        const count = this.system.writevSync(file, rest.slice(0, CHUNKS_MAX));
        this.written += count;
        rest = after(rest, count);
      }
    });
  }

  sync(): void {
    const { file } = this;
    if (file !== null) this.attempt(() => this.system.fsyncSync(file));
  }

  close(): void {
    const { file } = this;
    this.file = null;
    if (file !== null) this.attempt(() => this.system.closeSync(file));
  }

  /** After an error: closes it and takes it away, for half a file is of no use and takes room. */
  discard(): void {
    try {
      this.close();
    } finally {
      fs.rmSync(this.path, { force: true });
    }
  }

  private attempt<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw outputError(this.path, this.what, error);
    }
  }
}

/** What remains of the chunks after a write of `count` bytes, which may be short. */
function after(chunks: readonly Uint8Array[], count: number): Uint8Array[] {
  let left = count;
  let index = 0;
  for (const chunk of chunks) {
    if (left < chunk.length) break;
    left -= chunk.length;
    index++;
  }
  const rest = chunks.slice(index);
  const first = rest[0];
  if (first !== undefined && left > 0) rest[0] = first.subarray(left);
  return rest;
}
