-- Where code comes from: source lines and inlined functions, as the program's debug information has
-- them. Only code that is in a trace has lines; a trace of a program without debug information, and
-- one that an older backtrail made, has none.

-- A place in the source as text, path:line; null where neither is known.
CREATE MACRO _source_text(path, line) AS CASE
  WHEN path IS NULL THEN NULL
  WHEN line = 0 THEN path
  ELSE format('{}:{}', path, line)
END;

-- The source line of the instruction at an address, as path:line; null where none is known. Looks
-- through all lines for each address: of many, instruction_lines and edge_lines are the quick way.
-- @argument place Guest address of the instruction.
CREATE MACRO source_line(place) AS (
  SELECT any_value(_source_text(l.path, l.line)) FROM lines AS l
  WHERE l.address <= place AND l.address::HUGEINT + l.size > place
);

-- The functions that an address is in, from the innermost inlined one to the one that the symbol
-- names. The line of the first is that of the instruction, that of each other the call in it.
-- @argument place Guest address of the instruction; a plain number.
-- @column depth How many functions further out there are; 0 for the last row.
-- @column function Demangled name; null where none is known.
-- @column path Source file; null where it is not known.
-- @column line Line in it; null where it is not known.
CREATE MACRO source_frames(place) AS TABLE
WITH inlined AS (
  SELECT * FROM inlines AS i
  WHERE i.address <= place::UBIGINT AND i.address::HUGEINT + i.size > place::UBIGINT
),
own AS (
  SELECT l.path, l.line FROM lines AS l
  WHERE l.address <= place::UBIGINT AND l.address::HUGEINT + l.size > place::UBIGINT
),
functions AS (
  SELECT depth::UBIGINT AS depth, nullif(demangled, '') AS function FROM inlined
  UNION ALL
  SELECT 0, (SELECT any_value(b.symbol) FROM instructions AS b WHERE b.pc = place::UBIGINT)
),
places AS (
  SELECT depth::UBIGINT - 1 AS depth, call_path AS path, call_line AS line FROM inlined
  UNION ALL
  SELECT coalesce((SELECT max(depth) FROM inlined), 0), path, line FROM own
)
SELECT f.depth, f.function, p.path, nullif(p.line, 0) AS line
FROM functions AS f LEFT JOIN places AS p USING (depth)
ORDER BY f.depth DESC;

-- Edges with the source lines of both ends.
-- @column edge Row number of edges.
-- @column source_line Where control left, as path:line; null where it is not known.
-- @column target_line Where it arrived, as path:line; null where it is not known.
-- @column count How often it was taken.
CREATE VIEW edge_lines AS
SELECT
  e.edge,
  CASE WHEN e.source - s.address < s.size THEN _source_text(s.path, s.line) END AS source_line,
  CASE WHEN e.target - t.address < t.size THEN _source_text(t.path, t.line) END AS target_line,
  e.count
FROM edges AS e
ASOF LEFT JOIN lines AS s ON e.source >= s.address
ASOF LEFT JOIN lines AS t ON e.target >= t.address
ORDER BY e.edge;

-- Instructions of the recorded blocks with their source lines, by address.
-- @address pc Guest address of its first byte.
-- @column symbol Symbol that covers it; null where none is known.
-- @column path Source file; null where it is not known.
-- @column line Line in it; null where it is not known.
-- @column line_column Column in the line; null where it is not known.
-- @column executed How often it ran.
CREATE VIEW instruction_lines AS
SELECT
  i.pc,
  i.symbol,
  CASE WHEN i.pc - l.address < l.size THEN l.path END AS path,
  CASE WHEN i.pc - l.address < l.size THEN nullif(l.line, 0) END AS line,
  CASE WHEN i.pc - l.address < l.size THEN nullif(l.line_column, 0) END AS line_column,
  i.executed
FROM instructions AS i ASOF LEFT JOIN lines AS l ON i.pc >= l.address
ORDER BY i.pc;

-- Lines by how many instructions ran on them, hottest first: where time goes, by source line. Code
-- that was inlined counts for the line it was written on.
-- @column path Source file.
-- @column line Line in it.
-- @column instructions How many instructions ran on it, each as often as it did.
-- @column executed How often the instruction on it ran that ran most: about how often it ran.
-- @column places Different instructions that were made of it.
CREATE VIEW hot_lines AS
SELECT
  path,
  line,
  sum(l.executed)::UBIGINT AS instructions,
  max(l.executed) AS executed,
  count(*)::UBIGINT AS places
FROM instruction_lines AS l
WHERE path IS NOT NULL AND line IS NOT NULL
GROUP BY path, line
ORDER BY instructions DESC, path, line;
