-- Which code ran, and how often. All of it follows from the counts of edges: no transfer is read.

-- 1 if the instruction at the source of an edge has run, else 0: the source of an exception, an
-- interrupt or a signal was about to run.
CREATE MACRO _is_retired(cause, kind) AS
CASE
  WHEN cause IN ('exception', 'interrupt') THEN 0
  WHEN cause = 'signal' AND kind IS DISTINCT FROM 'signal-return' THEN 0
  ELSE 1
END;

-- Where runs of sequential execution open and close: an edge opens one at its target, and closes
-- one after its source if the instruction there has run, before it if it has not. The first and
-- last transfer of a stretch lack their partner.
CREATE VIEW _run_ends AS
SELECT target::HUGEINT AS position, count::BIGINT AS change FROM edges
UNION ALL
SELECT source::HUGEINT + _is_retired(cause, kind), -count::BIGINT FROM edges
WHERE source IS NOT NULL
UNION ALL
SELECT end_address::HUGEINT, -1 FROM _stretches()
UNION ALL
SELECT e.source::HUGEINT + _is_retired(e.cause, e.kind), 1
FROM _stretches() AS s JOIN edges AS e ON e.edge = s.first_edge
WHERE e.source IS NOT NULL;

-- From each position on, how many runs are open.
CREATE VIEW _open_runs AS
SELECT position, sum(sum(change)) OVER (ORDER BY position) AS runs
FROM _run_ends
GROUP BY position;

-- How often the instruction at an address ran; 0 if it never did, or if what ran it was lost. Exact
-- where the counts of edges are, which is in a trace that was closed properly.
-- @argument address Guest address of the first byte of an instruction.
CREATE MACRO executed(address) AS
coalesce((SELECT sum(change) FROM _run_ends WHERE position <= address), 0)::UBIGINT;

-- Blocks of code by address. Code that was translated more than once has a row for each
-- translation, all with the same counts.
-- @column block Row number of blocks.
-- @address pc Guest address of its first instruction.
-- @column size Guest code bytes.
-- @column instructions Guest instructions.
-- @column symbol Symbol that covers pc; null where none is known.
-- @column location pc in words.
-- @column arrivals Transfers that arrived at its first instruction.
-- @column executed How often its first instruction ran: arrivals, and falls from the code above.
CREATE VIEW coverage AS
WITH arrived AS (
  SELECT target AS pc, sum(count)::UBIGINT AS arrivals FROM edges GROUP BY target
)
SELECT
  b.block,
  b.pc,
  b.size,
  b.instructions,
  b.symbol,
  b.location,
  coalesce(a.arrivals, 0)::UBIGINT AS arrivals,
  coalesce(r.runs, 0)::UBIGINT AS executed
FROM blocks AS b
LEFT JOIN arrived AS a ON a.pc = b.pc
ASOF LEFT JOIN _open_runs AS r ON b.pc::HUGEINT >= r.position
ORDER BY b.pc, b.block;
