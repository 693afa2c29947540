-- trace: nameless
FROM privileges;
