-- trace: program
FROM events;
