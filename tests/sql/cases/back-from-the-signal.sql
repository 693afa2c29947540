-- trace: program
SELECT t.seq, t.source_symbol, t.target_symbol, t.cause
FROM transfers AS t JOIN marks AS m ON t.vcpu = m.vcpu AND t.seq BETWEEN m.seq - 2 AND m.seq
WHERE m.kind = 'signal' ORDER BY t.seq DESC;
