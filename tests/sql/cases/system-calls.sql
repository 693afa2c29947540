-- trace: program
FROM system_calls;
