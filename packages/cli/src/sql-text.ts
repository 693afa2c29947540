/** Where statements end, as far as a prompt and a COPY need to know it. */

/** Texts, names and comments, with whatever `;` is in them. */
const OPAQUE = /'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\w*)\$[\s\S]*?\$\1\$|--[^\n]*|\/\*[\s\S]*?\*\//g;

/** The same length, with texts and names as `x` and comments as blanks. */
function masked(sql: string): string {
  return sql.replace(OPAQUE, (found) =>
    (/^(?:--|\/\*)/.test(found) ? ' ' : 'x').repeat(found.length),
  );
}

/** Whether a text ends with the `;` of a statement rather than one in a text or a comment. */
export function isStatementEnd(sql: string): boolean {
  const bare = masked(sql);
  return /;\s*$/.test(bare) && !/['"]|\/\*|\$\w*\$/.test(bare);
}

/** The last statement without its `;`, and all that stands before it. */
export function lastStatement(sql: string): { readonly before: string; readonly last: string } {
  const bare = masked(sql).replace(/[;\s]+$/, '');
  const start = bare.lastIndexOf(';') + 1;
  return { before: sql.slice(0, start), last: sql.slice(start, bare.length) };
}

/** The statements of a text, without their `;`. */
export function statementsOf(sql: string): string[] {
  const bare = masked(sql);
  const found: string[] = [];
  let start = 0;
  for (let end = bare.indexOf(';'); start < bare.length; end = bare.indexOf(';', start)) {
    const stop = end < 0 ? bare.length : end;
    if (bare.slice(start, stop).trim() !== '') found.push(sql.slice(start, stop).trim());
    start = stop + 1;
  }
  return found;
}
