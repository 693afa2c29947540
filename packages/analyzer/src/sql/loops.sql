-- Loops.

-- Back edges: jumps to the same or a lower address of the same symbol, the most often taken first.
-- Each is one way around a loop.
-- @column edge Row number of edges.
-- @column symbol Symbol that the loop lies in; null where none is known.
-- @column count How often control went around this way.
-- @address head Where the loop starts: target of the edge.
-- @column head_location The same in words.
-- @address latch The jump back: source of the edge.
-- @column span Bytes from head to latch.
CREATE VIEW loops AS
SELECT
  edge,
  target_symbol AS symbol,
  count,
  target AS head,
  target_location AS head_location,
  source AS latch,
  source - target AS span
FROM edges
WHERE
  kind IN ('branch', 'jump', 'indirect-jump')
  AND count > 0
  AND target <= source
  AND source_symbol IS NOT DISTINCT FROM target_symbol
ORDER BY count DESC, edge;
