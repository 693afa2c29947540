-- trace: program
FROM caller_tree('util::log', 9);
