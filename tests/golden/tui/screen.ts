/** A program in a pseudo-terminal, and the screen that its user sees. */
import { fileURLToPath } from 'node:url';
import { type IPty, spawn } from '@lydell/node-pty';
import headless from '@xterm/headless';
import { inverted, joined, paletteColor, type Run, rgbColor, type Style } from './svg.ts';

/** What ships, compiled by `npm test` before: it starts in half the time of its source. */
const MAIN = fileURLToPath(new URL('../../../packages/cli/dist/main.js', import.meta.url));

/** Synchronized output, DEC private mode 2026. */
const FRAME_BEGINS = '\u001b[?2026h';
const FRAME_ENDS = '\u001b[?2026l';

export interface ScreenOptions {
  /** What the shell runs when the program has ended, or was stopped. */
  readonly after?: string;
  readonly columns?: number;
  readonly rows?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** A TypeScript program instead of the command line's own. */
  readonly program?: string;
}

interface Watcher {
  readonly isSeen: () => boolean;
  readonly done: () => void;
}

export class Screen {
  readonly #pty: IPty;
  readonly #terminal: headless.Terminal;
  readonly #watchers = new Set<Watcher>();
  #ended: { readonly status: number } | null = null;
  /** Pieces that the terminal has not acted on yet. */
  #unread = 0;
  /** Everything that was written, as it was. */
  raw = '';

  /** @param argv the words after `backtrail` */
  constructor(argv: readonly string[], options: ScreenOptions = {}) {
    const { columns = 80, rows = 24, env = {}, program, after = '' } = options;
    this.#terminal = new headless.Terminal({ cols: columns, rows, allowProposedApi: true });
    const { CI: _ci, NO_COLOR: _plain, FORCE_COLOR: _colour, ...inherited } = process.env;
    const source = program === undefined ? [MAIN] : ['--conditions=backtrail-source', program];
    const words = [process.execPath, ...source, ...argv];
    const [file = '', ...args] =
      after === '' ? words : ['sh', '-c', `set -m; "$@"; ${after}`, 'sh', ...words];
    this.#pty = spawn(file, args, {
      cols: columns,
      rows,
      env: { ...inherited, TERM: 'xterm-256color', NODE_OPTIONS: '', ...env },
    });
    this.#pty.onData((data) => {
      this.raw += data;
      this.#unread++;
      this.#terminal.write(data, () => {
        this.#unread--;
        this.#look();
      });
    });
    this.#pty.onExit(({ exitCode }) => {
      this.#terminal.write('', () => {
        this.#ended = { status: exitCode };
        this.#look();
      });
    });
  }

  /** Lines as the user sees them, without blanks at their ends. */
  get lines(): string[] {
    const { cols, rows } = this.#terminal;
    const { active } = this.#terminal.buffer;
    // A line remembers cells beyond the last column that a narrower terminal does not show.
    return Array.from({ length: rows }, (_none, row) => {
      return active.getLine(active.baseY + row)?.translateToString(true, 0, cols) ?? '';
    });
  }

  get text(): string {
    return this.lines.join('\n');
  }

  get isAlternate(): boolean {
    return this.#terminal.buffer.active.type === 'alternate';
  }

  /** Whether some cell of the screen is in a colour. */
  get hasColor(): boolean {
    const { active } = this.#terminal.buffer;
    return this.lines.some((_line, row) => {
      const line = active.getLine(active.baseY + row);
      return Array.from({ length: this.#terminal.cols }, (_none, column) => {
        return line?.getCell(column)?.isFgDefault() === false;
      }).includes(true);
    });
  }

  /** What is on the screen and how it looks. */
  get runs(): Run[] {
    const { active } = this.#terminal.buffer;
    const cells: Run[] = [];
    for (let row = 0; row < this.#terminal.rows; row++) {
      const line = active.getLine(active.baseY + row);
      for (let column = 0; column < this.#terminal.cols; column++) {
        const cell = line?.getCell(column);
        const columns = cell?.getWidth() ?? 0;
        // The second half of a wide character has no width.
        if (cell === undefined || columns === 0) continue;
        cells.push({ row, column, columns, text: cell.getChars() || ' ', ...styleOf(cell) });
      }
    }
    return joined(cells);
  }

  type(text: string): void {
    this.#pty.write(text);
  }

  resize(columns: number, rows: number): void {
    this.#terminal.resize(columns, rows);
    this.#pty.resize(columns, rows);
  }

  /** Waits until the screen shows it. The test's own limit ends a wait in vain. */
  async shows(wanted: string | RegExp): Promise<void> {
    const isSeen = (): boolean =>
      typeof wanted === 'string' ? this.text.includes(wanted) : wanted.test(this.text);
    await this.#until(isSeen, () => `never showed ${String(wanted)}`);
  }

  /** Waits for its end. @returns its exit status */
  async ended(): Promise<number> {
    await this.#until(
      () => this.#ended !== null,
      () => 'did not end',
    );
    return this.#ended?.status ?? -1;
  }

  async #until(isSeen: () => boolean, why: () => string): Promise<void> {
    if (isSeen()) return;
    await new Promise<void>((done, fail) => {
      const watcher: Watcher = {
        isSeen: () => isSeen() || this.#ended !== null,
        done: () => {
          if (isSeen()) done();
          else fail(new Error(`it ended and ${why()}:\n${this.raw.slice(-4000)}`));
        },
      };
      this.#watchers.add(watcher);
    });
  }

  /** Whether a frame has come in part only: frames are put between these two. */
  get #isInFrame(): boolean {
    return this.raw.lastIndexOf(FRAME_BEGINS) > this.raw.lastIndexOf(FRAME_ENDS);
  }

  #look(): void {
    if ((this.#unread > 0 || this.#isInFrame) && this.#ended === null) return;
    for (const watcher of this.#watchers) {
      if (!watcher.isSeen()) continue;
      this.#watchers.delete(watcher);
      watcher.done();
    }
  }

  [Symbol.dispose](): void {
    if (this.#ended === null) this.#pty.kill('SIGKILL');
    this.#terminal.dispose();
  }
}

function styleOf(cell: headless.IBufferCell): Style {
  const colorOf = (number: number, isDefault: boolean, isRgb: boolean): string | null => {
    if (isDefault) return null;
    return isRgb ? rgbColor(number) : paletteColor(number);
  };
  const style = {
    color: colorOf(cell.getFgColor(), cell.isFgDefault(), cell.isFgRGB()),
    background: colorOf(cell.getBgColor(), cell.isBgDefault(), cell.isBgRGB()),
    isBold: cell.isBold() !== 0,
    isDim: cell.isDim() !== 0,
    isUnderlined: cell.isUnderline() !== 0,
  };
  return cell.isInverse() === 0 ? style : inverted(style);
}
