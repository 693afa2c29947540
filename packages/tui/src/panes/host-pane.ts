/** Code in the host's terms: what the engine made of the block that the cursor is in. */
import { NO_ROW } from '@backtrail/analyzer';
import { formatCount, harmless, type Line, right, span } from '../line.ts';
import { hex } from '../names.ts';
import type { WalkState } from '../walk-state.ts';
import type { World } from '../world.ts';
import { notePane, window } from './code-pane.ts';

export function hostTitle(world: World, { position }: WalkState): string {
  const { blocks } = world.trace;
  const { block } = position;
  const { engine } = world.trace.manifest;
  const made = `host code (${harmless(engine.name)}, ${harmless(engine.hostIsa)})`;
  if (block === NO_ROW || blocks.hasHostPc[block] !== 1) return made;
  return (
    `${made} of block ${block}: ${formatCount(blocks.hostSize[block] ?? 0)} bytes at ` +
    hex(blocks.hostPc[block] ?? 0n)
  );
}

export function hostPane(
  world: World,
  { position }: WalkState,
  columns: number,
  height: number,
): Line[] {
  const { block } = position;
  if (block === NO_ROW) return notePane('no block was entered here', columns, height);
  const code = world.hostCode(block);
  if (typeof code === 'string') return notePane(code, columns, height);
  const addressColumns = Math.max(6, ...code.map(({ pc }) => hex(pc).length));
  const lines = code.map(
    ({ pc, text }): Line => [
      span(`   ${right(hex(pc), addressColumns)}  `, 'dim'),
      span(harmless(text)),
    ],
  );
  return window(lines, 0, columns, height);
}
