-- trace: program
FROM call_counts;
