/** The SQL prompt: lines until `;`, a few commands that begin with a dot, a history. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { Writable } from 'node:stream';
import type { Database, Result } from '@backtrail/analyzer/database';
import { BacktrailError, type Trace } from '@backtrail/recorder/trace';
import type { Io } from './io.ts';
import { PromptLibrary } from './prompt-library.ts';
import { rowsText, screenRows } from './result-text.ts';
import { isStatementEnd } from './sql-text.ts';
import { formatDuration, plural, printable } from './text.ts';

const HISTORY_LINES_MAX = 1000;
const PROMPT = 'backtrail> ';
const PROMPT_MORE = '      ...> ';

const HELP = `SQL ends with ; and may have many lines. 0x401000 may be written for an address.

  .views         every table, view and macro with a sentence
  .tables        their names, with those you made
  .schema NAME   columns and arguments of one of them
  .help          this
  .quit          leave; so does Ctrl-D

Tab completes names of tables, macros and columns.
Ctrl-C gives up what is being typed, or the query that runs.

  from edges order by count desc limit 10;
  select kind, count(*) from transfers group by kind;
  from transfers where target_symbol like 'main%' limit 5;
`;

const TABLES = `
  SELECT view_name AS name, 'table' AS kind FROM duckdb_views()
  WHERE NOT internal AND NOT starts_with(view_name, '_')
  UNION
  SELECT function_name || '(' || array_to_string(parameters, ', ') || ')', 'macro'
  FROM duckdb_functions()
  WHERE function_type LIKE '%macro' AND NOT internal AND NOT starts_with(function_name, '_')
  ORDER BY kind DESC, name`;

function schemaOf(name: string): string {
  const quoted = `"${name.replaceAll('"', '""')}"`;
  return `SELECT column_name AS "column", column_type AS "type" FROM (DESCRIBE ${quoted})`;
}

/** `$XDG_STATE_HOME/backtrail/history`, as the XDG base directory specification has it. */
function historyPath(env: Io['env']): string {
  const base = env['XDG_STATE_HOME'];
  const state = base !== undefined && base !== '' ? base : join(homedir(), '.local', 'state');
  return join(state, 'backtrail', 'history');
}

/** Newest first, as readline wants it. */
function readHistory(path: string): string[] {
  try {
    const lines = readFileSync(path, 'utf8').split('\n');
    return lines.filter((line) => line !== '').slice(0, HISTORY_LINES_MAX);
  } catch {
    return []; // the first time, or a folder that is not ours: a prompt without a past
  }
}

function writeHistory(path: string, lines: readonly string[]): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(path, lines.map((line) => `${line}\n`).join(''), { mode: 0o600 });
  } catch {
    // A history that cannot be kept is no reason to fail at the end of a session.
  }
}

/** What the prompt needs of its surroundings. */
export interface PromptParts {
  readonly database: Pick<Database, 'query' | 'interrupt'>;
  readonly io: Io;
  /** The text of a result, as the terminal takes it. */
  readonly show: (result: Result) => Iterable<string>;
}

class Prompt {
  readonly #parts: PromptParts;
  readonly #lines: Interface;
  readonly #library: PromptLibrary;
  #typed = '';
  #isRunning = false;
  #isOver = false;

  constructor(parts: PromptParts, lines: Interface, library: PromptLibrary) {
    this.#parts = parts;
    this.#lines = lines;
    this.#library = library;
    lines.on('SIGINT', () => this.#cancel());
    // Lines that came before the end are still to be answered; readline then refuses to draw.
    lines.on('close', () => {
      this.#isOver = true;
    });
  }

  async run(): Promise<void> {
    const { io } = this.#parts;
    this.#ask();
    for await (const line of this.#lines) {
      if ((await this.#take(line)) === 'leave') return;
      this.#ask();
    }
    io.out.write('\n');
  }

  #ask(): void {
    if (this.#isOver) return;
    this.#lines.setPrompt(this.#typed === '' ? PROMPT : PROMPT_MORE);
    this.#lines.prompt();
  }

  /** Ctrl-C. */
  #cancel(): void {
    if (this.#isRunning) {
      this.#parts.database.interrupt();
      return;
    }
    this.#typed = '';
    this.#parts.io.out.write('^C\n');
    // readline keeps what stands on the line; a key that deletes it is the way to tell it.
    this.#lines.write(null, { ctrl: true, name: 'e' });
    this.#lines.write(null, { ctrl: true, name: 'u' });
    this.#ask();
  }

  async #take(line: string): Promise<'leave' | 'stay'> {
    const word = line.trim();
    if (this.#typed === '' && word === '') return 'stay';
    if (this.#typed === '' && word.startsWith('.')) return await this.#command(word);
    this.#typed += `${line}\n`;
    if (!isStatementEnd(this.#typed)) return 'stay';
    const sql = this.#typed;
    this.#typed = '';
    await this.#query(sql);
    return 'stay';
  }

  async #command(word: string): Promise<'leave' | 'stay'> {
    const { io } = this.#parts;
    const [name = '', argument = ''] = word.split(/\s+/);
    switch (name) {
      case '.quit':
      case '.exit':
        return 'leave';
      case '.help':
        io.out.write(HELP);
        return 'stay';
      case '.tables':
        await this.#query(TABLES);
        return 'stay';
      case '.views':
        io.out.write(this.#library.overview(io.out.columns));
        return 'stay';
      case '.schema':
        if (argument !== '') {
          await this.#schema(argument);
          return 'stay';
        }
        io.err.write('.schema: found no name, expected a table. .tables lists them\n');
        return 'stay';
      default:
        io.err.write(`${printable(name)}: no such command. .help lists them; SQL needs no dot\n`);
        return 'stay';
    }
  }

  /** What is written about a name; of the user's own tables, what DuckDB knows. */
  async #schema(name: string): Promise<void> {
    const { io } = this.#parts;
    const text = this.#library.about(name, io.out.columns);
    if (text === null) await this.#query(schemaOf(name));
    else io.out.write(text);
  }

  /** Errors are shown and the prompt goes on. */
  async #query(sql: string): Promise<void> {
    const { database, io, show } = this.#parts;
    const started = performance.now();
    this.#isRunning = true;
    try {
      const result = await database.query(sql, screenRows(io.out));
      for (const piece of show(result)) io.out.write(piece);
      const took = formatDuration((performance.now() - started) * 1e6);
      io.err.write(`${io.err.paint('dim', `${rowsText(result)}, ${took}`)}\n`);
    } catch (error) {
      if (!(error instanceof BacktrailError)) throw error;
      const text = error.message.split('\n').map(printable).join('\n');
      io.err.write(`${io.err.paint('red', text)}\n`);
    } finally {
      this.#isRunning = false;
    }
  }
}

/** readline draws on this; what commands print goes the same way. */
function drawingOn(io: Io): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      io.out.write(chunk);
      done();
    },
  });
}

/** Reads and answers until the user leaves. */
export async function runPrompt(parts: PromptParts, trace: Trace): Promise<void> {
  const { io } = parts;
  const path = historyPath(io.env);
  let history: readonly string[] = readHistory(path);
  const library = new PromptLibrary();
  const lines = createInterface({
    input: io.in.stream,
    output: io.out.stream ?? drawingOn(io),
    terminal: io.out.isTerminal,
    history: [...history],
    historySize: HISTORY_LINES_MAX,
    removeHistoryDuplicates: true,
    completer: (line: string) => library.complete(line),
  });
  lines.on('history', (now: string[]) => {
    history = [...now];
  });
  io.out.write(`${plural(trace.transfers, 'transfer')}. .help says what can be typed here.\n`);
  try {
    await new Prompt(parts, lines, library).run();
  } finally {
    lines.close();
    writeHistory(path, history);
  }
}
