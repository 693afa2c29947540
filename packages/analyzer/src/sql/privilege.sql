-- Levels of privilege and address spaces of a whole machine: which code is kernel, firmware or
-- user, and which process ran.

-- How much ran at each level of privilege, most transfers first. In a trace of one program there
-- is one row, and its level is null.
-- @column privilege The level in the ISA's numbers: RISC-V 0 user, 1 supervisor, 3 machine; x86 the
--   ring; AArch64 the exception level. Null where it is not known.
-- @column transfers Transfers that arrived there.
-- @column entries Exceptions and interrupts among them.
-- @column blocks Blocks of code that ran there.
CREATE VIEW privileges AS
WITH
arrived AS (
  SELECT
    privilege,
    sum(count)::UBIGINT AS transfers,
    coalesce(sum(count) FILTER (cause IN ('exception', 'interrupt')), 0)::UBIGINT AS entries
  FROM edges
  GROUP BY privilege
),
code AS (SELECT privilege, count(*)::UBIGINT AS blocks FROM blocks GROUP BY privilege)
SELECT
  coalesce(a.privilege, c.privilege) AS privilege,
  coalesce(a.transfers, 0)::UBIGINT AS transfers,
  coalesce(a.entries, 0)::UBIGINT AS entries,
  coalesce(c.blocks, 0)::UBIGINT AS blocks
FROM arrived AS a FULL JOIN code AS c ON a.privilege IS NOT DISTINCT FROM c.privilege
ORDER BY transfers DESC, privilege;

-- Which address space each vCPU was in, period by period. Kernel code runs in that of the process
-- that entered it. Before the first one that a vCPU set, it is not known.
-- @column vcpu The vCPU.
-- @column first_seq The first transfer of the period.
-- @column end_seq The first transfer after it.
-- @address address_space RISC-V satp; x86 the table that CR3 names; AArch64 TTBR0 with its ASID.
CREATE VIEW address_spaces AS
WITH
ends AS (SELECT vcpu, max(first_seq + rows) AS end_seq FROM segments GROUP BY vcpu),
periods AS (
  SELECT
    m.vcpu,
    m.seq AS first_seq,
    coalesce(lead(m.seq) OVER (PARTITION BY m.vcpu ORDER BY m.seq, m.mark), e.end_seq) AS end_seq,
    m.address AS address_space
  FROM marks AS m JOIN ends AS e USING (vcpu)
  WHERE m.kind = 'address-space'
)
SELECT vcpu, first_seq, end_seq, address_space
FROM periods
WHERE end_seq > first_seq
ORDER BY vcpu, first_seq;

-- Address spaces by the transfers that were made in them, most first: on Linux one for each
-- process, on x86 with page-table isolation two.
-- @address address_space As in address_spaces.
-- @column periods How often a vCPU came into it.
-- @column transfers Transfers made in it, those of the kernel on its behalf included.
-- @column vcpus vCPUs that were in it.
CREATE VIEW address_space_counts AS
SELECT
  address_space,
  count(*)::UBIGINT AS periods,
  sum(end_seq - first_seq)::UBIGINT AS transfers,
  count(DISTINCT vcpu)::UINTEGER AS vcpus
FROM address_spaces
GROUP BY address_space
ORDER BY transfers DESC, address_space;

-- The transfers of one address space, with the privilege level they arrived at. Reads every
-- transfer.
-- @argument space As in address_spaces.
-- @column vcpu The vCPU.
-- @column seq Position in its stream.
-- @column edge A row of edges.
-- @column privilege The level at the target; null where it is not known.
CREATE MACRO transfers_in_space(space) AS TABLE
SELECT t.vcpu, t.seq, t.edge, e.privilege
FROM address_spaces AS s
JOIN transfers AS t ON t.vcpu = s.vcpu AND t.seq >= s.first_seq AND t.seq < s.end_seq
JOIN edges AS e USING (edge)
WHERE s.address_space = space
ORDER BY t.vcpu, t.seq;
