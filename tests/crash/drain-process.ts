/**
 * A recorder without an emulator, to be killed: makes a ring and a trace, drains until it is told
 * on stdin to close, closes. With `killAtWrite` it kills itself in the middle of that write to the
 * trace, with `killAtClosingWrite` in that one after it was told to close. Says `ready` once, then
 * how many transfers are on disk whenever there are more.
 */
import fs from 'node:fs';
import { closeTrace } from '../../packages/recorder/src/close.ts';
import { Flusher } from '../../packages/recorder/src/flush.ts';
import { Ring } from '../../packages/recorder/src/ring/ring.ts';
import type { OutputSystem } from '../../packages/recorder/src/trace/output.ts';
import { newManifest } from '../../packages/recorder/src/trace/trace.fixture.ts';
import { TraceWriter } from '../../packages/recorder/src/trace/writer.ts';
import type { DrainOptions } from './rig.ts';

/** Writes as the file system does, but half of the last write, which never returns. */
function dyingSystem(isLastOf: (writes: number) => boolean): OutputSystem {
  let writes = 0;
  const next = (): boolean => isLastOf(++writes);
  const die = (): void => void process.kill(process.pid, 'SIGKILL');
  return {
    openSync: (path, flags) => fs.openSync(path, flags),
    writevSync: (file, chunks) => {
      const isLast = next();
      const half = chunks.slice(0, Math.ceil(chunks.length / 2));
      const count = fs.writevSync(file, isLast ? half : chunks);
      if (isLast) die();
      return count;
    },
    fsyncSync: (file) => {
      if (next()) die();
      fs.fsyncSync(file);
    },
    closeSync: (file) => {
      if (next()) die();
      fs.closeSync(file);
    },
  };
}

const options = JSON.parse(process.argv[2] ?? '') as DrainOptions;
const { shape, keep, directory } = options;
const ring = Ring.create(options.ring, { shape, keep, maxTransfers: 0, traceDirectory: directory });
const manifest = { ...newManifest(), keep };
const { killAtWrite = 0, killAtClosingWrite = 0 } = options;
let isClosing = false;
let closingWrites = 0;
const system = dyingSystem((writes) => {
  if (!isClosing) return writes === killAtWrite;
  closingWrites++;
  return closingWrites === killAtClosingWrite;
});
const writer = TraceWriter.create(directory, manifest, system);
const flusher = new Flusher(ring, writer);
process.stdin.once('data', () => {
  isClosing = true;
  process.stdin.destroy();
});
fs.writeSync(1, 'ready\n');
let told = 0;
while (!isClosing) {
  flusher.poll();
  if (writer.counts.transfers > told) {
    told = writer.counts.transfers;
    fs.writeSync(1, `${told}\n`);
  }
  await new Promise(setImmediate);
}
closeTrace(writer, flusher, { how: 'exit', status: 0 });
ring.remove();
