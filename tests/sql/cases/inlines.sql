-- trace: program
FROM inlines
