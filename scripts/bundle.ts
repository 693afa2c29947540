/**
 * The second half of `npm run build`: puts the modules of each package into a few files under its
 * dist/. Loading 200 small modules takes Node longer than most commands run; types stay as `tsc`
 * wrote them, in a file for each module.
 *
 * Each folder gets its files flat, so that `new URL('./worker.js', import.meta.url)` means the same
 * wherever the code that asks ended up. Packages do not contain each other: what is imported by
 * name is left to Node.
 */
import { globSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

/** Files that are started and not imported: threads, and the program itself. */
const STARTED: Readonly<Record<string, readonly string[]>> = {
  recorder: ['src/engines/embedded/worker.ts', 'src/trace/pack-worker.ts'],
  analyzer: ['src/index/worker.ts'],
  tui: [],
  cli: ['src/main.ts'],
};

/**
 * The condition under which the project itself imports sources. Not plain `source`: other tools
 * ask for that, and src/ is not in what is published.
 */
const SOURCE = 'backtrail-source';

/** What package.json says of one way in. */
interface Entry {
  readonly [SOURCE]: string;
  readonly default: string;
}

const nameOf = (file: string): string => basename(file).replace(/\.[jt]sx?$/, '');

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

function isEntry(value: unknown): value is Entry {
  return (
    isObject(value) &&
    SOURCE in value &&
    typeof value[SOURCE] === 'string' &&
    'default' in value &&
    typeof value.default === 'string'
  );
}

function entriesOf(folder: string): Entry[] {
  const manifest: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const found = isObject(manifest) && 'exports' in manifest ? manifest.exports : {};
  const entries: unknown[] = isObject(found) ? Object.values(found) : [];
  if (entries.every(isEntry)) return entries;
  throw new Error(`${folder}: found exports without "${SOURCE}" or "default", expected both`);
}

/** Names of files in dist/, and the modules that they begin with. */
function inputsOf(name: string, folder: string): Record<string, string> {
  const inputs: Record<string, string> = {};
  for (const entry of entriesOf(folder))
    inputs[nameOf(entry.default)] = join(folder, entry[SOURCE]);
  for (const file of STARTED[name] ?? []) inputs[nameOf(file)] = join(folder, file);
  return inputs;
}

async function bundle(name: string): Promise<void> {
  const folder = join(ROOT, 'packages', name);
  const dist = join(folder, 'dist');
  for (const stale of globSync('*.{js,js.map}', { cwd: dist })) rmSync(join(dist, stale));
  const modules = await rolldown({
    input: inputsOf(name, folder),
    platform: 'node',
    // `@backtrail/recorder` and `node:fs`, but not `./ring.ts` and `/home/…`.
    external: (id) => !/^[./]/.test(id),
  });
  await modules.write({
    dir: dist,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: 'part-[name].js',
    sourcemap: true,
  });
  await modules.close();
}

for (const name of Object.keys(STARTED)) await bundle(name);
