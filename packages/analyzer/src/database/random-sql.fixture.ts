/** Random queries over `transfers` of a random run, in all shapes that pushdown.ts tells apart. */

export class RandomSql {
  readonly #below: (n: number) => number;
  /** How the table is called, and what stands before its columns. */
  #name = '';
  #prefix = '';

  /** @param below a number from 0 to n - 1. */
  constructor(below: (n: number) => number) {
    this.#below = below;
  }

  query(): string {
    this.#name = this.#pick(['', ' AS t']);
    this.#prefix = this.#pick(this.#name === '' ? ['', '', 'transfers.'] : ['', 't.', 't.']);
    const below = this.#below;
    const conditions = [
      ...(below(3) > 0 ? [this.#term(0)] : []),
      ...(below(3) === 0 ? [this.#place()] : []),
      ...(below(4) === 0 ? [this.#place()] : []),
    ];
    const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
    return this.#shape(`FROM transfers${this.#name}${where}`, where !== '');
  }

  #pick(list: readonly string[]): string {
    return list[this.#below(list.length)] ?? '';
  }

  #address(): string {
    return `${0x10000 + 2 * this.#below(80)}`;
  }

  #edgeColumn(): string {
    return this.#pick('source target cause kind edge source_symbol target_symbol'.split(' '));
  }

  /** A condition on seq or vcpu. */
  #place(): string {
    const below = this.#below;
    return this.#pick([
      `${this.#prefix}seq < ${below(130)}`,
      `seq >= ${below(130)}`,
      `${below(130)} > seq`,
      `seq BETWEEN ${below(60)} AND ${below(130)}`,
      `seq = ${below(130)}`,
      `vcpu = ${below(4)}`,
      `${below(3)} = ${this.#prefix}vcpu`,
      'seq < 0',
      'seq < 99999999999999999999',
      'seq > 18446744073709551615',
    ]);
  }

  #symbolTerm(): string {
    const column = this.#pick(['source_symbol', 'target_symbol']);
    const like = this.#pick(['LIKE', 'NOT LIKE', 'ILIKE']);
    return `${column} ${like} '%${this.#pick(['first', 'SECOND', "''", 'util::%'])}%'`;
  }

  #term(depth: number): string {
    const pick = (list: readonly string[]): string => this.#pick(list);
    switch (this.#below(depth > 2 ? 8 : 13)) {
      case 0:
        return `${this.#prefix}target ${pick(['=', '<', '>=', '<>'])} ${this.#address()}`;
      case 1:
        return `source BETWEEN ${this.#address()} AND ${this.#address()}`;
      case 2:
        return `kind ${pick(['IN', 'NOT IN'])} ('call', 'return', '${pick(['branch', 'x'])}')`;
      case 3:
        return `${this.#edgeColumn()} IS ${pick(['', 'NOT '])}NULL`;
      case 4:
        return this.#symbolTerm();
      case 5:
        return `kind IS DISTINCT FROM '${pick(['jump', 'call'])}'`;
      case 6:
        return `coalesce(source, ${this.#address()}) <= target`;
      case 7:
        return pick(["upper(target_symbol) = 'FIRST'", "starts_with(target_symbol, 'u')", 'TRUE']);
      case 8:
        return `NOT (${this.#term(depth + 1)})`;
      case 9:
      case 10:
        return `(${this.#term(depth + 1)} OR ${this.#term(depth + 1)})`;
      case 11:
        return pick([this.#place(), 'time_ns > 20000', 'seq % 2 = 0', 'target > seq']);
      default:
        return `${this.#term(depth + 1)} AND ${this.#term(depth + 1)}`;
    }
  }

  #measure(): string {
    return this.#pick([
      'count(*)',
      'count() * 2 - 1',
      `count(*) FILTER (WHERE ${this.#term(2)})`,
      `count(DISTINCT ${this.#edgeColumn()})`,
      `min(${this.#prefix}target)`,
      `max(${this.#pick(['source', 'kind', 'seq', 'vcpu'])})`,
      `bool_or(${this.#term(2)})`,
      'sum(edge)',
      "CASE WHEN count(*) > 3 THEN 'many' ELSE hex(max(target)) END",
    ]);
  }

  #shape(from: string, hasWhere: boolean): string {
    const keys = [...new Set([this.#edgeColumn(), this.#pick(['vcpu', this.#edgeColumn()])])];
    const list = keys.join(', ');
    switch (this.#below(7)) {
      case 0:
        return `SELECT * ${from}`;
      case 1:
        return `SELECT seq, ${list} ${from}`;
      case 2:
        return `SELECT DISTINCT ${list} ${from}`;
      case 3:
        return `SELECT ${this.#measure()} AS a, ${this.#measure()} ${from}`;
      case 4:
        return `SELECT max(seq), count(*) FROM (SELECT ${list}, seq ${from})`;
      case 5: {
        const inner = `SELECT 1 ${from} ${hasWhere ? 'AND' : 'WHERE'}`;
        const table = this.#name === '' ? 'transfers' : 't';
        return `SELECT count(*) FROM edges e WHERE EXISTS (${inner} ${table}.edge = e.edge)`;
      }
      default: {
        const group = this.#pick(['ALL', list]);
        const having = this.#pick(['', ' HAVING count(*) > 2', ' HAVING n IS NOT NULL']);
        const order = this.#pick(['', ` ORDER BY count(*) DESC, ${keys[0] ?? ''}`]);
        const measures = `${this.#measure()}, ${this.#measure()} AS n`;
        return `SELECT ${list}, ${measures} ${from} GROUP BY ${group}${having}${order}`;
      }
    }
  }
}
