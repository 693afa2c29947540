-- trace: program
FROM delivery_latency;
