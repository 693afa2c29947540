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
