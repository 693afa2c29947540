-- trace: machine
FROM address_spaces;
