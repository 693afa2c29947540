/** Where a recording begins that does not begin with the program, and who says so while it runs. */
import { firstCode } from './elf/elf.ts';
import type { StartAt } from './engines/engine.ts';
import { findProgram } from './engines/find-program.ts';
import { BacktrailError } from './errors.ts';
import { addressesOf } from './modules.ts';
import { askToStart, askToStop } from './ring/requests.ts';
import { Ring } from './ring/ring.ts';
import { ringPathOf } from './snapshot.ts';
import { symbolFile, symbolMaps } from './symbol-files.ts';
import type { SymbolFile } from './trace/manifest.ts';

/** As the plugin can keep. */
const ADDRESSES_MAX = 64;

const startError = (says: string): BacktrailError =>
  new BacktrailError('E_START', `--start: ${says}`);

/**
 * @param text `paused`, an address, or a name
 * @param machine names of a whole machine's code; null: `program` is the program itself
 * @throws BacktrailError E_START, E_ELF
 */
function parseStart(text: string, program: string, machine: readonly SymbolFile[] | null): StartAt {
  if (text === 'paused') return { addresses: [], text: null };
  if (/^0x[0-9a-f]{1,16}$/i.test(text)) return { addresses: [BigInt(text)], text: null };
  if (text === '' || /^\d/.test(text)) {
    throw startError(
      `found "${text}", expected paused, a function, or an address such as 0x401136.`,
    );
  }
  const files = machine ?? [symbolFile(program)];
  const addresses = addressesOf(text, symbolMaps(files, 0n));
  if (addresses.length === 0 || addresses.length > ADDRESSES_MAX) {
    const where = machine === null ? program : 'the files that name the machine’s code';
    throw startError(
      `found ${addresses.length} functions "${text}" in ${where}, expected 1 to ` +
        `${ADDRESSES_MAX}. Give an address, or paused and then: backtrail start PROCESS`,
    );
  }
  return { addresses, text: machine === null ? firstCode(program) : null };
}

/** What record() was given of it. */
export interface StartChoice {
  readonly start?: string | null;
  readonly program: string;
}

/**
 * Before the engine is chosen, which wants to be told.
 * @param machine names of a whole machine's code; null: it is a program
 */
export function startOf(
  { start = null, program }: StartChoice,
  machine: readonly SymbolFile[] | null,
): StartAt | null {
  if (start === null) return null;
  const isName = start !== 'paused' && !start.startsWith('0x');
  return parseStart(start, isName && machine === null ? findProgram(program) : program, machine);
}

/** @throws BacktrailError E_START */
export function checkStart(start: string | null, engine: string): void {
  if (start === null || engine !== 'embedded') return;
  throw new BacktrailError(
    'E_START',
    `--start: found "${start}" with the embedded engine, expected QEMU: only that can run a ` +
      'program unrecorded first. Write --engine qemu.',
  );
}

function withRing(of: string, work: (ring: Ring) => void): string {
  const path = ringPathOf(of);
  const ring = Ring.open(path);
  try {
    if (!ring.writerAlive()) {
      throw new BacktrailError(
        'E_NO_RING',
        `${of}: found a ring whose program is gone, expected one that runs. What is left of it: ` +
          `backtrail recover ${path}`,
      );
    }
    work(ring);
    return ring.traceDirectory;
  } finally {
    ring.close();
  }
}

/**
 * Lets a recording begin that waits with --start.
 * @param of a process number, or the path of a ring file
 * @returns where its trace is
 * @throws BacktrailError E_NO_RING, E_RING_OPEN, E_STARTED
 */
export const startRecording = (of: string): string =>
  withRing(of, (ring) => {
    refuseStarted(of, ring);
    askToStart(ring);
  });

/** A vCPU that waits has no segment, and has had none. */
function refuseStarted(of: string, ring: Ring): void {
  const { published } = ring.writerState();
  if (published === 0 && !ring.liveVcpus().some(({ open }) => open)) return;
  throw new BacktrailError(
    'E_STARTED',
    `${of}: found a recording that has begun already, expected one that waits (record --start). ` +
      `End it: backtrail stop ${of}`,
  );
}

/** Ends a recording; the program runs on. Parameters and errors as startRecording. */
export const stopRecording = (of: string): string => withRing(of, (ring) => askToStop(ring));
