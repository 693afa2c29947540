-- Time, as far as a trace knows it.

-- Where each vCPU spent its time, most first: an estimate. The clock was read once a segment, some
-- hundred thousand transfers; within one, every instruction is taken to have lasted as long as any
-- other. Recording itself costs time where there are many transfers. Reads every transfer.
-- @column symbol Name of the symbol; null for what no symbol covers.
-- @column vcpu The vCPU.
-- @column instructions Instructions of it that ran; where code overlaps, those of both.
-- @column time_ns Estimated time in it, without what it called, ns.
-- @column share Part of the time of all vCPUs, 0 to 1.
CREATE VIEW time_by_symbol AS
WITH parts AS (
  SELECT
    w.symbol,
    s.vcpu,
    sum(w.instructions)::UBIGINT AS instructions,
    sum(
      greatest(s.time_last_ns::HUGEINT - s.time_first_ns, 0)
      * (w.instructions / w.segment_instructions)
    ) AS time_ns
  FROM _work() AS w JOIN segments AS s USING (segment)
  GROUP BY w.symbol, s.vcpu
)
SELECT
  symbol,
  vcpu,
  instructions,
  round(time_ns)::UBIGINT AS time_ns,
  time_ns / nullif(sum(time_ns) OVER (), 0) AS share
FROM parts
ORDER BY time_ns DESC, instructions DESC, symbol, vcpu;

-- The vCPUs of the trace, which are threads where a program was recorded and not a machine.
-- @column vcpu Its number.
-- @column thread Thread id, as the host gave it; null where the trace does not tell.
-- @column transfers Transfers that are there.
-- @column lost Transfers that are known to be missing.
-- @column first_seq The first that is there.
-- @column last_seq The last that is there.
-- @column segments Segments that hold them.
-- @column instructions Instructions it retired until it ended; null where the trace does not tell.
-- @column time_first_ns Host clock when its first segment was opened, ns.
-- @column time_last_ns Host clock when its last segment was published, ns.
CREATE VIEW vcpus AS
WITH told AS (
  SELECT
    vcpu,
    max(number) FILTER (kind = 'thread-start') AS thread,
    max(number) FILTER (kind = 'end') AS instructions
  FROM marks
  GROUP BY vcpu
),
missing AS (SELECT vcpu, sum(lost)::UBIGINT AS lost FROM gaps GROUP BY vcpu)
SELECT
  s.vcpu,
  any_value(t.thread) AS thread,
  sum(s.rows)::UBIGINT AS transfers,
  coalesce(any_value(m.lost), 0)::UBIGINT AS lost,
  min(s.first_seq) AS first_seq,
  max(s.first_seq + s.rows) - 1 AS last_seq,
  count(*)::UINTEGER AS segments,
  any_value(t.instructions) AS instructions,
  min(s.time_first_ns) AS time_first_ns,
  max(s.time_last_ns) AS time_last_ns
FROM segments AS s
LEFT JOIN told AS t USING (vcpu)
LEFT JOIN missing AS m USING (vcpu)
WHERE s.rows > 0
GROUP BY s.vcpu
ORDER BY s.vcpu;
