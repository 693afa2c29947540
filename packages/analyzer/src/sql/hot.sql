-- Where a program is busy.

-- Edges that were taken, the most often taken first.
-- @column edge Row number of edges.
-- @column count How often it was taken.
-- @column share Part of all transfers, 0 to 1.
-- @column kind Finer than cause.
-- @column cause Why control moved.
-- @address source Guest address that control left.
-- @column source_location The same in words.
-- @address target Guest address that control arrived at.
-- @column target_location The same in words.
CREATE VIEW hot_edges AS
SELECT
  edge,
  count,
  count / sum(count) OVER () AS share,
  kind,
  cause,
  source,
  source_location,
  target,
  target_location
FROM edges
WHERE count > 0
ORDER BY count DESC, edge;

-- Symbols by how many transfers arrived in them, most first; one row with null for what no symbol
-- covers.
-- @column symbol Name of the symbol.
-- @column arrivals Transfers with their target in it.
-- @column from_elsewhere Those whose source lies in another symbol, or nowhere.
-- @column calls Those that are calls.
-- @column edges Different edges among them.
CREATE VIEW hot_symbols AS
SELECT
  target_symbol AS symbol,
  sum(count)::UBIGINT AS arrivals,
  coalesce(
    sum(count) FILTER (source_symbol IS DISTINCT FROM target_symbol),
    0
  )::UBIGINT AS from_elsewhere,
  coalesce(sum(count) FILTER (kind IN ('call', 'indirect-call')), 0)::UBIGINT AS calls,
  count(*)::UINTEGER AS edges
FROM edges
WHERE count > 0
GROUP BY target_symbol
ORDER BY arrivals DESC, symbol;

-- Functions by how many instructions ran in them, most first; one row with null for what no symbol
-- covers. Follows from the counts of edges: no transfer is read.
-- @column symbol Name of the function.
-- @column instructions Instructions of its own that ran, not those of what it called.
-- @column share Part of all instructions, 0 to 1.
-- @column calls How often it was called.
-- @column instructions_per_call instructions by calls; null where nobody called it.
CREATE VIEW hot_functions AS
WITH work AS (
  SELECT symbol, sum(executed) AS instructions FROM instructions GROUP BY symbol
)
SELECT
  w.symbol,
  w.instructions::UBIGINT AS instructions,
  w.instructions / sum(w.instructions) OVER () AS share,
  coalesce(c.calls, 0)::UBIGINT AS calls,
  w.instructions / nullif(c.calls, 0) AS instructions_per_call
FROM work AS w LEFT JOIN call_counts AS c ON w.symbol IS NOT DISTINCT FROM c.symbol
WHERE w.instructions > 0
ORDER BY w.instructions DESC, w.symbol;
