-- Parts of the stream of transfers.

-- The transfers of one vCPU from one seq to another, both included: as quick in a long trace as in
-- a short one, wherever it stands in a query.
-- @argument vcpu The vCPU; a plain number.
-- @argument first_seq The first seq; a plain number.
-- @argument last_seq The last seq; a plain number.
-- @column vcpu The vCPU that made the transfer.
-- @column seq Position in that vCPU's stream.
-- @address source Guest address that control left.
-- @address target Guest address that control arrived at.
-- @column cause Why control moved.
-- @column kind Finer than cause.
-- @column edge The edge that was taken.
-- @address host_source Host address of the jump instruction.
-- @address host_target Host address of the code of the target block.
-- @column source_symbol Symbol that covers source.
-- @column target_symbol Symbol that covers target.
-- @column time_ns Estimate of the host monotonic clock, ns.
CREATE MACRO transfers_between(vcpu, first_seq, last_seq) AS TABLE
FROM _transfers_between(vcpu::UBIGINT, first_seq::UBIGINT, last_seq::UBIGINT);

-- The transfers that arrived at an address, by vCPU and seq: rows are made only of what is found,
-- wherever it stands in a query.
-- @argument address Guest address; a plain number.
-- @column vcpu The vCPU that made the transfer.
-- @column seq Position in that vCPU's stream.
-- @address source Guest address that control left.
-- @address target Guest address that control arrived at.
-- @column cause Why control moved.
-- @column kind Finer than cause.
-- @column edge The edge that was taken.
-- @address host_source Host address of the jump instruction.
-- @address host_target Host address of the code of the target block.
-- @column source_symbol Symbol that covers source.
-- @column target_symbol Symbol that covers target.
-- @column time_ns Estimate of the host monotonic clock, ns.
CREATE MACRO transfers_to(address) AS TABLE FROM _transfers_to(address::UBIGINT);

-- The transfers that left from an address, by vCPU and seq, as quickly.
-- @argument address Guest address of the instruction that control left; a plain number.
-- @column vcpu The vCPU that made the transfer.
-- @column seq Position in that vCPU's stream.
-- @address source Guest address that control left.
-- @address target Guest address that control arrived at.
-- @column cause Why control moved.
-- @column kind Finer than cause.
-- @column edge The edge that was taken.
-- @address host_source Host address of the jump instruction.
-- @address host_target Host address of the code of the target block.
-- @column source_symbol Symbol that covers source.
-- @column target_symbol Symbol that covers target.
-- @column time_ns Estimate of the host monotonic clock, ns.
CREATE MACRO transfers_from(address) AS TABLE FROM _transfers_from(address::UBIGINT);
