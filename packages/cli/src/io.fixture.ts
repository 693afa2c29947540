/** Runs command lines in this process and keeps what they print. */
import { Readable } from 'node:stream';
import { runCli } from './cli.ts';
import { COLUMNS_DEFAULT, type Io, type Output } from './io.ts';

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly stdoutBytes: Buffer;
}

export interface Surroundings {
  /** What stdin holds. */
  readonly stdin?: string;
  /** Terminals of this width; none if left out. */
  readonly columns?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Properties of stdin that are to be others. */
  readonly input?: object;
}

class Kept implements Output {
  readonly isTerminal: boolean;
  readonly columns: number;
  readonly #parts: Buffer[] = [];

  constructor(columns: number | undefined) {
    this.isTerminal = columns !== undefined;
    this.columns = columns ?? COLUMNS_DEFAULT;
  }

  write(data: string | Uint8Array): void {
    this.#parts.push(Buffer.from(data));
  }

  /** No colours: what is compared is text. */
  paint(_paint: string, text: string): string {
    return text;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/** @param argv the words after `backtrail` */
export async function runHere(
  argv: readonly string[],
  { stdin = '', columns, env = {}, input }: Surroundings = {},
): Promise<Outcome> {
  const out = new Kept(columns);
  const err = new Kept(columns);
  const isTerminal = columns !== undefined && stdin === '';
  const given: Io['in'] = { isTerminal, stream: Readable.from([stdin]) };
  if (input !== undefined) {
    Object.defineProperties(given, Object.getOwnPropertyDescriptors(input));
  }
  const io: Io = { in: given, out, err, env };
  const status = await runCli(argv, io);
  return {
    status,
    stdout: out.bytes.toString(),
    stderr: err.bytes.toString(),
    stdoutBytes: out.bytes,
  };
}
