-- trace: program
FROM gaps;
