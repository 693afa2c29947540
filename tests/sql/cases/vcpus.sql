-- trace: program
FROM vcpus;
