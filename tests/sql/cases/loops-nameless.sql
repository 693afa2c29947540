-- trace: nameless
FROM loops;
