/** Errors of DuckDB as errors of backtrail. */
import { BacktrailError } from '@backtrail/recorder/trace';
import { forbidden } from './guard.ts';

/** Lines of DuckDB's message that are kept: what, candidates, the line with its caret. */
const LINES_MAX = 8;

/** How DuckDB says that a door is closed. */
const CLOSED =
  /^Permission Error|the configuration has been locked|disabled (?:by|through) configuration/m;

/** "Binder Error: what" → "what": the class says nothing to a user. */
const withoutClass = (message: string): string => message.replace(/^[A-Z][A-Za-z ]* Error: /, '');

const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replace(
    /^Failed to extract statements: /,
    '',
  );

/** Whether DuckDB stopped because it was asked to. */
export const isInterrupt = (error: unknown): boolean =>
  messageOf(error).startsWith('INTERRUPT Error');

/** What to do, where DuckDB's own words do not tell. */
function hint(message: string, sql: string, forms: ReadonlyMap<string, string>): string[] {
  const [, what = '', name = ''] =
    /^(?:[A-Z][A-Za-z ]* Error: )?(Table(?: Function)?) with name "?(\w+)"? /.exec(message) ?? [];
  const form = forms.get(name.toLowerCase());
  const isFunction = what === 'Table Function';
  if (form !== undefined && isFunction !== form.includes('(')) return [`Write: FROM ${form}`];
  const [, column = ''] = /Referenced column "([^"]+)" not found/.exec(message) ?? [];
  // A name in double quotes is a column; many mean a text.
  if (column !== '' && sql.includes(`"${column}"`)) return [`A text is written '${column}'.`];
  return [];
}

/** A suggestion of what is not for users is none. */
const isPrivateSuggestion = (line: string): boolean => line.startsWith('Did you mean "_');

/**
 * @param sql the statement, and `forms` how to write each view and macro, by name: for hints.
 * @param scanErrors what reading the trace threw while the statement ran: the true reason, of which
 * DuckDB knows only the text.
 */
export function sqlError(
  error: unknown,
  scanErrors: readonly unknown[],
  sql = '',
  forms: ReadonlyMap<string, string> = new Map(),
): BacktrailError {
  if (error instanceof BacktrailError) return error;
  const known = scanErrors.find((one) => one instanceof BacktrailError);
  if (known instanceof BacktrailError) return known;
  const message = messageOf(error);
  if (isInterrupt(error)) {
    return new BacktrailError('E_SQL_INTERRUPTED', 'the query was interrupted', { cause: error });
  }
  if (CLOSED.test(message)) {
    const line = message.split('\n', 1)[0] ?? '';
    return forbidden(withoutClass(line).replace(/ - .*/, ''), error);
  }
  const lines = message
    .split('\n')
    .filter((line) => line.trim() !== '' && !isPrivateSuggestion(line))
    .map((line) => line.replaceAll('\t', '  '));
  const text = [...lines.slice(0, LINES_MAX), ...hint(message, sql, forms)].join('\n');
  if (message.startsWith('Out of Memory Error')) {
    return new BacktrailError(
      'E_SQL',
      `${withoutClass(lines[0] ?? '')}. Ask for fewer rows, or write them with COPY … TO 'file'.`,
      { cause: error },
    );
  }
  return new BacktrailError('E_SQL', withoutClass(text), { cause: error });
}
