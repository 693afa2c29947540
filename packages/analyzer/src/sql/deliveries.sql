-- Interrupts and signals, from their delivery to the return.

-- The name of each number that marks give a signal or an interrupt.
CREATE VIEW _delivery_marks AS
SELECT m.vcpu, m.seq, m.kind, any_value(m.number) AS number, any_value(n.name) AS name
FROM marks AS m LEFT JOIN _guest_names() AS n ON n.kind = m.kind::VARCHAR AND n.number = m.number
WHERE m.kind IN ('signal', 'interrupt')
GROUP BY m.vcpu, m.seq, m.kind;

-- Every interrupt and signal that was delivered, in order, and the return that came back to where
-- it left from; nested ones have a row each. Reads every transfer.
-- @column vcpu The vCPU.
-- @column seq The transfer that delivered it.
-- @column cause `interrupt` or `signal`.
-- @column number Number of the signal or interrupt; null where the trace does not tell.
-- @column name Name of the signal.
-- @address source The instruction that would have run next.
-- @column source_location The same in words.
-- @address target First instruction of the handler.
-- @column target_location The same in words.
-- @column return_seq The transfer that came back; null if none did.
-- @column transfers Transfers from delivery to return, the return included.
-- @column instructions Instructions that ran in between, those of nested handlers and the return
--   included; null where the path cannot be told.
CREATE VIEW deliveries AS
SELECT
  d.vcpu,
  d.seq,
  e.cause,
  m.number,
  m.name,
  e.source,
  e.source_location,
  e.target,
  e.target_location,
  d.return_seq,
  d.return_seq - d.seq AS transfers,
  d.instructions
FROM _deliveries() AS d
JOIN edges AS e USING (edge)
LEFT JOIN _delivery_marks AS m
  ON m.vcpu = d.vcpu AND m.seq = d.seq AND m.kind::VARCHAR = e.cause::VARCHAR
ORDER BY d.vcpu, d.seq;

-- Deliveries by handler and number, the most frequent first: how long until they were back.
-- @column cause `interrupt` or `signal`.
-- @column number Number of the signal or interrupt; null where the trace does not tell.
-- @column name Name of the signal.
-- @address target First instruction of the handler.
-- @column target_location The same in words.
-- @column count Deliveries.
-- @column returned Those that came back; the others do not count in what follows.
-- @column instructions_min The shortest, in instructions.
-- @column instructions_median Half of them took no more.
-- @column instructions_max The longest.
-- @column transfers_median The same in transfers.
CREATE VIEW delivery_latency AS
SELECT
  cause,
  number,
  name,
  target,
  any_value(target_location) AS target_location,
  count(*)::UBIGINT AS count,
  count(return_seq)::UBIGINT AS returned,
  min(instructions) AS instructions_min,
  quantile_disc(instructions, 0.5) AS instructions_median,
  max(instructions) AS instructions_max,
  quantile_disc(transfers, 0.5) AS transfers_median
FROM deliveries
GROUP BY cause, number, name, target
ORDER BY count DESC, cause, number, target;
