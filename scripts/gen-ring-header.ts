/** Renders the C view of the ring from packages/recorder/src/ring/layout.ts. */

import * as layout from '../packages/recorder/src/ring/layout.ts';
import { CAUSES, HOST_HOWS, KINDS, MARK_KINDS } from '../packages/recorder/src/trace/vocabulary.ts';

export const RING_HEADER_PATH = 'packages/recorder/src/engines/qemu/plugin/ring_layout.h';

const C_TYPES = { u8: 'uint8_t', u32: 'uint32_t', u64: 'uint64_t', i64: 'int64_t', text: 'char' };

const snake = (name: string): string => name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
const shout = (name: string): string => snake(name).replace(/-/g, '_').toUpperCase();

function struct(group: (typeof layout.GROUPS)[number]): string[] {
  const lines = [`struct ring_${group.name} {`];
  const checks: string[] = [];
  let end = 0;
  let gaps = 0;
  const gap = (bytes: number): void => {
    lines.push(`  char gap_${gaps++}[${bytes}];`);
  };
  if (group.name.endsWith('_record')) {
    lines.push('  struct ring_record record;');
    end = layout.RECORD_HEADER_BYTES;
  }
  for (const [name, field] of Object.entries(group.fields)) {
    if (field.at > end) gap(field.at - end);
    const array = field.type === 'text' ? `[${field.bytes ?? 0}]` : '';
    const says = field.says === '' ? '' : ` /* ${field.says} */`;
    lines.push(`  ${C_TYPES[field.type]} ${snake(name)}${array};${says}`);
    const offset = `offsetof(struct ring_${group.name}, ${snake(name)})`;
    checks.push(`_Static_assert(${offset} == ${field.at}, "layout");`);
    end = field.at + layout.fieldBytes(field);
  }
  if (end < group.bytes) gap(group.bytes - end);
  lines.push('};', ...checks);
  lines.push(`_Static_assert(sizeof(struct ring_${group.name}) == ${group.bytes}, "layout");`, '');
  return lines;
}

function codes(prefix: string, words: readonly string[]): string[] {
  const members = words.map((word, code) => `  ${prefix}_${shout(word)} = ${code},`);
  return ['enum {', ...members, '};', ''];
}

/** The whole header file as text. */
export function renderRingHeader(): string {
  const lines = [
    '/* Generated from ring/layout.ts and trace/vocabulary.ts by `npm run gen`. Do not edit. */',
    '/* SPDX-License-Identifier: GPL-2.0-or-later */',
    '#ifndef BACKTRAIL_RING_LAYOUT_H',
    '#define BACKTRAIL_RING_LAYOUT_H',
    '#include <stddef.h>',
    '#include <stdint.h>',
    '',
    `#define RING_MAGIC 0x${layout.RING_MAGIC.toString(16)}ull`,
    `#define RING_VERSION ${layout.RING_VERSION}u`,
    `#define RING_NO_NUMBER 0x${layout.NO_NUMBER.toString(16)}u`,
    '#define RING_NO_CODE 0xffu',
    '',
  ];
  for (const group of layout.GROUPS) lines.push(...struct(group));
  lines.push(...codes('RING_RECORD', layout.RECORD_TYPES));
  lines.push(...codes('RING_STOP', layout.STOP_REASONS));
  lines.push(...codes('CAUSE', CAUSES), ...codes('KIND', KINDS));
  lines.push(...codes('HOST_HOW', HOST_HOWS), ...codes('MARK', MARK_KINDS));
  for (const [name, bit] of Object.entries(layout.MARK_HAS)) {
    lines.push(`#define MARK_HAS_${shout(name)} ${bit}u`);
  }
  lines.push('', '#endif', '');
  return lines.join('\n');
}
