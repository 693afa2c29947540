-- trace: program
FROM hot_symbols;
