-- trace: machine
FROM address_space_counts;
