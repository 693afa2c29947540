/**
 * DuckDB's own parse of a query, as json_serialize_sql() gives it: nothing here guesses at SQL.
 * Every node is looked at before it is believed; what is not known is for the caller to refuse.
 */

/** An object of the parse tree. */
export type AstNode = Readonly<Record<string, unknown>>;

export const isNode = (value: unknown): value is AstNode =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);

export const listOf = (value: unknown): readonly unknown[] => (isList(value) ? value : []);
export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** A number whose digits a double does not hold: kept as it was written. */
interface JsonWithSource {
  rawJSON(text: string): unknown;
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown;
}

const hasSource = (json: object): json is JsonWithSource => 'rawJSON' in json;

/**
 * Reads JSON without rounding an address; null where this JavaScript cannot do it.
 * @throws SyntaxError
 */
export function parseExactly(text: string): unknown {
  const json: object = JSON;
  if (!hasSource(json)) return null;
  return json.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && source !== undefined
      ? json.rawJSON(source)
      : value,
  );
}

/** Every object below `value`, and itself. */
export function* nodesIn(value: unknown): Generator<AstNode> {
  if (isList(value)) {
    for (const one of value) yield* nodesIn(one);
    return;
  }
  if (!isNode(value)) return;
  yield value;
  for (const child of Object.values(value)) yield* nodesIn(child);
}

/** The conditions that must all hold. */
export function conjuncts(where: unknown): AstNode[] {
  if (!isNode(where)) return [];
  if (where['type'] !== 'CONJUNCTION_AND') return [where];
  return listOf(where['children']).flatMap(conjuncts);
}

/** Functions whose result depends on their arguments only and that make one value of each row. */
const PURE_FUNCTIONS: ReadonlySet<string> = new Set(
  (
    '~~ !~~ ~~* !~~* like_escape not_like_escape starts_with prefix ends_with suffix contains ' +
    'regexp_matches regexp_full_match lower upper length strlen'
  ).split(' '),
);

const PURE_CLASSES: ReadonlySet<unknown> = new Set([
  'COLUMN_REF',
  'CONSTANT',
  'COMPARISON',
  'CONJUNCTION',
  'BETWEEN',
]);

const PURE_OPERATORS: ReadonlySet<unknown> = new Set([
  'OPERATOR_NOT',
  'OPERATOR_IS_NULL',
  'OPERATOR_IS_NOT_NULL',
  'COMPARE_IN',
  'COMPARE_NOT_IN',
  'OPERATOR_COALESCE',
]);

/** Keys under which an expression keeps other expressions. */
const CHILD_KEYS: readonly string[] = [
  'left',
  'right',
  'children',
  'input',
  'lower',
  'upper',
  'child',
];

export const childrenOf = (node: AstNode): AstNode[] =>
  CHILD_KEYS.flatMap((key) => {
    const value = node[key];
    return (isList(value) ? value : [value]).filter(isNode);
  });

/** A plain call: no FILTER, DISTINCT, ORDER BY, and of no schema. */
export function isPlainCall(node: AstNode): boolean {
  const orders = isNode(node['order_bys']) ? listOf(node['order_bys']['orders']) : [];
  return (
    node['filter'] === null &&
    node['distinct'] === false &&
    orders.length === 0 &&
    textOf(node['schema']) === '' &&
    textOf(node['catalog']) === ''
  );
}

/** Whether an expression, without its children, gives the same for the same row, and no error. */
export function isPure(node: AstNode): boolean {
  const kind = node['class'];
  if (PURE_CLASSES.has(kind)) return true;
  if (kind === 'OPERATOR') return PURE_OPERATORS.has(node['type']);
  if (kind !== 'FUNCTION') return false;
  return PURE_FUNCTIONS.has(textOf(node['function_name'])) && isPlainCall(node);
}

/** The digits of a constant that is a whole number ≥ 0; else null. */
export function wholeConstant(node: AstNode): bigint | null {
  if (node['class'] !== 'CONSTANT' || !isNode(node['value'])) return null;
  const { type, value, is_null: isNull } = node['value'];
  if (isNull === true || !isNode(type)) return null;
  if (!/^U?(?:TINYINT|SMALLINT|INTEGER|BIGINT)$/.test(textOf(type['id']))) return null;
  const text = JSON.stringify(value);
  return /^\d+$/.test(text) ? BigInt(text) : null;
}
