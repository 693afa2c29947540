-- trace: program
SELECT executed(0x10000), executed(0x10104), executed(0x10108), executed(0x1000c), executed(0x10300), executed(0x999);
