/**
 * The thread that a guest of the embedded engine will run in. This file imports nothing of the
 * engine, so that the thread can begin to load it while the recorder itself is still being loaded.
 */
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';

/** WebAssembly calls nest as guest calls do, up to DEPTH_LIMIT; their frames are large. */
const STACK_MIB = 64;
const HEAP_MIB = 4096;

/** It waits for what to run (worker.ts); `terminate` it if that never comes. */
export function startEngineThread(): Worker {
  const file = new URL(`./worker${extname(import.meta.url)}`, import.meta.url);
  return new Worker(file, {
    resourceLimits: { stackSizeMb: STACK_MIB, maxOldGenerationSizeMb: HEAP_MIB },
    // Standard streams belong to the guest: its thread writes to the descriptors.
    stdin: false,
  });
}
