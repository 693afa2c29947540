-- trace: program
FROM transfers_between(0, 11, 14);
