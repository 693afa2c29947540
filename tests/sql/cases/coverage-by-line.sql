-- trace: program
FROM coverage_by_line;
