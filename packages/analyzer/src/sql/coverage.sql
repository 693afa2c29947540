-- Which code ran, and how often. All of it follows from the counts of edges: no transfer is read.

-- How often the instruction at an address ran; 0 if it never did, or if what ran it was lost. Exact
-- where the counts of edges are, which is in a trace that was closed properly.
-- @argument address Guest address of the first byte of an instruction.
CREATE MACRO executed(address) AS
coalesce((SELECT i.executed FROM instructions AS i WHERE i.pc = address), 0)::UBIGINT;

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
  coalesce(i.executed, 0)::UBIGINT AS executed
FROM blocks AS b
LEFT JOIN arrived AS a ON a.pc = b.pc
LEFT JOIN instructions AS i ON i.pc = b.pc
ORDER BY b.pc, b.block;

-- Functions by how much of their code ran, those of each module together. Functions of which
-- nothing ran are there too: they have 0 bytes executed.
-- @column symbol Demangled name.
-- @column module Row number of modules.
-- @address address Guest address of its first byte.
-- @column size Bytes, as its file says.
-- @column bytes_executed Bytes of those instructions in it that ran at least once.
-- @column share bytes_executed of size, 0 to 1. Padding and literals never run: 1 is rare.
-- @column instructions_executed How many instructions ran in it, each as often as it did.
CREATE VIEW coverage_by_symbol AS
WITH ran AS (
  SELECT
    pc,
    sum(size) OVER (ORDER BY pc) AS bytes_to,
    sum(executed) OVER (ORDER BY pc) AS executed_to
  FROM instructions
  WHERE executed > 0
)
SELECT
  s.demangled AS symbol,
  s.module,
  s.address,
  s.size,
  (coalesce(below_end.bytes_to, 0) - coalesce(below.bytes_to, 0))::UBIGINT AS bytes_executed,
  bytes_executed / s.size AS share,
  (coalesce(below_end.executed_to, 0) - coalesce(below.executed_to, 0))::UBIGINT
    AS instructions_executed
FROM symbols AS s
ASOF LEFT JOIN ran AS below ON s.address > below.pc
ASOF LEFT JOIN ran AS below_end ON s.address::HUGEINT + s.size > below_end.pc
WHERE s.type IN ('function', 'ifunc') AND s.size > 0
ORDER BY s.module, s.address, s.demangled;

-- Source lines by file and line, with how often each ran. Only code in blocks has lines: a line
-- that is missing was never translated, and so never ran.
-- @column path Source file.
-- @column line Line in it.
-- @column executed How often the instruction of it ran that ran most: about how often it ran.
-- @column instructions Different instructions that were made of it, as far as they are in blocks.
-- @column instructions_executed Those of them that ran at least once.
CREATE VIEW coverage_by_line AS
SELECT
  l.path,
  l.line,
  max(i.executed) AS executed,
  count(*)::UINTEGER AS instructions,
  count(*) FILTER (i.executed > 0)::UINTEGER AS instructions_executed
FROM instructions AS i ASOF JOIN lines AS l ON i.pc >= l.address
WHERE i.pc - l.address < l.size AND l.path IS NOT NULL AND l.line > 0
GROUP BY l.path, l.line
ORDER BY l.path, l.line;
