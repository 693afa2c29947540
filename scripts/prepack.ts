/**
 * Runs before `npm pack` of each package, in its folder: puts the texts beside it that the project
 * keeps once, and refuses to pack what was not built. The copies are in .gitignore.
 */
import { cpSync, existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEMO_FOLDER, DEMO_SOURCES } from '../packages/cli/src/demo-programs.ts';

const ROOT = new URL('../', import.meta.url);

interface Manifest {
  readonly files: readonly string[];
  readonly exports?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

const isManifest = (value: unknown): value is Manifest =>
  isObject(value) && 'files' in value && Array.isArray(value.files);

function readManifest(): Manifest {
  const manifest: unknown = JSON.parse(readFileSync('package.json', 'utf8'));
  if (isManifest(manifest)) return manifest;
  throw new Error('package.json: found no "files", expected what is to be packed');
}

const manifest = readManifest();
for (const text of ['LICENSE', 'LICENSES', 'CHANGELOG.md']) {
  if (text !== 'LICENSE' && !manifest.files.includes(text)) continue;
  cpSync(fileURLToPath(new URL(text, ROOT)), text, { recursive: true });
}

if (manifest.files.includes(DEMO_FOLDER)) {
  for (const source of DEMO_SOURCES) {
    cpSync(fileURLToPath(new URL(source, ROOT)), `${DEMO_FOLDER}/${basename(source)}`);
  }
}

const entries = Object.values(manifest.exports ?? { '.': { default: './dist/main.js' } });
for (const file of entries.flatMap((entry) => [entry['default'], entry['types']])) {
  if (file === undefined || existsSync(file)) continue;
  throw new Error(`found no ${file}, expected it to be packed. Run: npm run build`);
}
