/** The writer's side of a ring as a process: the C of the plugin, driven by commands. */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const SOURCE = fileURLToPath(new URL('../../../../tests/guests/ring_driver.c', import.meta.url));
const PLUGIN = fileURLToPath(new URL('../engines/qemu/plugin/', import.meta.url));

/** Edges of the pattern; those that `edges` logs first should be as many. */
export const PATTERN_EDGES = 251;
/** The driver retires so many instructions before each transfer. */
export const INSTRUCTIONS_PER_TRANSFER = 3;

/** The edge that the driver stores; see the head of its source. */
export const patternEdge = (vcpu: number, seq: number): number =>
  (seq * 31 + vcpu * 17) % PATTERN_EDGES;

/** In `flow`, every so manieth transfer is an edge of its own. */
export const FRESH_EVERY = 97;
export const freshSource = (vcpu: number, seq: number): bigint =>
  (1n << 63n) | (BigInt(vcpu) << 40n) | BigInt(seq);

/** @param cc a C compiler. Returns the program. */
export function buildDriver(cc: string, folder: string): string {
  const program = path.join(folder, 'ring_driver');
  const sources = [SOURCE, path.join(PLUGIN, 'ring_writer.c')];
  const args = ['-O2', '-pthread', '-I', PLUGIN, '-o', program, ...sources];
  const run = spawnSync(cc, args, { encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`${cc}: ${run.stderr}`);
  return program;
}

export class Driver {
  readonly process: ChildProcessWithoutNullStreams;
  /** Settles when the process is gone. */
  readonly gone: Promise<unknown>;
  readonly #answers: AsyncIterator<string>;
  readonly #lines: Interface;

  constructor(program: string, ringPath: string) {
    this.process = spawn(program, [ringPath]);
    this.gone = once(this.process, 'exit');
    // A killed driver closes its end: that is what the tests are about.
    this.process.stdin.on('error', () => {});
    this.#lines = createInterface({ input: this.process.stdout });
    this.#answers = this.#lines[Symbol.asyncIterator]();
  }

  /** Sends a command; resolves when it is done. @throws Error if the driver ended before. */
  async run(command: string): Promise<void> {
    this.start(command);
    const answer = await this.#answers.next();
    if (answer.done === true) throw new Error(`the driver ended at: ${command}`);
  }

  /** Sends a command and does not wait for it. */
  start(command: string): void {
    this.process.stdin.write(`${command}\n`);
  }

  /** Ends the process as it stands: vCPUs are left open. */
  async quit(): Promise<void> {
    this.start('quit');
    await this.gone;
    this.#lines.close();
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.gone;
    this.#lines.close();
  }
}
