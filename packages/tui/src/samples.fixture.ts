/** Where the sample traces lie. */
import { fileURLToPath } from 'node:url';

export const SAMPLES = [
  'smash',
  'riscv64-smash',
  'riscv64-wild-jump',
  'riscv64-nested',
  'bare-scheduler',
  'bare-traps',
] as const;

export const sample = (name: string): string =>
  fileURLToPath(new URL(`../../../traces/v1/${name}/${name}.trace`, import.meta.url));
