/** The embedded engine: RV64 programs, translated to WebAssembly in a thread of this process. */
import { constants } from 'node:os';
import type { Worker } from 'node:worker_threads';
import { readElfHeader } from '../../elf/elf.ts';
import { BacktrailError } from '../../errors.ts';
import type { RingOptions } from '../../ring/create.ts';
import type { RingShape } from '../../ring/layout.ts';
import { Ring } from '../../ring/ring.ts';
import { newSharedRing } from '../../ring/shared.ts';
import type { WasmMemory } from '../../wasm/host.ts';
import type { Engine, GuestEnd, PreparedGuest, RunningGuest, Target } from '../engine.ts';
import { findProgram } from '../find-program.ts';
import { looksBare, RAM_BYTES_DEFAULT, RAM_START } from './board/loader.ts';
import { newMemory } from './core/memory.ts';
import { divideSpace, MEMORY_BYTES_MAX, type Space } from './core/space.ts';
import { ConsoleServer } from './linux/console.ts';
import { sieveOf } from './sieve-rules.ts';
import { startEngineThread } from './thread.ts';
import type { WorkerAnswer, WorkerData } from './worker.ts';

/** Threads of a guest that can be recorded at one time. */
const VCPU_SLOTS = 128;
/** Addresses that a process must have; it may use what there is. */
const GUEST_BYTES_MIN = 1 << 30;
export const EMBEDDED_VERSION = '0.1.0';

/** What one run shares between the recorder's thread and the engine's. */
interface Shared {
  readonly memory: WasmMemory;
  readonly space: Space;
}

/** @param shape null: no ring. */
function allocate(shape: RingShape | null, guestBytes: number): Shared {
  const space = divideSpace(shape, guestBytes);
  try {
    return { memory: newMemory(space.bytes), space };
  } catch (cause) {
    throw new BacktrailError(
      'E_MEMORY',
      `found no ${space.bytes / 2 ** 30} GiB of address space, expected them for the embedded ` +
        'engine (they are used only as far as the guest needs). Raise the limit of virtual ' +
        'memory (ulimit -v).',
      { cause },
    );
  }
}

function startGuest(thread: Worker | null, data: Omit<WorkerData, 'console'>): RunningGuest {
  const server = new ConsoleServer();
  const worker = thread ?? startEngineThread();
  const ended = new Promise<GuestEnd>((resolve, reject) => {
    let answer: WorkerAnswer | null = null;
    worker.on('message', (message: WorkerAnswer) => {
      answer = message;
    });
    worker.on('error', (cause) => {
      reject(
        new BacktrailError('E_ENGINE', `the embedded engine failed: ${cause.message}`, { cause }),
      );
    });
    worker.on('exit', () => {
      server.close();
      if (answer === null) reject(new BacktrailError('E_ENGINE', 'the embedded engine stopped'));
      else if (answer.how === 'error') reject(new BacktrailError(answer.code, answer.message));
      else resolve(endOf(answer));
    });
  });
  worker.postMessage({ ...data, console: server.shared });
  return {
    pid: process.pid,
    ended,
    signal: (signal) => server.signal(constants.signals[signal]),
    isProcess: false,
  };
}

function endOf(answer: Exclude<WorkerAnswer, { how: 'error' }>): GuestEnd {
  const unknownCalls = Array.from(answer.unknownCalls, ([name, count]) => ({ name, count }));
  const remarks = { unknownCalls, ...(answer.note !== null && { note: answer.note }) };
  if (answer.how === 'exit') return { how: 'exit', status: answer.status, ...remarks };
  const { number } = answer;
  const found = Object.entries(constants.signals).find(([, value]) => value === number);
  const signal = (found?.[0] ?? 'SIGKILL') as NodeJS.Signals;
  return { how: 'signal', number, signal, ...remarks };
}

function prepare(target: Target): PreparedGuest {
  const program = findProgram(target.program);
  const header = readElfHeader(program);
  if (header.isa !== 'riscv64') {
    throw new BacktrailError(
      'E_ISA',
      `${program}: found a program for ${header.isa ?? `ELF machine ${header.machine}`}, ` +
        'expected riscv64, which is what the embedded engine runs. Use --engine qemu.',
    );
  }
  const { machine, memoryBytes } = target.embedded;
  const isBare = machine === 'virt' || (machine === 'auto' && looksBare(program));
  if (!isBare && header.interpreter !== null) {
    throw new BacktrailError(
      'E_DYNAMIC',
      `${program}: found a dynamic program (it asks for ${header.interpreter}), expected a ` +
        'static one. Link it with -static, or use --engine qemu -L SYSROOT.',
    );
  }
  const ram = memoryBytes ?? RAM_BYTES_DEFAULT;
  const guestBytes = isBare ? RAM_START + ram : GUEST_BYTES_MIN;
  let recorded: Shared | null = null;
  let traceFolder: string | null = null;
  return {
    engine: {
      name: 'embedded',
      version: EMBEDDED_VERSION,
      hostIsa: 'wasm32',
      mode: isBare ? 'system' : 'user',
    },
    guest: { isa: 'riscv64', endian: 'little', addressBits: 64 },
    createRing(options: RingOptions): Ring {
      const shape = { ...options.shape, vcpuSlots: VCPU_SLOTS };
      recorded = allocate(shape, guestBytes);
      traceFolder = options.traceDirectory;
      const { memory, space } = recorded;
      return Ring.over(newSharedRing(memory.buffer, space.ringBase, { ...options, shape }));
    },
    start(ring) {
      const shared = ring === null ? allocate(null, guestBytes) : recorded;
      if (shared === null) throw new Error('a recorded guest starts with its ring');
      return startGuest(target.thread ?? null, {
        ...shared,
        isRecorded: ring !== null,
        traceFolder: ring === null ? null : traceFolder,
        program,
        name: target.program,
        args: target.args,
        options: target.embedded,
        syscalls: target.syscalls === true,
        isBare,
        sieve: sieveOf(target.filterRules ?? null, program),
      });
    },
    explainSilence: () => `${program}: the embedded engine ended before it began to record`,
  };
}

/** Whether this process may have the addresses that the engine's memory takes. */
export function canHoldEngine(): boolean {
  try {
    newMemory(MEMORY_BYTES_MAX);
    return true;
  } catch {
    return false;
  }
}

export function embeddedEngine(): Engine {
  return { name: 'embedded', prepare };
}
