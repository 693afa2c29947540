/** What a command may touch of the process: three streams, their terminals, the environment. */
import type { Readable } from 'node:stream';
import { styleText } from 'node:util';

/** Names of styles as styleText knows them. */
export type Paint = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/** Width that text is set in where there is no terminal to ask. */
export const COLUMNS_DEFAULT = 80;

export interface Output {
  readonly isTerminal: boolean;
  /** Width of the terminal; COLUMNS_DEFAULT where there is none. */
  readonly columns: number;
  write(data: string | Uint8Array): void;
  /** Waits until what was written has gone, if the reader is slower than we are. */
  readonly drained?: () => Promise<void>;
  /** What a line editor draws on; missing where there is only text. */
  readonly stream?: NodeJS.WriteStream;
  /** Colours a text if the stream shows colours; NO_COLOR and FORCE_COLOR are obeyed. */
  paint(paint: Paint, text: string): string;
}

export interface Input {
  readonly isTerminal: boolean;
  readonly stream: Readable;
}

export interface Io {
  readonly in: Input;
  readonly out: Output;
  readonly err: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
}

function outputOf(stream: NodeJS.WriteStream): Output {
  return {
    isTerminal: stream.isTTY === true,
    stream,
    get columns() {
      const { columns } = stream;
      return stream.isTTY === true && columns > 0 ? columns : COLUMNS_DEFAULT;
    },
    write: (data) => void stream.write(data),
    drained: async () => {
      if (!stream.writableNeedDrain) return;
      // An error ends the process; until then nothing more is to be made.
      await new Promise<void>((done) => void stream.once('drain', done));
    },
    paint: (paint, text) => styleText(paint, text, { stream }),
  };
}

/** The streams of this process. */
export function processIo(): Io {
  return {
    in: { isTerminal: process.stdin.isTTY === true, stream: process.stdin },
    out: outputOf(process.stdout),
    err: outputOf(process.stderr),
    env: process.env,
  };
}
