-- trace: program
FROM calls;
