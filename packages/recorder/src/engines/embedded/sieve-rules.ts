/** A filter as the embedded engine keeps it: by addresses alone. */
import { basename } from 'node:path';
import { readElfLayout } from '../../elf/elf.ts';
import type { Addresses, FilterRules } from '../engine.ts';
import { fitsPattern } from '../pattern.ts';
import type { SieveRange, SieveRules } from './core/sieve.ts';
import { PIE_BASE } from './linux/loader.ts';

const isCalled = (program: string, pattern: string): boolean =>
  fitsPattern(pattern, program) || fitsPattern(pattern, basename(program));

/**
 * @param filter without levels, which are of machines under QEMU, and addresses of a trigger,
 *   which only QEMU watches
 * @param program a static one: the only file there is
 */
export function sieveOf(filter: FilterRules | null, program: string): SieveRules | null {
  if (filter === null) return null;
  const { header, segments } = readElfLayout(program);
  const bias = header.type === 'dyn' ? BigInt(PIE_BASE) : 0n;
  const range = ({ low, high }: Addresses, isMoved: boolean): SieveRange => {
    const by = isMoved ? bias : 0n;
    return { low: Number(low + by), high: Number(high + by) };
  };
  const included: SieveRange[] = [];
  const excluded: SieveRange[] = [];
  let includesAll = true;
  for (const rule of filter.rules) {
    const list = rule.excludes ? excluded : included;
    if (!rule.excludes) includesAll = false;
    if (rule.what === 'level') throw new Error('a level of a machine that is none');
    if (rule.what === 'addresses') list.push(range(rule, rule.inProgram));
    else if (isCalled(program, rule.pattern)) {
      for (const { vaddr, memSize } of segments) {
        list.push(range({ low: vaddr, high: vaddr + memSize }, true));
      }
    }
  }
  return { included, excluded, includesAll };
}
