-- trace: program
SELECT block, pc, location, arrivals, executed FROM coverage;
