import fs from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { BackgroundSync } from './background-sync.ts';
import { ROOT } from './trace.fixture.ts';

const folder = fs.realpathSync(fs.mkdtempSync(join(ROOT, 'backtrail-sync-')));
afterAll(() => fs.rmSync(folder, { recursive: true }));

/** Lets what waits run. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Descriptors of this process that are open on the path. */
const descriptors = (path: string): number =>
  fs.readdirSync('/proc/self/fd').filter((name) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${name}`) === path;
    } catch {
      return false; // That of the folder itself, closed again.
    }
  }).length;

function files(count: number): string[] {
  return Array.from({ length: count }, (_, i) => {
    const path = join(folder, `${i}`);
    fs.writeFileSync(path, `${i}`);
    return path;
  });
}

test('background sync: finished at once, later, or never begun, no descriptor stays', async () => {
  const paths = files(40);
  const sync = new BackgroundSync();
  for (const path of paths) sync.begin(path);
  for (const path of paths.slice(0, 3)) sync.finish(path);
  while (paths.some((path) => descriptors(path) > 0)) await turn();
  for (const path of paths) sync.finish(path);
  expect(paths.map(descriptors)).toEqual(paths.map(() => 0));
});

test('background sync: what was begun can be left', async () => {
  const paths = files(3);
  const sync = new BackgroundSync();
  for (const path of paths) sync.begin(path);
  sync.abandon();
  while (paths.some((path) => descriptors(path) > 0)) await turn();
  expect(() => sync.begin(join(folder, 'none'))).toThrow(/none: cannot write the trace/);
});
