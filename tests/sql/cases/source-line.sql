-- trace: program
SELECT hex(pc) AS pc, source_line(pc) AS line FROM instructions ORDER BY instructions.pc
