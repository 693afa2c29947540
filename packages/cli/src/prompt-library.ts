/** What the prompt knows of tables, views and macros: their sentences, and names to complete. */
import { entryForm, loadLibrary } from '@backtrail/analyzer';
import { describeTables } from '@backtrail/analyzer/database';
import { cut, fields } from './text.ts';

interface Described {
  /** As it is written in a query: `name`, or `name(argument, …)`. */
  readonly form: string;
  readonly name: string;
  readonly says: string;
  readonly fields: readonly { readonly name: string; readonly says: string }[];
}

/** Words of SQL that are typed most. */
const KEYWORDS: readonly string[] = (
  'select,from,where,group by,order by,having,limit,distinct,desc,join,using,between,is null,' +
  'is not null,like,count(*),copy,explain'
).split(',');

const COMMANDS: readonly string[] = ['.help', '.quit', '.schema', '.tables', '.views'];

const isPublic = ({ name }: { readonly name: string }): boolean => !name.startsWith('_');

export class PromptLibrary {
  readonly #tables: readonly Described[];
  readonly #topics: readonly { readonly says: string; readonly entries: readonly Described[] }[];

  constructor() {
    this.#tables = describeTables().map(({ name, says, columns }) => ({
      form: name,
      name,
      says,
      fields: columns,
    }));
    this.#topics = loadLibrary().map(({ says, entries }) => ({
      says,
      entries: entries.filter(isPublic).map((entry) => ({
        form: entryForm(entry),
        name: entry.name,
        says: entry.says,
        fields: [...entry.parameters, ...entry.columns],
      })),
    }));
  }

  /** Every view and macro with the first sentence about it, by topic. */
  overview(columns: number): string {
    const topics = [{ says: 'Tables.', entries: this.#tables }, ...this.#topics];
    const width = Math.max(
      ...topics.flatMap(({ entries }) => entries.map((one) => one.form.length)),
    );
    return topics
      .map(({ says, entries }) => {
        const lines = entries.map(({ form, says: sentence }) => {
          const first = /^.*?\.(?= |$)/.exec(sentence)?.[0] ?? sentence;
          return cut(`  ${form.padEnd(width)}  ${first}`, columns);
        });
        return `${cut(says, columns)}\n${lines.join('\n')}\n`;
      })
      .join('\n');
  }

  /** What is written about one of them; null where nothing is. */
  about(name: string, columns: number): string | null {
    const wanted = name.toLowerCase().replace(/\(.*/, '');
    const all = [...this.#tables, ...this.#topics.flatMap(({ entries }) => entries)];
    const found = all.find((one) => one.name === wanted);
    if (found === undefined) return null;
    const listed = fields(found.fields.map((one) => [one.name, one.says]));
    const lines = listed.split('\n').map((line) => cut(line, columns));
    return `${found.form}: ${found.says}\n\n${lines.join('\n')}`;
  }

  /** Readline's completer: what the word before the cursor may become, and that word. */
  complete(line: string): [string[], string] {
    const word = /[.\w]*$/.exec(line)?.[0] ?? '';
    if (line.startsWith('.') && !line.includes(' ')) {
      return [COMMANDS.filter((one) => one.startsWith(line)), line];
    }
    // After `name.` only a column may follow; the name need not be typed again.
    const start = word.slice(word.lastIndexOf('.') + 1);
    const isColumn = word.includes('.') && !line.startsWith('.schema');
    const entries = [...this.#tables, ...this.#topics.flatMap((topic) => topic.entries)];
    const names = entries.map(({ form, name }) => (form === name ? name : `${name}(`));
    const columns = entries.flatMap((one) => one.fields.map(({ name }) => name));
    const all = isColumn ? columns : [...names, ...columns, ...KEYWORDS];
    const hits = [...new Set(all)].filter((one) => one.startsWith(start.toLowerCase()));
    return [start === '' ? [] : hits.sort(), start];
  }
}
