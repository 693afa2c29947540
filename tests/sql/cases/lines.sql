-- trace: program
FROM lines
