-- trace: program
FROM last_executed_before(0x10104, 0, 12)
UNION ALL FROM last_executed_before(0x10104, 0, 2)
UNION ALL FROM last_executed_before(0x10104, 0, 1)
UNION ALL FROM last_executed_before(0x10104, 1, 9);
