/** All of them. */
import { elfTarget } from './elf-target.ts';
import { decodeTarget, programTarget, ringTarget, sqlTarget, wordsTarget } from './run-targets.ts';
import type { Target } from './target.ts';
import { manifestTarget, tablesTarget, traceTarget } from './trace-targets.ts';

export const TARGETS: readonly Target[] = [
  elfTarget,
  traceTarget,
  tablesTarget,
  manifestTarget,
  ringTarget,
  decodeTarget,
  programTarget,
  wordsTarget,
  sqlTarget,
];
