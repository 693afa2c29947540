-- trace: program
SELECT symbol, vcpu, instructions, time_ns, round(share, 6) AS share FROM time_by_symbol;
