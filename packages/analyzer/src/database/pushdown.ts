/**
 * Makes queries over `transfers` read less, and answer the same.
 *
 * DuckDB asks a table function for columns but not for rows: a WHERE is applied to rows that were
 * made, and a GROUP BY hashes every one of them. All columns of a transfer but vcpu, seq and
 * time_ns are functions of its edge, so two things follow from DuckDB's own parse of the query
 * (ast.ts):
 *
 *   FROM transfers WHERE P AND …   P over columns of the edge: asked once of each edge; only the
 *                                  transfers of those edges are made. seq and vcpu against numbers:
 *                                  other segments are not read. The WHERE stays where it is.
 *   count(*), min, max, DISTINCT   over columns of the edge and vcpu: one row for each edge and
 *                                  vCPU with how often it was taken; count(*) adds these up.
 *
 * Only the name `transfers` and each `count(*)` are replaced in the text, and only where all that
 * stands around them is known. The rest of the SQL is DuckDB's to read, as ever.
 */
import { sqlName, sqlTokens } from '../sql-tokens.ts';
import {
  type AstNode,
  childrenOf,
  conjuncts,
  isNode,
  isPlainCall,
  isPure,
  listOf,
  nodesIn,
  textOf,
  wholeConstant,
} from './ast.ts';
import { countReplacement, type Replacement, SourceText, tableReplacement } from './splice.ts';

/** The table whose reading is made shorter. */
const TABLE = 'transfers';
const PLACE_COLUMNS: ReadonlySet<string> = new Set(['vcpu', 'seq', 'time_ns']);

/** Which transfers a query wants, as far as it can be told before they are read. */
export interface Bounds {
  readonly firstSeq: number;
  /** Inclusive; may be Infinity. */
  readonly lastSeq: number;
  /** Null: all. */
  readonly vcpu: number | null;
}

/** One mention of `transfers` that can be served in another way. */
export interface Push {
  /** Conditions over the edge alone, each to hold; may be none. Where edges are counted, none. */
  readonly conditions: readonly AstNode[];
  /** Name by which the conditions call the table. */
  readonly alias: string;
  readonly bounds: Bounds;
  /** One row an edge and vCPU, with a count. */
  readonly isCounted: boolean;
  /** Whether the vCPU matters; only then are counts kept apart by it. */
  readonly namesVcpu: boolean;
  /** The text with this mention read from a table function instead. */
  readonly replacements: readonly Replacement[];
}

/** What is known of one SELECT that reads from `transfers` alone. */
interface Select {
  readonly node: AstNode;
  readonly alias: string;
  readonly columns: ReadonlySet<string>;
}

/** The column of transfers that a COLUMN_REF names; null if it is none. */
function columnOf({ alias, columns }: Select, ref: AstNode): string | null {
  const names = listOf(ref['column_names']).map((name) => textOf(name).toLowerCase());
  const name = names.at(-1) ?? '';
  const isOurs = names.length === 1 || (names.length === 2 && names[0] === alias.toLowerCase());
  return isOurs && columns.has(name) ? name : null;
}

/** Whether an expression is a function of the edge, and can be asked of each edge instead. */
function isOfEdge(select: Select, node: AstNode): boolean {
  if (!isPure(node)) return false;
  if (node['class'] === 'COLUMN_REF') {
    const column = columnOf(select, node);
    return column !== null && !PLACE_COLUMNS.has(column);
  }
  return childrenOf(node).every((child) => isOfEdge(select, child));
}

const ALL: Bounds = { firstSeq: 0, lastSeq: Number.POSITIVE_INFINITY, vcpu: null };

/** Numbers beyond are beyond any seq. */
const toSeq = (value: bigint): number =>
  Number(value > BigInt(Number.MAX_SAFE_INTEGER) ? BigInt(Number.MAX_SAFE_INTEGER) : value);

const FLIPPED: Readonly<Record<string, string>> = {
  COMPARE_EQUAL: 'COMPARE_EQUAL',
  COMPARE_LESSTHAN: 'COMPARE_GREATERTHAN',
  COMPARE_LESSTHANOREQUALTO: 'COMPARE_GREATERTHANOREQUALTO',
  COMPARE_GREATERTHAN: 'COMPARE_LESSTHAN',
  COMPARE_GREATERTHANOREQUALTO: 'COMPARE_LESSTHANOREQUALTO',
};

function seqBounds(type: string, value: bigint): Bounds | null {
  const seq = toSeq(value);
  switch (type) {
    case 'COMPARE_EQUAL':
      return { ...ALL, firstSeq: seq, lastSeq: seq };
    case 'COMPARE_LESSTHAN':
      return { ...ALL, lastSeq: seq - 1 };
    case 'COMPARE_LESSTHANOREQUALTO':
      return { ...ALL, lastSeq: seq };
    case 'COMPARE_GREATERTHAN':
      return { ...ALL, firstSeq: seq + 1 };
    case 'COMPARE_GREATERTHANOREQUALTO':
      return { ...ALL, firstSeq: seq };
    default:
      return null;
  }
}

/** `seq` or `vcpu` against a number; null for any other condition. */
function boundsOf(select: Select, node: AstNode): Bounds | null {
  const { left, right, input, lower, upper } = node;
  const columnAt = (one: unknown): string | null =>
    isNode(one) && one['class'] === 'COLUMN_REF' ? columnOf(select, one) : null;
  const numberAt = (one: unknown): bigint | null => (isNode(one) ? wholeConstant(one) : null);
  if (node['type'] === 'COMPARE_BETWEEN' && columnAt(input) === 'seq') {
    const from = numberAt(lower);
    const to = numberAt(upper);
    return from === null || to === null
      ? null
      : { ...ALL, firstSeq: toSeq(from), lastSeq: toSeq(to) };
  }
  if (node['class'] !== 'COMPARISON') return null;
  const isFlipped = columnAt(left) === null;
  const column = columnAt(isFlipped ? right : left);
  const value = numberAt(isFlipped ? left : right);
  const type = isFlipped ? FLIPPED[textOf(node['type'])] : textOf(node['type']);
  if (value === null || type === undefined) return null;
  if (column === 'seq') return seqBounds(type, value);
  const isVcpu = column === 'vcpu' && type === 'COMPARE_EQUAL' && value <= 0xffff_ffffn;
  return isVcpu ? { ...ALL, vcpu: Number(value) } : null;
}

function meet(a: Bounds, b: Bounds): Bounds {
  const isNone = a.vcpu !== null && b.vcpu !== null && a.vcpu !== b.vcpu;
  return {
    firstSeq: Math.max(a.firstSeq, b.firstSeq),
    lastSeq: isNone ? -1 : Math.min(a.lastSeq, b.lastSeq),
    vcpu: a.vcpu ?? b.vcpu,
  };
}

const AGGREGATES: ReadonlySet<string> = new Set(['min', 'max', 'bool_and', 'bool_or']);

/** Functions that may stand around columns of the edge in a query that is counted. */
const SCALARS: ReadonlySet<string> = new Set(
  (
    '+ - * / // % & | >> || concat hex to_hex format printf substr substring split_part replace ' +
    'trim regexp_extract regexp_replace greatest least round floor abs nullif ifnull'
  ).split(' '),
);

type Role = 'value' | 'count' | 'unknown' | 'aggregate';

/** What a function call does to the rows it is given. */
function roleOf(node: AstNode): Role {
  const name = textOf(node['function_name']);
  if (textOf(node['schema']) !== '' || node['export_state'] === true) return 'unknown';
  const orders = isNode(node['order_bys']) ? listOf(node['order_bys']['orders']) : [];
  const isDistinct = node['distinct'] === true;
  const isOne = listOf(node['children']).length === 1;
  if (name === 'count_star') return isDistinct ? 'unknown' : 'count';
  if (orders.length > 0) return 'unknown';
  if (name === 'count' && isDistinct && isOne) return 'aggregate';
  if (AGGREGATES.has(name) && isOne && !isDistinct) return 'aggregate';
  if ((SCALARS.has(name) || isPure(node)) && isPlainCall(node)) return 'value';
  return 'unknown';
}

const COUNTED_CLASSES: ReadonlySet<unknown> = new Set([
  'COLUMN_REF',
  'CONSTANT',
  'COMPARISON',
  'CONJUNCTION',
  'BETWEEN',
  'OPERATOR',
  'CASE',
  'CAST',
  'FUNCTION',
]);

interface Counted {
  readonly counts: readonly AstNode[];
  readonly namesVcpu: boolean;
}

/** Names that the SELECT list gives to its expressions. */
const aliasesOf = (node: AstNode): ReadonlySet<string> =>
  new Set(
    listOf(node['select_list']).flatMap((one) =>
      isNode(one) && textOf(one['alias']) !== '' ? [textOf(one['alias']).toLowerCase()] : [],
    ),
  );

/**
 * Whether a SELECT asks only how often things occur, and whether at all: then a row for each edge
 * and vCPU will do. Null if it asks for more.
 * @param bounded conditions that the rows will meet by themselves.
 */
function countedSelect(select: Select, bounded: ReadonlySet<AstNode>): Counted | null {
  const { node } = select;
  const aliases = aliasesOf(node);
  const counts: AstNode[] = [];
  let hasAggregate = listOf(node['group_expressions']).length > 0;
  let namesVcpu = false;
  const visit = (value: unknown): boolean => {
    if (Array.isArray(value)) return value.every(visit);
    if (!isNode(value) || bounded.has(value)) return true;
    if ('class' in value) {
      if (!COUNTED_CLASSES.has(value['class'])) return false;
      if (value['class'] === 'COLUMN_REF') {
        const column = columnOf(select, value);
        if (column === 'vcpu') namesVcpu = true;
        const names = listOf(value['column_names']);
        if (column !== null) return column === 'vcpu' || !PLACE_COLUMNS.has(column);
        return names.length === 1 && aliases.has(textOf(names[0]).toLowerCase());
      }
      if (value['class'] === 'FUNCTION') {
        const role = roleOf(value);
        if (role === 'unknown') return false;
        if (role !== 'value') hasAggregate = true;
        if (role === 'count') counts.push(value);
      }
    }
    return Object.values(value).every(visit);
  };
  const modifiers = listOf(node['modifiers']).filter(isNode);
  const distinct = modifiers.find((one) => one['type'] === 'DISTINCT_MODIFIER');
  if (distinct !== undefined && listOf(distinct['distinct_on_targets']).length > 0) return null;
  if ((node['qualify'] ?? null) !== null) return null;
  const parts = ['select_list', 'where_clause', 'group_expressions', 'having', 'modifiers'];
  if (!parts.every((part) => visit(node[part]))) return null;
  return hasAggregate || distinct !== undefined ? { counts, namesVcpu } : null;
}

const isOurTable = (table: unknown): table is AstNode =>
  isNode(table) &&
  table['type'] === 'BASE_TABLE' &&
  textOf(table['table_name']).toLowerCase() === TABLE &&
  textOf(table['schema_name']) === '' &&
  textOf(table['catalog_name']) === '' &&
  (table['sample'] ?? null) === null &&
  (table['at_clause'] ?? null) === null &&
  listOf(table['column_name_alias']).length === 0;

function pushOf(text: SourceText, node: AstNode, columns: ReadonlySet<string>): Push | null {
  const table = node['from_table'];
  if (!isOurTable(table) || (node['sample'] ?? null) !== null) return null;
  const alias = textOf(table['alias']) || TABLE;
  const select: Select = { node, alias, columns };
  const conditions: AstNode[] = [];
  const bounded = new Set<AstNode>();
  let bounds: Bounds = ALL;
  for (const one of conjuncts(node['where_clause'])) {
    const limits = boundsOf(select, one);
    if (limits !== null) {
      bounds = meet(bounds, limits);
      bounded.add(one);
    } else if (isOfEdge(select, one)) conditions.push(one);
  }
  const from = tableReplacement(text, table, TABLE);
  if (from === null) return null;
  const counted = countedSelect(select, bounded);
  const replaced = counted?.counts.map((one) => countReplacement(text, one['query_location']));
  const counts = replaced?.filter((one) => one !== null) ?? [];
  const isCounted = counted !== null && counts.length === replaced?.length;
  if (!isCounted && conditions.length === 0 && bounded.size === 0) return null;
  return {
    conditions: isCounted ? [] : conditions,
    alias,
    bounds,
    isCounted,
    namesVcpu: isCounted ? counted.namesVcpu || bounds.vcpu !== null : true,
    replacements: isCounted ? [from, ...counts] : [from],
  };
}

/** A quick look: whether a text mentions the table at all. */
export const mentionsTransfers = (sql: string): boolean =>
  sqlTokens(sql).some((token) => sqlName(token)?.toLowerCase() === TABLE);

/**
 * Every mention of `transfers` that can be served in another way.
 * @param ast what parseExactly() made of json_serialize_sql(sql).
 * @param columns names of the columns of transfers.
 */
export function findPushes(sql: string, ast: unknown, columns: ReadonlySet<string>): Push[] {
  const nodes = [...nodesIn(ast)];
  // A WITH of that name hides the table.
  const isHidden = nodes.some((node) => {
    const map = isNode(node['cte_map']) ? listOf(node['cte_map']['map']) : [];
    const names = map.map((one) => (isNode(one) ? textOf(one['key']).toLowerCase() : ''));
    return names.includes(TABLE) || textOf(node['cte_name']).toLowerCase() === TABLE;
  });
  if (isHidden) return [];
  const text = new SourceText(sql);
  return nodes
    .filter((node) => node['type'] === 'SELECT_NODE')
    .map((node) => pushOf(text, node, columns))
    .filter((push) => push !== null);
}
