-- trace: program
SELECT
  executed(0x10000) AS main,
  executed(0x10104) AS work_interrupted,
  executed(0x10108) AS work_after,
  executed(0x1000c) AS main_end,
  executed(0x10300) AS handler,
  executed(0x999) AS nothing;
