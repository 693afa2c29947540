-- trace: program
FROM deliveries;
