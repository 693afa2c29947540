-- Which way conditional branches went.

-- Conditional branches that ran, the most often run first: how often each was taken, which is a
-- transfer, and how often not, which is none and follows from how often it ran. A branch that was
-- never taken is found by its bits, on x86, RISC-V and AArch64.
-- @address pc Address of the branch.
-- @column location The same in words.
-- @column symbol Symbol that covers it; null where none is known.
-- @column executed How often it ran.
-- @column taken How often control went to its target.
-- @column not_taken How often control went on to the next instruction.
-- @column share taken of executed, 0 to 1: the bias.
CREATE VIEW branch_bias AS
WITH jumps AS (
  SELECT source AS pc, sum(count)::UBIGINT AS taken
  FROM edges
  WHERE kind = 'branch' AND count > 0
  GROUP BY source
)
SELECT
  i.pc,
  i.location,
  i.symbol,
  i.executed,
  coalesce(j.taken, 0)::UBIGINT AS taken,
  greatest(i.executed::HUGEINT - coalesce(j.taken, 0), 0)::UBIGINT AS not_taken,
  coalesce(j.taken, 0) / i.executed AS share
FROM instructions AS i LEFT JOIN jumps AS j ON j.pc = i.pc
WHERE i.executed > 0 AND (i.kind = 'branch' OR j.taken IS NOT NULL)
ORDER BY i.executed DESC, i.pc;
