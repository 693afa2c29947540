/** The table of descriptors: numbers, and which open file each stands for. */
import { Failure, fail } from './errno.ts';
import type { OpenFile } from './files.ts';

/** RLIMIT_NOFILE. */
export const DESCRIPTORS_MAX = 1024;

interface Slot {
  readonly file: OpenFile;
  closeOnExec: boolean;
}

export class Descriptors {
  readonly #slots = new Map<number, Slot>();
  readonly #uses = new Map<OpenFile, number>();

  /** @throws Failure EBADF */
  get(number: number): OpenFile {
    return this.find(number) ?? fail('EBADF');
  }

  find(number: number): OpenFile | null {
    return this.#slots.get(number)?.file ?? null;
  }

  get numbers(): number[] {
    return [...this.#slots.keys()].sort((a, b) => a - b);
  }

  /** All open files, each once. */
  get files(): IterableIterator<OpenFile> {
    return this.#uses.keys();
  }

  /** Gives the lowest free number from `from` on. @throws Failure EMFILE; the file is closed. */
  add(file: OpenFile, closeOnExec: boolean, from = 0): number {
    let number = from;
    while (this.#slots.has(number)) number++;
    if (number >= DESCRIPTORS_MAX) {
      if (!this.#uses.has(file)) file.close();
      throw new Failure('EMFILE');
    }
    this.put(number, file, closeOnExec);
    return number;
  }

  /** Gives this number, and takes it from what had it. */
  put(number: number, file: OpenFile, closeOnExec: boolean): void {
    const before = this.#slots.get(number);
    this.#slots.set(number, { file, closeOnExec });
    this.#uses.set(file, (this.#uses.get(file) ?? 0) + 1);
    if (before !== undefined) this.#release(before.file);
  }

  /** @throws Failure EBADF */
  close(number: number): void {
    const { file } = this.#slots.get(number) ?? fail('EBADF');
    this.#slots.delete(number);
    this.#release(file);
  }

  /** At the end of the process. */
  closeAll(): void {
    for (const number of this.numbers) this.close(number);
  }

  #release(file: OpenFile): void {
    const uses = (this.#uses.get(file) ?? 1) - 1;
    if (uses > 0) this.#uses.set(file, uses);
    else {
      this.#uses.delete(file);
      file.close();
    }
  }

  /** @throws Failure EBADF */
  isCloseOnExec(number: number): boolean {
    return (this.#slots.get(number) ?? fail('EBADF')).closeOnExec;
  }

  setCloseOnExec(number: number, closeOnExec: boolean): void {
    const slot = this.#slots.get(number) ?? fail('EBADF');
    slot.closeOnExec = closeOnExec;
  }
}
