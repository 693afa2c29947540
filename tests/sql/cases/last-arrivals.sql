-- trace: program
FROM last_arrivals;
