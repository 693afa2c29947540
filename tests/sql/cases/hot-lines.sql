-- trace: program
FROM hot_lines
