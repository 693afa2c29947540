-- What ran for the first time.

-- Blocks of code that a vCPU ran for the first time before one of its transfers, the newest first:
-- what a program did just before it failed is often what it had not done before. Code that was
-- translated anew is left out.
-- @argument vcpu The vCPU; a plain number.
-- @argument seq The transfer.
-- @column block Row number of blocks.
-- @column born_seq The next transfer when it ran for the first time.
-- @address pc Guest address of its first instruction.
-- @column location The same in words.
-- @column symbol Symbol that covers it; null where none is known.
-- @column size Guest code bytes.
-- @column instructions Guest instructions.
CREATE MACRO first_blocks_before(vcpu, seq) AS TABLE
SELECT b.block, b.born_seq, b.pc, b.location, b.symbol, b.size, b.instructions
FROM blocks AS b
JOIN (SELECT pc, code, min(block) AS block FROM blocks GROUP BY pc, code) AS f USING (block)
WHERE b.born_vcpu = vcpu AND b.born_seq <= seq
ORDER BY b.born_seq DESC, b.block DESC;
