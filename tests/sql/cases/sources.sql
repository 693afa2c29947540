-- trace: program
FROM sources
