-- trace: program
SELECT hex(0xFFFFFFFF80000000), hex(NULL), hex(target) FROM edges WHERE target = 0x10300;
