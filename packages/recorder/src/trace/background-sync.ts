/**
 * Files that nothing is appended to any more are made durable while the recording goes on, and in
 * the end side by side: when the guest ends, gigabytes need not be waited for, nor a journal's
 * commit for each file.
 */
import fs from 'node:fs';
import { syncFile } from './directory.ts';
import { outputError } from './output.ts';

/** More than this at one time, and the disk is the limit: the rest waits for the end. */
const PENDING_MAX = 8;

export class BackgroundSync {
  /**
   * By path, a descriptor that was open before its sync began. The kernel tells an error of
   * writing back once to each descriptor that was open then, and never to one opened later.
   */
  private readonly pending = new Map<string, number>();
  private readonly durable = new Set<string>();

  /** Begins with a closed file. What goes wrong is told by finish(). */
  begin(path: string): void {
    if (this.pending.size >= PENDING_MAX) return;
    const file = this.open(path);
    this.pending.set(path, this.open(path));
    fs.fsync(file, (error) => {
      fs.closeSync(file);
      if (error === null && this.close(path)) this.durable.add(path);
    });
  }

  /** Returns when the file is durable. @throws BacktrailError E_DISK_FULL, E_WRITE */
  finish(path: string): void {
    const file = this.pending.get(path);
    if (file === undefined) {
      if (!this.durable.has(path)) syncFile(path);
      return;
    }
    try {
      fs.fsyncSync(file);
    } catch (error) {
      throw outputError(path, 'the trace', error);
    } finally {
      this.close(path);
    }
  }

  /** Forgets what has begun. */
  abandon(): void {
    for (const path of this.pending.keys()) this.close(path);
  }

  private open(path: string): number {
    try {
      return fs.openSync(path, 'r');
    } catch (error) {
      throw outputError(path, 'the trace', error);
    }
  }

  private close(path: string): boolean {
    const file = this.pending.get(path);
    if (file === undefined) return false;
    this.pending.delete(path);
    fs.closeSync(file);
    return true;
  }
}
