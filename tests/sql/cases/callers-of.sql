-- trace: program
FROM callers_of('util::log') UNION ALL FROM callers_of('work') UNION ALL FROM callers_of('nobody');
