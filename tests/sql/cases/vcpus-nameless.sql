-- trace: nameless
FROM vcpus;
