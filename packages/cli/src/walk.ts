/** The terminal UI on this process's terminal, and a database behind its SQL line. */
import { ReadStream, WriteStream } from 'node:tty';
import { formatAddress } from '@backtrail/analyzer';
import {
  type Database,
  openDatabase,
  type Result,
  type SqlValue,
} from '@backtrail/analyzer/database';
import { BacktrailError, openTrace, type Trace } from '@backtrail/recorder/trace';
import { type SqlAnswer, type WalkOptions, walk } from '@backtrail/tui';
import type { Io } from './io.ts';
import { tellEnd } from './summary.ts';
import { shellWords } from './text.ts';

/** Rows of an answer that a person may page through. */
const ROWS_MAX = 10_000;

/** `182334`, `0:182334`, `0:182334:2`. @throws BacktrailError E_AT */
export function parsePlace(text: string): NonNullable<WalkOptions['at']> {
  const match = /^(?:(\d+):)?(\d+)(?::(\d+))?$/.exec(text.replace(/(?<=\d)[,_](?=\d)/g, ''));
  const numbers = match?.slice(1).map((digits) => (digits === undefined ? null : Number(digits)));
  const [vcpu = null, seq = null, index = null] = numbers ?? [];
  const isExact = [vcpu, seq, index].every((one) => one === null || Number.isSafeInteger(one));
  if (seq === null || !isExact) {
    throw new BacktrailError(
      'E_AT',
      `--at: found "${text}", expected SEQ, VCPU:SEQ or VCPU:SEQ:INDEX, such as 0:182334. ` +
        'In the UI, y tells such a place.',
    );
  }
  return {
    seq,
    ...(vcpu === null ? {} : { vcpu }),
    ...(index === null ? {} : { index }),
  };
}

function cellText(value: SqlValue, isAddress: boolean): string {
  if (value === null) return '';
  if (typeof value === 'bigint') return isAddress ? formatAddress(value) : value.toString();
  if (typeof value !== 'object') return String(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'bigint' ? member.toString() : member,
  );
}

/** A place, if the row has one. */
function placeOf(vcpu: SqlValue | undefined, seq: SqlValue | undefined): SqlAnswer['places'][0] {
  const isNumber = (value: unknown): value is number | bigint =>
    typeof value === 'number' || typeof value === 'bigint';
  return isNumber(vcpu) && isNumber(seq) ? { vcpu: Number(vcpu), seq: Number(seq) } : null;
}

function answerOf(result: Result): SqlAnswer {
  const { columns } = result;
  const vcpuAt = columns.findIndex(({ name }) => name === 'vcpu');
  const seqAt = columns.findIndex(({ name }) => name === 'seq');
  const rows: string[][] = [];
  const places: SqlAnswer['places'][0][] = [];
  for (const chunk of result.chunks()) {
    for (let row = 0; row < chunk.rowCount && rows.length < ROWS_MAX; row++) {
      const cell = (column: number): SqlValue | undefined => chunk.columns[column]?.[row];
      rows.push(columns.map(({ isAddress }, i) => cellText(cell(i) ?? null, isAddress)));
      places.push(placeOf(cell(vcpuAt), cell(seqAt)));
    }
  }
  return { columns: columns.map(({ name }) => name), rows, places };
}

/** A database that is opened with the first question. */
class LazyDatabase {
  readonly #trace: Trace;
  #database: Promise<Database> | null = null;

  constructor(trace: Trace) {
    this.#trace = trace;
  }

  async query(sql: string): Promise<SqlAnswer> {
    this.#database ??= openDatabase(this.#trace);
    const database = await this.#database;
    return answerOf(await database.query(sql, { rowsMax: ROWS_MAX }));
  }

  async close(): Promise<void> {
    await (await this.#database)?.close();
  }
}

/** @throws BacktrailError E_NO_TERMINAL, E_AT, or what opening the trace throws */
export async function runWalk(directory: string, at: string | null, io: Io): Promise<number> {
  const place = at === null ? null : parsePlace(at);
  const stdin = io.in.stream;
  const stdout = io.out.stream;
  const isTerminal = io.in.isTerminal && io.out.isTerminal;
  if (!isTerminal || !(stdin instanceof ReadStream) || !(stdout instanceof WriteStream)) {
    throw new BacktrailError(
      'E_NO_TERMINAL',
      'walk: found no terminal on stdin and stdout, expected one. ' +
        `For text: backtrail back ${shellWords([directory])}`,
    );
  }
  const trace = openTrace(directory);
  const database = new LazyDatabase(trace);
  try {
    const copied = await walk(
      trace,
      {
        ended: `${tellEnd(trace.manifest)}.`,
        command: `backtrail walk ${shellWords([directory])}`,
        hasColor: !io.env['NO_COLOR'],
        query: (sql) => database.query(sql),
        ...(place === null ? {} : { at: place }),
      },
      { stdin, stdout },
    );
    for (const line of copied) io.out.write(`${line}\n`);
  } finally {
    await database.close();
  }
  return 0;
}
