-- trace: program
FROM first_blocks_before(0, 8);
