-- trace: program
SELECT tree, count FROM call_tree('main', 1);
