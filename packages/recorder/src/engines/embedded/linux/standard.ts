/** Descriptors 0 to 2: the guest's standard streams. */
import { O, S } from './abi.ts';
import { fail } from './errno.ts';
import {
  type FileStat,
  HostFile,
  madeStat,
  OpenFile,
  type Owner,
  POLL,
  SEEK,
  WOULD_BLOCK,
} from './files.ts';
import type { HostIo, StandardNumber } from './io.ts';

const NAMES = ['/dev/stdin', '/dev/stdout', '/dev/stderr'] as const;

/** A terminal, a pipe, or whatever else is no file that the guest could seek in. */
class StandardStream extends OpenFile {
  readonly #io: HostIo;
  readonly #number: StandardNumber;
  #position: number;
  override readonly isConsole: boolean;

  constructor(io: HostIo, number: StandardNumber) {
    super(number === 0 ? O.readOnly : O.writeOnly, NAMES[number]);
    this.#io = io;
    this.#number = number;
    this.#position = io.facts(number).position;
    this.isConsole = number === 0;
  }

  override stat(): FileStat {
    const { mode, blockBytes } = this.#io.facts(this.#number);
    return { ...madeStat(mode, this.#number + 1), blockBytes };
  }

  override read(into: Uint8Array, at: number | null): number | typeof WOULD_BLOCK {
    if (this.#number !== 0) return fail('EBADF');
    if (at !== null) return fail('ESPIPE');
    return into.length === 0 ? 0 : (this.#io.read(into) ?? WOULD_BLOCK);
  }

  override write(from: Uint8Array, at: number | null): number {
    if (this.#number === 0) return fail('EBADF');
    if (at !== null) return fail('ESPIPE');
    if (!this.#io.write(this.#number, from)) return fail('EPIPE');
    this.#position += from.length;
    return from.length;
  }

  /** Where it is can be told of a file; it cannot be moved, for others write to it as well. */
  override seek(offset: number, whence: number): number {
    const { isFile } = this.#io.facts(this.#number);
    if (!isFile || whence !== SEEK.current || offset !== 0) return fail('ESPIPE');
    return this.#position;
  }

  override poll(): number {
    if (this.#number !== 0) return POLL.out;
    const state = this.#io.inputState();
    if (state === 'none') return 0;
    const isPipe = (this.#io.facts(0).mode & S.format) === S.fifo;
    return state === 'ended' && isPipe ? POLL.hangUp : POLL.in;
  }

  override available(): number {
    return fail('ENOTTY');
  }

  override get terminal(): { readonly rows: number; readonly columns: number } | null {
    return this.#io.facts(this.#number).isTerminal ? this.#io.terminalSize() : null;
  }
}

/** Stdin that is a file: seekable, as the guest expects; the host's own position stays. */
class StandardInputFile extends HostFile {
  override close(): void {}
}

/** Null: the stream is closed. */
export function standardFile(io: HostIo, number: StandardNumber, owner: Owner): OpenFile | null {
  const facts = io.facts(number);
  if (facts.mode === 0) return null;
  if (number !== 0 || !facts.isFile) return new StandardStream(io, number);
  const file = new StandardInputFile(0, O.readOnly, NAMES[0], owner);
  file.seek(facts.position, SEEK.set);
  return file;
}
