-- trace: program
FROM hot_edges;
