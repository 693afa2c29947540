import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { RING_HEADER_PATH, renderRingHeader } from '../../scripts/gen-ring-header.ts';

const ROOT = new URL('../../', import.meta.url);

describe('generated files', () => {
  test('ring_layout.h is what ring/layout.ts says; else run: npm run gen', () => {
    expect(readFileSync(new URL(RING_HEADER_PATH, ROOT), 'utf8')).toBe(renderRingHeader());
  });
});
