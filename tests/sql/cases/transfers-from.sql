-- trace: nameless
SELECT vcpu, seq, cause, kind FROM transfers_from(0x4000);
