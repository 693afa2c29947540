-- trace: program
FROM call_tree('main', 9);
