-- trace: machine
FROM transfers_in_space(0x8001);
