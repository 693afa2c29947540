-- trace: program
FROM coverage_by_symbol;
