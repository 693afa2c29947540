-- trace: program
FROM loops;
