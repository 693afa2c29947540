-- trace: program
FROM callees_of('work') UNION ALL FROM callees_of('main');
