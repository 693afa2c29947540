-- The last time something happened. Each of these reads transfers, from the end or all of them.

-- When the instruction at an address ran last, one row for each vCPU that ran it: after the
-- transfer given here and before the next one. Reads backward from the end until it is found.
-- @argument address Guest address of the instruction; a plain number.
-- @column vcpu The vCPU.
-- @column seq The transfer after which it ran.
-- @address target Where that transfer arrived: sequential execution from there led to the address.
-- @column target_location The same in words.
-- @address source Where that transfer came from.
-- @column source_location The same in words.
-- @column edge The edge of that transfer.
CREATE MACRO last_executed(address) AS TABLE
SELECT l.vcpu, l.seq, e.target, e.target_location, e.source, e.source_location, l.edge
FROM _last_executed(address::UBIGINT) AS l JOIN edges AS e USING (edge)
ORDER BY l.vcpu;

-- The last transfer into each symbol, the latest first; reads every transfer.
-- @column symbol Name of the symbol; null for what no symbol covers.
-- @column vcpu The vCPU.
-- @column seq The transfer.
-- @column arrivals How many transfers of that vCPU arrived there.
CREATE VIEW last_arrivals AS
WITH taken AS (
  SELECT vcpu, edge, max(seq) AS seq, count(*) AS count FROM transfers GROUP BY vcpu, edge
)
SELECT
  e.target_symbol AS symbol,
  t.vcpu,
  max(t.seq) AS seq,
  sum(t.count)::UBIGINT AS arrivals
FROM taken AS t JOIN edges AS e USING (edge)
GROUP BY e.target_symbol, t.vcpu
ORDER BY seq DESC, t.vcpu;

-- When the instruction at an address ran last before a moment, on one vCPU: after the transfer
-- given here and before the next one. No row if it never did. Reads backward from there.
-- @argument address Guest address of the instruction; a plain number.
-- @argument vcpu The vCPU; a plain number.
-- @argument seq The transfer before which it is to have run; a plain number.
-- @column vcpu The vCPU.
-- @column seq The transfer after which it ran.
-- @address target Where that transfer arrived: sequential execution from there led to the address.
-- @column target_location The same in words.
-- @address source Where that transfer came from.
-- @column source_location The same in words.
-- @column edge The edge of that transfer.
CREATE MACRO last_executed_before(address, vcpu, seq) AS TABLE
SELECT l.vcpu, l.seq, e.target, e.target_location, e.source, e.source_location, l.edge
FROM _last_executed_before(address::UBIGINT, vcpu::UBIGINT, seq::UBIGINT) AS l
JOIN edges AS e USING (edge);
