-- trace: program
FROM branch_bias;
