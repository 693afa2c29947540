/** The terminal UI on a trace: from a key to the frame that answers it, in a pseudo-terminal. */
import { Screen } from '../tests/golden/tui/screen.ts';
import { residentBytes } from './measure.ts';

const MIB = 1024 * 1024;
const SIZE = { columns: 200, rows: 50 };
const STEPS = 100;
const JUMPS = 25;

/** What the title says of the place; each movement changes it. */
const PLACE = /vCPU \d+ {2}transfer [\d,]+ of ([\d,]+)(?: {2}instruction [\d,]+ of [\d,]+)?/;

class Walk {
  readonly #screen: Screen;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  get place(): string {
    return PLACE.exec(this.#screen.text)?.[0] ?? '';
  }

  /** ms until the screen shows another place. */
  async move(keys: string): Promise<number> {
    const before = this.place.replaceAll(/[^\w ]/g, '.');
    const elsewhere = new RegExp(`^(?!.*${before}(?: |$)).*transfer [\\d,]+ of`, 'm');
    const started = performance.now();
    this.#screen.type(keys);
    await this.#screen.shows(elsewhere);
    return performance.now() - started;
  }
}

function shown(what: string, times: readonly number[]): string {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (part: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0).toFixed(1);
  return `walk, ${what}: median ${at(0.5)} ms, 95 % ${at(0.95)} ms, longest ${at(1)} ms`;
}

/** Prints figures of a trace that has an index beside it. */
export async function walkFigures(trace: string): Promise<void> {
  const started = performance.now();
  using screen = new Screen(['walk', trace], SIZE);
  await screen.shows(PLACE);
  console.log(`walk, start to first frame: ${(performance.now() - started).toFixed(0)} ms`);
  const walk = new Walk(screen);
  const transfers = Number(PLACE.exec(screen.text)?.[1]?.replaceAll(',', ''));
  const timesOf = async (count: number, keys: (i: number) => string): Promise<number[]> => {
    const times: number[] = [];
    for (let i = 0; i < count; i++) times.push(await walk.move(keys(i)));
    return times;
  };
  // From the end, then from places all over the run.
  console.log(shown('step by transfer', await timesOf(STEPS, () => 'k')));
  console.log(shown('step by instruction', await timesOf(STEPS, () => 'i')));
  const far = (i: number): string => `g${Math.floor((transfers * (i + 0.5)) / JUMPS)}\r`;
  console.log(shown('go to a seq', await timesOf(JUMPS, far)));
  const executions: number[] = [];
  for (let i = 0; i < JUMPS; i++) {
    await walk.move(far(i));
    executions.push(await walk.move('p'));
  }
  console.log(shown('previous execution of this instruction', executions));
  console.log(`walk, resident at most: ${(residentBytes(screen.pid) / MIB).toFixed(0)} MiB`);
  screen.type('q');
  await screen.ended();
}
