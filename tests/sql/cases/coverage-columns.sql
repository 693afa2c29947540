-- trace: nameless
FROM coverage;
