-- trace: program
SELECT seq, hex(source), kind FROM transfers_to(0x10100);
