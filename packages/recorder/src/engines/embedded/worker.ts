/** The thread that a guest of the embedded engine runs in; embedded.ts starts it. */
import { parentPort } from 'node:worker_threads';
import { BacktrailError } from '../../errors.ts';
import { RingWriter } from '../../ring/writer.ts';
import type { WasmMemory } from '../../wasm/host.ts';
import type { EmbeddedOptions } from '../engine.ts';
import { Board } from './board/board.ts';
import { HostConsole } from './board/console.ts';
import { RAM_BYTES_DEFAULT, readBareProgram } from './board/loader.ts';
import { Engine } from './core/engine.ts';
import { Hart } from './core/hart.ts';
import type { Machine, Next } from './core/machine.ts';
import { GuestMemory } from './core/memory.ts';
import type { SieveRules } from './core/sieve.ts';
import type { Space } from './core/space.ts';
import { isFusedMultiplyAddExact } from './emit/float-probe.ts';
import { ConsoleClient } from './linux/console.ts';
import { Process } from './linux/process.ts';

/**
 * Translating takes some 35 µs a block, and running it as a region saves most of what an arrival
 * costs in the interpreter: regions are made when they would have paid off had they been there.
 */
const HEATING = { limit: 2000, arrivalsPerBlock: 600 };
/** About the time after which V8's better code of a hot region is there: some 10 ms. */
const REENTER_AFTER = 8_000_000;

export interface WorkerData {
  readonly memory: WasmMemory;
  readonly space: Space;
  readonly isRecorded: boolean;
  readonly console: SharedArrayBuffer;
  /** File on the host, and what the guest is told that it is called. */
  readonly program: string;
  readonly name: string;
  readonly args: readonly string[];
  readonly options: EmbeddedOptions;
  /** Whether each system call leaves a mark. */
  readonly syscalls: boolean;
  readonly isBare: boolean;
  /** What is recorded; null: all. */
  readonly sieve: SieveRules | null;
  /** Where the recorder writes to; null: nothing is recorded. */
  readonly traceFolder: string | null;
}

export type WorkerAnswer =
  | (Exclude<Next, { how: 'run' }> &
      Pick<Machine, 'unknownCalls'> & { readonly note: string | null })
  | { readonly how: 'error'; readonly code: string; readonly message: string };

function startMachine(data: WorkerData, hart: Hart, engine: Engine, io: ConsoleClient): Machine {
  const { observer } = engine;
  if (data.isBare) {
    const ramBytes = data.options.memoryBytes ?? RAM_BYTES_DEFAULT;
    const console = new HostConsole(io);
    const board = new Board({ hart, clock: engine, observer, console, ramBytes });
    const program = readBareProgram(data.program);
    observer.started(0, program.entry);
    observer.switched(0);
    board.start(program);
    return board;
  }
  return Process.start({ hart, clock: engine, observer, io, ...data });
}

function run(data: WorkerData): WorkerAnswer {
  const { memory: shared, space } = data;
  const memory = new GuestMemory({ ...space, memory: shared });
  const hart = new Hart(memory);
  const io = new ConsoleClient(data.console);
  const ring = data.isRecorded ? new RingWriter(shared.buffer, space.ringBase) : null;
  ring?.log.guest('riscv64', data.isBare);
  const engine = new Engine({
    memory,
    hart,
    space,
    ring,
    sieve: data.sieve,
    heating: HEATING,
    reenterAfter: REENTER_AFTER,
    fusedMultiplyAdd: isFusedMultiplyAddExact(),
    callsRetire: !data.isBare,
    wanted: () => io.hasSignals(),
  });
  const machine = startMachine(data, hart, engine, io);
  const end = engine.run(machine);
  return { ...end, note: machine.ending, unknownCalls: machine.unknownCalls };
}

function answerTo(data: WorkerData): WorkerAnswer {
  try {
    return run(data);
  } catch (error) {
    if (!(error instanceof BacktrailError)) throw error;
    return { how: 'error', code: error.code, message: error.message };
  }
}

// One guest a thread: without a listener the thread ends.
parentPort?.once('message', (data: WorkerData) => parentPort?.postMessage(answerTo(data)));
