-- trace: nameless
FROM last_executed(0x5000);
