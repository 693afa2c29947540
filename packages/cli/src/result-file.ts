/** Where results go: stdout, or a file that is there whole or not at all. */
import { randomUUID } from 'node:crypto';
import { closeSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { BacktrailError } from '@backtrail/recorder/trace';

export interface ResultSink {
  write(data: string | Uint8Array): void;
  /** Waits for a reader that is slower than we are. */
  readonly drained?: () => Promise<void>;
  /** All is written. */
  finish(): void;
  /** Something went wrong: leave nothing behind. */
  abandon(): void;
}

const failed = (path: string, error: unknown): BacktrailError => {
  // "ENOENT: no such file or directory, open '…'": the name is told already.
  const why = (error instanceof Error ? error.message : String(error)).replace(/, \w+ '.*$/, '');
  return new BacktrailError('E_WRITE', `${path}: cannot be written: ${why}. Choose another -o.`, {
    cause: error,
  });
};

/** A device or a pipe is written to; only a plain file may be replaced by another. */
function isReplaceable(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined || found.isFile();
}

/** @throws BacktrailError E_WRITE, as its functions do. */
export function fileSink(path: string): ResultSink {
  const attempt = <T>(action: () => T): T => {
    try {
      return action();
    } catch (error) {
      throw failed(path, error);
    }
  };
  const isWhole = attempt(() => isReplaceable(path));
  const target = isWhole ? `${path}.${randomUUID()}.tmp` : path;
  const file = attempt(() => openSync(target, 'w'));
  return {
    write: (data) =>
      attempt(() => {
        const bytes = typeof data === 'string' ? Buffer.from(data) : data;
        for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
      }),
    finish: () =>
      attempt(() => {
        closeSync(file);
        if (isWhole) renameSync(target, path);
      }),
    abandon: () => {
      closeSync(file);
      if (isWhole) rmSync(target, { force: true });
    },
  };
}
