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

-- Loops by how often they went around, most first: one row for each address that back edges lead
-- to, whatever their number. Follows from the counts of edges: no transfer is read. A jump back
-- that is no loop, from a rare case that lies behind the usual one, has about 1 trip.
-- @column symbol Symbol that the loop lies in; null where none is known.
-- @address head Where the loop starts.
-- @column head_location The same in words.
-- @column back_edges Different back edges.
-- @column iterations How often the head ran.
-- @column entries How often the loop was entered: runs of the head that no back edge led to, and
--   jumps from outside to behind the head.
-- @column trips Iterations for each entry, on average; null if the trace begins inside the loop.
CREATE VIEW loop_trips AS
WITH heads AS (
  SELECT
    symbol,
    head,
    head_location,
    max(latch) AS latch,
    count(*)::UINTEGER AS back_edges,
    sum(count) AS backward
  FROM loops
  GROUP BY symbol, head, head_location
),
jumps AS (
  SELECT source, target, target_symbol AS symbol, count
  FROM edges
  WHERE kind IN ('branch', 'jump', 'indirect-jump') AND count > 0
),
inside AS (
  SELECT h.head, h.symbol, sum(j.count) AS jumps
  FROM heads AS h
  JOIN jumps AS j
    ON j.symbol IS NOT DISTINCT FROM h.symbol
    AND j.target > h.head
    AND j.target <= h.latch
    AND NOT (j.source BETWEEN h.head AND h.latch)
  GROUP BY h.head, h.symbol
)
SELECT
  h.symbol,
  h.head,
  h.head_location,
  h.back_edges,
  i.executed AS iterations,
  greatest(i.executed::HUGEINT - h.backward + coalesce(n.jumps, 0), 0)::UBIGINT AS entries,
  i.executed / nullif(entries, 0) AS trips
FROM heads AS h
JOIN instructions AS i ON i.pc = h.head
LEFT JOIN inside AS n ON n.head = h.head AND n.symbol IS NOT DISTINCT FROM h.symbol
ORDER BY iterations DESC, h.head, h.symbol;
