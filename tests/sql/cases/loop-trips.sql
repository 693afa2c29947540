-- trace: program
FROM loop_trips;
