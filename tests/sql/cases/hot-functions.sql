-- trace: program
FROM hot_functions;
