-- Who calls whom.

-- Calls between symbols, the most frequent first. Tail calls are jumps and not among them.
-- @column caller Symbol that the call instruction lies in; null where none is known.
-- @column callee Symbol that was called; null where none is known.
-- @column count How often.
-- @column call_sites Different addresses of the caller it was called from.
-- @column is_indirect Whether any of these calls went through a register or memory.
CREATE VIEW calls AS
SELECT
  source_symbol AS caller,
  target_symbol AS callee,
  sum(count)::UBIGINT AS count,
  count(DISTINCT source)::UINTEGER AS call_sites,
  bool_or(kind = 'indirect-call') AS is_indirect
FROM edges
WHERE kind IN ('call', 'indirect-call') AND count > 0
GROUP BY source_symbol, target_symbol
ORDER BY count DESC, caller, callee;

-- The places a function was called from, the most frequent first.
-- @argument symbol Name of the function; of C++ and Rust, with or without its parameters.
-- @column caller Symbol that the call instruction lies in; null where none is known.
-- @address source Address of the call instruction.
-- @column source_location The same in words.
-- @column kind `call` or `indirect-call`.
-- @column count How often.
CREATE MACRO callers_of(symbol) AS TABLE
SELECT
  source_symbol AS caller,
  source,
  any_value(source_location) AS source_location,
  kind,
  sum(count)::UBIGINT AS count
FROM edges
WHERE
  kind IN ('call', 'indirect-call')
  AND count > 0
  AND (target_symbol = symbol OR starts_with(target_symbol, symbol || '('))
GROUP BY source_symbol, source, kind
ORDER BY count DESC, source, kind;

-- Functions by how often they were called, most first. Tail calls are jumps and not among them.
-- @column symbol Name of the function; null for all that no symbol covers.
-- @column calls How often it was called.
-- @column indirect_calls Those through a register or memory.
-- @column callers Different symbols among the callers; what no symbol covers is not counted.
-- @column call_sites Different addresses it was called from.
CREATE VIEW call_counts AS
SELECT
  target_symbol AS symbol,
  sum(count)::UBIGINT AS calls,
  coalesce(sum(count) FILTER (kind = 'indirect-call'), 0)::UBIGINT AS indirect_calls,
  count(DISTINCT source_symbol)::UINTEGER AS callers,
  count(DISTINCT source)::UINTEGER AS call_sites
FROM edges
WHERE kind IN ('call', 'indirect-call') AND count > 0
GROUP BY target_symbol
ORDER BY calls DESC, symbol;

-- The calls that a function made, the most frequent first.
-- @argument symbol Name of the function; of C++ and Rust, with or without its parameters.
-- @column callee Symbol that was called; null where none is known.
-- @address source Address of the call instruction.
-- @column source_location The same in words.
-- @address target Address that was called.
-- @column kind `call` or `indirect-call`.
-- @column count How often.
CREATE MACRO callees_of(symbol) AS TABLE
SELECT
  target_symbol AS callee,
  source,
  any_value(source_location) AS source_location,
  target,
  kind,
  sum(count)::UBIGINT AS count
FROM edges
WHERE
  kind IN ('call', 'indirect-call')
  AND count > 0
  AND (source_symbol = symbol OR starts_with(source_symbol, symbol || '('))
GROUP BY target_symbol, source, target, kind
ORDER BY count DESC, source, target, kind;

-- For call trees: calls between symbols, and a text that sorts the most frequent ones first.
CREATE VIEW _tree_calls AS
SELECT
  caller,
  callee,
  count,
  printf('%020d', 9000000000000000000 - count::BIGINT) || coalesce(callee, '') AS callee_rank,
  printf('%020d', 9000000000000000000 - count::BIGINT) || coalesce(caller, '') AS caller_rank
FROM calls;

-- What a function called, what that called, and so on, as a tree. Counts are those of caller and
-- callee in the whole run, whoever called the caller: a function that stands in two places of the
-- tree has the same calls below it in both.
-- @argument symbol Name of the function; of C++ and Rust, with or without its parameters.
-- @argument depth Levels below it.
-- @column level 0 for the function itself.
-- @column tree The callee, indented by level.
-- @column count How often the function one level up called it; null at level 0.
-- @column callee Symbol; null where none is known.
-- @column is_above Whether it stands further up already: a recursion, not followed again.
CREATE MACRO call_tree(symbol, depth) AS TABLE
WITH RECURSIVE
links AS MATERIALIZED (FROM _tree_calls),
below AS (
  SELECT
    0 AS level,
    name AS callee,
    NULL::UBIGINT AS count,
    FALSE AS is_above,
    [name] AS above,
    [name] AS place
  FROM (SELECT caller AS name FROM links UNION SELECT callee FROM links)
  WHERE name = symbol OR starts_with(name, symbol || '(')
  UNION ALL
  SELECT
    b.level + 1,
    l.callee,
    l.count,
    coalesce(list_contains(b.above, l.callee), FALSE),
    list_append(b.above, l.callee),
    list_append(b.place, l.callee_rank)
  FROM below AS b JOIN links AS l ON l.caller = b.callee
  WHERE b.level < depth AND NOT b.is_above
)
SELECT level, repeat('  ', level) || coalesce(callee, '?') AS tree, count, callee, is_above
FROM below
ORDER BY place;

-- Who called a function, who called that, and so on, as a tree. Counts are those of caller and
-- callee in the whole run.
-- @argument symbol Name of the function; of C++ and Rust, with or without its parameters.
-- @argument depth Levels above it.
-- @column level 0 for the function itself.
-- @column tree The caller, indented by level.
-- @column count How often it called the function one line up in the tree; null at level 0.
-- @column caller Symbol; null where none is known.
-- @column is_above Whether it stands further up already: a recursion, not followed again.
CREATE MACRO caller_tree(symbol, depth) AS TABLE
WITH RECURSIVE
links AS MATERIALIZED (FROM _tree_calls),
up AS (
  SELECT
    0 AS level,
    name AS caller,
    NULL::UBIGINT AS count,
    FALSE AS is_above,
    [name] AS above,
    [name] AS place
  FROM (SELECT caller AS name FROM links UNION SELECT callee FROM links)
  WHERE name = symbol OR starts_with(name, symbol || '(')
  UNION ALL
  SELECT
    u.level + 1,
    l.caller,
    l.count,
    coalesce(list_contains(u.above, l.caller), FALSE),
    list_append(u.above, l.caller),
    list_append(u.place, l.caller_rank)
  FROM up AS u JOIN links AS l ON l.callee = u.caller
  WHERE u.level < depth AND NOT u.is_above
)
SELECT level, repeat('  ', level) || coalesce(caller, '?') AS tree, count, caller, is_above
FROM up
ORDER BY place;
