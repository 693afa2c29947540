-- Rare facts and what is missing.

-- Marks in order of time, their numbers with the names that the guest has for them.
-- @column mark Row number of marks.
-- @column vcpu The vCPU it happened on.
-- @column seq seq of the next transfer at that moment.
-- @column time_ns Host monotonic clock, ns.
-- @column kind What happened.
-- @column number Signal or system call number, thread or process id, and the like.
-- @column name Name of the signal or system call; null where it has none, or none is known here.
-- @column code Signal code, system call result, or file offset of a mapping.
-- @address pc Guest address it belongs to.
-- @column location The same in words.
-- @address address Fault address, or start of the mapped range.
-- @column detail Path or reason in words.
CREATE VIEW events AS
SELECT
  m.mark,
  m.vcpu,
  m.seq,
  m.time_ns,
  m.kind,
  m.number,
  n.name,
  m.code,
  m.pc,
  m.location,
  m.address,
  m.detail
FROM marks AS m LEFT JOIN _guest_names() AS n ON n.kind = m.kind::VARCHAR AND n.number = m.number
ORDER BY m.time_ns, m.mark;

-- Transfers that are known to be missing: ranges of seq between what is there.
-- @column vcpu The vCPU.
-- @column first_seq The first that is missing.
-- @column last_seq The last that is missing.
-- @column lost How many they are.
-- @column before_ns Host clock at the end of the segment before, ns; null if there is none.
-- @column after_ns Host clock at the start of the segment after, ns; null if there is none.
-- @column detail The reason, where a mark tells it.
CREATE VIEW gaps AS
WITH around AS (
  SELECT
    vcpu,
    first_seq,
    time_first_ns,
    lag(first_seq + rows, 1, 0) OVER (PARTITION BY vcpu ORDER BY first_seq) AS wanted_seq,
    lag(time_last_ns) OVER (PARTITION BY vcpu ORDER BY first_seq) AS before_ns
  FROM segments
  WHERE rows > 0
),
ends AS (
  SELECT vcpu, max(first_seq + rows) AS end_seq, max(time_last_ns) AS end_ns
  FROM segments
  GROUP BY vcpu
),
missing AS (
  SELECT vcpu, wanted_seq AS first_seq, first_seq AS next_seq, before_ns, time_first_ns AS after_ns
  FROM around
  WHERE first_seq > wanted_seq
  UNION ALL
  SELECT m.vcpu, m.seq, max(m.seq + m.number::UBIGINT), any_value(e.end_ns), NULL
  FROM marks AS m LEFT JOIN ends AS e USING (vcpu)
  WHERE m.kind = 'gap' AND m.number > 0 AND m.seq >= coalesce(e.end_seq, 0)
  GROUP BY m.vcpu, m.seq
)
SELECT
  g.vcpu,
  g.first_seq,
  g.next_seq - 1 AS last_seq,
  g.next_seq - g.first_seq AS lost,
  g.before_ns,
  g.after_ns,
  any_value(m.detail) AS detail
FROM missing AS g
LEFT JOIN marks AS m ON m.kind = 'gap' AND m.vcpu = g.vcpu AND m.seq = g.first_seq
GROUP BY g.vcpu, g.first_seq, g.next_seq, g.before_ns, g.after_ns
ORDER BY g.vcpu, g.first_seq;

-- System calls of a recording with --syscalls, in order. One that was running when the program
-- ended has no row.
-- @column vcpu The thread that made it.
-- @column seq seq of the next transfer when it came back.
-- @column number Its number.
-- @column name Its name; null where the ISA's numbers have no names here.
-- @column arguments Six values, in hex, whether the call takes them or not.
-- @column result What came back, a negative error number; null of one that does not come back.
-- @address pc The instruction that made it.
CREATE VIEW system_calls AS
SELECT m.vcpu, m.seq, m.number, n.name, m.detail AS arguments, m.code AS result, m.pc
FROM marks AS m
LEFT JOIN _guest_names() AS n ON n.kind = 'syscall' AND n.number = m.number
WHERE m.kind = 'syscall'
ORDER BY m.mark;
