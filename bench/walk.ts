/** The terminal UI on a trace: from a key to the whole frame that answers it, in a terminal. */
import { fileURLToPath } from 'node:url';
import { type IPty, spawn } from '@lydell/node-pty';
import { processorMs, residentBytes } from './measure.ts';

const MAIN = fileURLToPath(new URL('../packages/cli/dist/main.js', import.meta.url));
const MIB = 1024 * 1024;
const COLUMNS = 200;
const ROWS = 50;
const STEPS = 100;
const JUMPS = 25;
/** Each frame is put between two of these: synchronized output, DEC private mode 2026. */
const FRAME_ENDS = '\u001b[?2026l';
/** The first of them is blank. */
const SOMETHING = /transfer/;

/** Of one frame, ms. */
interface Took {
  readonly ms: number;
  /** Of the processor: what it takes on a machine where nothing else runs, or nearly. */
  readonly processorMs: number;
}

class Walk {
  readonly #pty: IPty;
  readonly #hasEnded: Promise<never>;
  #frame: (() => void) | null = null;
  #tail = '';
  #hasBegun = false;

  constructor(trace: string) {
    this.#pty = spawn(process.execPath, [MAIN, 'walk', trace], {
      cols: COLUMNS,
      rows: ROWS,
      env: { ...process.env, TERM: 'xterm-256color' },
    });
    this.#pty.onData((data) => {
      this.#tail += data;
      this.#hasBegun ||= SOMETHING.test(this.#tail);
      if (!this.#hasBegun || !this.#tail.endsWith(FRAME_ENDS)) return;
      this.#tail = '';
      this.#frame?.();
    });
    this.#hasEnded = new Promise((_done, fail) => {
      this.#pty.onExit(({ exitCode }) => fail(new Error(`walk ended with status ${exitCode}`)));
    });
    this.#hasEnded.catch(() => undefined);
  }

  /** Until the next frame is whole. */
  async frame(keys = ''): Promise<Took> {
    const before = processorMs(this.#pty.pid);
    const started = performance.now();
    const next = new Promise<void>((done) => {
      this.#frame = done;
    });
    if (keys !== '') this.#pty.write(keys);
    await Promise.race([next, this.#hasEnded]);
    const ms = performance.now() - started;
    return { ms, processorMs: processorMs(this.#pty.pid) - before };
  }

  async frames(count: number, keys: string): Promise<Took[]> {
    const times: Took[] = [];
    for (let i = 0; i < count; i++) times.push(await this.frame(keys));
    return times;
  }

  residentBytes(): number {
    return residentBytes(this.#pty.pid);
  }

  [Symbol.dispose](): void {
    this.#pty.kill('SIGTERM');
  }
}

function spread(times: readonly number[]): string {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (part: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0).toFixed(1);
  return `median ${at(0.5)} ms, 95 % ${at(0.95)} ms, longest ${at(1)} ms`;
}

const shown = (what: string, times: readonly Took[]): string =>
  `walk, ${what}: ${spread(times.map(({ ms }) => ms))}; ` +
  `of the processor: ${spread(times.map(({ processorMs: ms }) => ms))}`;

/** Prints figures of a trace of one vCPU that has an index beside it. */
export async function walkFigures(trace: string, transfers: number): Promise<void> {
  using walk = new Walk(trace);
  console.log(
    `walk, ${COLUMNS}×${ROWS}, start to first frame: ${(await walk.frame()).ms.toFixed(0)} ms`,
  );
  console.log(shown('back by transfer', await walk.frames(STEPS, 'k')));
  console.log(shown('back by instruction', await walk.frames(STEPS, 'i')));
  const executions: Took[] = [];
  for (let i = 0; i < JUMPS; i++) {
    // The box of `g`, what is typed into it, and the place itself are a frame each.
    await walk.frame('g');
    await walk.frame(`${Math.floor((transfers * (i + 0.5)) / JUMPS)}`);
    await walk.frame('\r');
    executions.push(await walk.frame('p'));
  }
  console.log(shown('previous execution of an instruction', executions));
  console.log(`walk, resident at most: ${(walk.residentBytes() / MIB).toFixed(0)} MiB`);
}
