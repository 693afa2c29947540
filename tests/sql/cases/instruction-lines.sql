-- trace: program
FROM instruction_lines
