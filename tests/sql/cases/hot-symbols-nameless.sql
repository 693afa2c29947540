-- trace: nameless
FROM hot_symbols;
