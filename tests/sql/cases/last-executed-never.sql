-- trace: program
FROM last_executed(0x10010);
