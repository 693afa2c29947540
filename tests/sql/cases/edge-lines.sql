-- trace: program
FROM edge_lines
