-- trace: machine
FROM privileges;
