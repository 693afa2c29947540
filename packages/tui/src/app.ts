/**
 * The terminal: keys in, frames out. Ink takes the terminal over and gives it back, on every way
 * out; keys are read and frames are written here (docs/decisions/0020-frames-past-ink.md).
 */
import { availableParallelism } from 'node:os';
import type { ReadStream, WriteStream } from 'node:tty';
import { BacktrailError, type IndexProgress, openIndex, type Trace } from '@backtrail/analyzer';
import { render, useApp } from 'ink';
import { createElement, type ReactNode, useEffect } from 'react';
import { draw } from './draw.ts';
import { EmptySession } from './empty-session.ts';
import { decodeKeys, lateKeys } from './input.ts';
import type { Line } from './line.ts';
import { Painter } from './painter.ts';
import { pathFound, pathGivenUp } from './path-choices.ts';
import { looksFar, press } from './reduce.ts';
import type { Shown } from './shown.ts';
import { answered } from './sql-choices.ts';
import { firstState, type PathWanted, tell, type WalkState } from './walk-state.ts';
import { type WalkOptions, World } from './world.ts';

/** An Escape key sends what longer sequences begin with; over ssh they may come in pieces. */
const ESCAPE_WAIT_MS = 60;
/** By then what was to be seen before something that takes long is on the screen. */
const FRAME_MS = 17;
/** From this many transfers on, searches want an index; a shorter run is gone through as fast. */
const INDEX_FROM_TRANSFERS = 1 << 22;
/** A tenth of a second's worth. */
const PATH_TRANSFERS_AT_ONCE = 1 << 22;
/** DEC private mode 1007: a terminal makes arrow keys of its wheel, and text can be selected. */
const WHEEL_ON = '\u001b[?1007h';
const WHEEL_OFF = '\u001b[?1007l';
/** DEC private mode 2026, synchronized output: a terminal shows a frame when it has all of it. */
const FRAME_BEGINS = '\u001b[?2026h';
const FRAME_ENDS = '\u001b[?2026l';
/** Of a terminal that does not tell its size. */
const COLUMNS_USUAL = 80;
const ROWS_USUAL = 24;

export interface Terminal {
  readonly stdin: ReadStream;
  readonly stdout: WriteStream;
}

/** One run of the UI: the state, and who wants to know when it changed. */
class Session implements Shown {
  readonly world: World;
  state: WalkState;
  onChange: () => void = () => {};
  onDone: (error?: Error) => void = () => {};
  onSuspend: () => void = () => {};
  /** How far the index is, percent; null if none is being built. */
  indexedPercent: number | null = null;
  /** A key whose answer needs the index, and those typed after it. */
  #waiting: string[] = [];
  #pending = '';
  #late: NodeJS.Timeout | undefined;
  #asking: NodeJS.Timeout | undefined;

  constructor(world: World) {
    this.world = world;
    this.state = firstState(world.cursor.position, world.options.ended, world.locator.hasLines);
  }

  lines(columns: number, rows: number): Line[] {
    return draw(this.world, this.state, columns, rows);
  }

  get hasColor(): boolean {
    return this.world.options.hasColor;
  }

  get copied(): readonly string[] {
    return this.state.copied;
  }

  take(data: string): void {
    clearTimeout(this.#late);
    const { keys, pending } = decodeKeys(this.#pending + data);
    this.#pending = pending;
    if (pending !== '') {
      this.#late = setTimeout(() => {
        this.#pending = '';
        this.#press(lateKeys(pending));
      }, ESCAPE_WAIT_MS);
    }
    this.#press(keys);
  }

  rest(): boolean {
    return this.world.readAhead(this.state.position);
  }

  stop(): void {
    clearTimeout(this.#late);
    clearTimeout(this.#asking);
  }

  #press(keys: readonly string[]): void {
    try {
      for (const key of keys) {
        if (this.state.isDone) break;
        if (key === 'ctrl+z') {
          this.onSuspend();
          continue;
        }
        if (this.#mustWait(key)) continue;
        this.change(press(this.world, this.state, key));
      }
    } catch (error) {
      this.onDone(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** A search of a long run without an index would keep the screen still: it waits for one. */
  #mustWait(key: string): boolean {
    const isOver = key === 'escape' || key === 'ctrl+c';
    if (isOver && this.#waiting.length > 0) {
      this.#waiting = [];
      this.change(tell(this.state, 'Given up.'));
      return key === 'escape';
    }
    if (this.indexedPercent === null) return false;
    if (this.#waiting.length === 0 && !looksFar(this.state, key)) return false;
    this.#waiting.push(key);
    this.#tellWaiting(this.indexedPercent);
    return true;
  }

  #tellWaiting(percent: number): void {
    const says = `This search waits for the index: ${percent} %. Esc gives it up.`;
    this.change(tell(this.state, says));
  }

  /** The index has come this far; null: it is done, or there will be none. */
  indexed(percent: number | null): void {
    this.indexedPercent = percent;
    if (percent === null) this.#press(this.#waiting.splice(0));
    else if (this.#waiting.length > 0) this.#tellWaiting(percent);
  }

  change(state: WalkState): void {
    const { prompt, isBusy, pathWanted } = state;
    const isAsking = isBusy && !this.state.isBusy;
    this.state = state;
    this.onChange();
    if (state.isDone) this.onDone();
    else if (isAsking && pathWanted !== null) {
      this.#asking = setTimeout(() => this.#goOn(pathWanted), FRAME_MS * 2);
    } else if (isAsking && prompt?.kind === 'sql') {
      // The first question loads the database: that it was asked is to be seen before.
      this.#asking = setTimeout(() => void this.#ask(prompt.text), FRAME_MS * 2);
    }
  }

  /** Goes through a part of a path; keys come in between. */
  #goOn(wanted: PathWanted): void {
    if (this.state.pathWanted !== wanted) return;
    try {
      if (wanted.path.advance(PATH_TRANSFERS_AT_ONCE)) {
        this.change(pathFound(this.world, this.state));
        return;
      }
      const { transfers, totalTransfers } = wanted.path.progress;
      const percent = Math.floor((transfers / totalTransfers) * 100);
      this.change(tell(this.state, `On the way: ${percent} %. Esc gives it up.`));
      this.#asking = setTimeout(() => this.#goOn(wanted), 0);
    } catch (error) {
      const says = error instanceof Error ? error.message : String(error);
      this.change(tell(pathGivenUp(this.state), says, 'bad'));
    }
  }

  async #ask(sql: string): Promise<void> {
    const { query } = this.world.options;
    try {
      const answer = await query?.(sql);
      if (answer !== undefined) this.change(answered(this.state, sql, answer));
    } catch (error) {
      const says = error instanceof Error ? error.message : String(error);
      this.change({ ...tell(this.state, says, 'bad'), isBusy: false, prompt: null });
    }
  }
}

/** The frames that are on the screen. */
class Frames {
  readonly #shown: Shown;
  readonly #stdout: WriteStream;
  readonly #painter = new Painter();
  #next: NodeJS.Immediate | undefined;
  #resting: NodeJS.Immediate | undefined;

  constructor(shown: Shown, stdout: WriteStream) {
    this.#shown = shown;
    this.#stdout = stdout;
  }

  /** Paints when the keys that are there have been taken: one frame for all of them. */
  request(): void {
    this.#next ??= setImmediate(() => {
      this.#next = undefined;
      try {
        this.paint();
        this.#rest();
      } catch (error) {
        this.#shown.onDone(error instanceof Error ? error : new Error(String(error)));
      }
    });
  }

  /** A little at a time: keys go first. */
  #rest(): void {
    clearImmediate(this.#resting);
    this.#resting = setImmediate(() => {
      if (this.#shown.rest()) this.#rest();
    });
  }

  /** Paints all of it, whatever is on the screen. */
  readonly requestWhole = (): void => {
    this.#painter.forget();
    this.request();
  };

  /** The terminal is somebody else's. */
  stop(): void {
    clearImmediate(this.#next);
    clearImmediate(this.#resting);
    this.#next = undefined;
  }

  paint(): void {
    const { columns, rows } = this.#stdout;
    const lines = this.#shown.lines(columns || COLUMNS_USUAL, rows || ROWS_USUAL);
    const painted = this.#painter.paint(lines, this.#shown.hasColor);
    if (painted !== '') this.#stdout.write(FRAME_BEGINS + painted + FRAME_ENDS);
  }
}

interface AppProps {
  readonly shown: Shown;
  readonly frames: Frames;
  /** Gives the shell its turn, and returns when it is ours again. */
  readonly pause: () => void;
}

/** Nothing to Ink: what it draws goes through each cell several times, whatever changed. */
function App({ shown, frames, pause }: AppProps): ReactNode {
  const { suspendTerminal } = useApp();
  useEffect(() => {
    shown.onSuspend = () => {
      frames.stop();
      void suspendTerminal(pause).then(frames.requestWhole);
    };
    return () => {
      shown.onSuspend = () => {};
    };
  }, [shown, frames, pause, suspendTerminal]);
  return null;
}

/** Makes searches of a long run fast, in other threads, while people look around. */
async function index(session: Session, trace: Trace): Promise<void> {
  if (trace.transfers < INDEX_FROM_TRANSFERS || session.world.hasIndex) return;
  session.indexed(0);
  try {
    const progress = ({ transfers, totalTransfers }: IndexProgress): void => {
      session.indexed(Math.floor((transfers / totalTransfers) * 100));
    };
    // One processor is for the screen.
    const threads = Math.max(1, availableParallelism() - 1);
    const opened = await openIndex(trace, { progress, threads });
    session.world.takeIndex(opened.index);
    session.change(tell(session.state, 'The run is indexed: searches are fast now.'));
  } catch (error) {
    const says = error instanceof Error ? error.message : String(error);
    session.change(tell(session.state, `No index, so searches are slow: ${says}`, 'bad'));
  }
  session.indexed(null);
}

/**
 * Runs the UI until its user quits.
 * @returns the lines that were copied with `y`
 * @throws BacktrailError E_EMPTY, E_VCPU, E_SEQ if there is nowhere to begin that was asked for
 */
export async function walk(
  trace: Trace,
  options: WalkOptions,
  terminal: Terminal,
): Promise<readonly string[]> {
  let world: World;
  try {
    world = await World.open(trace, options);
  } catch (error) {
    const isEmpty = error instanceof BacktrailError && error.code === 'E_EMPTY';
    if (!isEmpty || options.at !== undefined) throw error;
    return await show(new EmptySession(trace, options), terminal);
  }
  try {
    const session = new Session(world);
    return await show(session, terminal, () => void index(session, trace));
  } finally {
    world[Symbol.dispose]();
  }
}

/** @param begun is called when keys are read and a first frame is on its way */
async function show(
  shown: Shown,
  { stdin, stdout }: Terminal,
  begun: () => void = () => {},
): Promise<readonly string[]> {
  const wasRaw = stdin.isRaw;
  const pause = (): void => {
    stdin.setRawMode(wasRaw);
    stdout.write(WHEEL_OFF);
    // All of this job, whoever started us included. It returns when the job goes on, or at once
    // where there is no shell to stop for.
    process.kill(0, 'SIGTSTP');
    stdin.setRawMode(true);
    stdout.write(WHEEL_ON);
  };
  const onData = (data: string): void => shown.take(data);
  // Before the first frame: who sees it may type.
  stdin.setEncoding('utf8');
  stdin.setRawMode(true);
  stdin.on('data', onData);
  stdout.write(WHEEL_ON);
  const frames = new Frames(shown, stdout);
  const app = render(createElement(App, { shown, frames, pause }), {
    stdin,
    stdout,
    alternateScreen: true,
    interactive: true,
    exitOnCtrlC: false,
    patchConsole: false,
  });
  const faults: Error[] = [];
  shown.onDone = (error) => {
    if (error !== undefined) faults.push(error);
    frames.stop();
    shown.onChange = () => {};
    app.unmount();
  };
  shown.onChange = () => frames.request();
  // After Ink's own listener, which erases lines.
  stdout.on('resize', frames.requestWhole);
  frames.request();
  begun();
  try {
    await app.waitUntilExit();
  } finally {
    shown.onDone = () => {};
    shown.onChange = () => {};
    frames.stop();
    stdout.off('resize', frames.requestWhole);
    shown.stop();
    stdin.off('data', onData);
    stdin.setRawMode(wasRaw);
    stdin.pause();
    stdout.write(WHEEL_OFF);
  }
  for (const fault of faults) throw fault;
  return shown.copied;
}
