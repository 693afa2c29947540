/**
 * A registry on this machine alone, so that `npm install` may be tested without a network: it has
 * our own packages as `npm pack` makes them, and those of others as the checkout has them.
 */
import { execFileSync } from 'node:child_process';
import { createReadStream, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { isJson, type Json } from '../hygiene/dependencies.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Name of each package of ours, and its folder. */
export const OURS: Readonly<Record<string, string>> = {
  '@backtrail/recorder': 'recorder',
  '@backtrail/analyzer': 'analyzer',
  '@backtrail/tui': 'tui',
  backtrail: 'cli',
};

export interface Registry {
  readonly url: string;
  close(): Promise<void>;
}

function readJson(file: string): Json {
  const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
  if (isJson(value)) return value;
  throw new Error(`${file}: found no JSON object`);
}

/** Packs what the checkout has of somebody else's package; plain tar is enough for npm. */
function packTheirs(where: string, folder: string): string {
  const file = path.join(folder, `${where.replaceAll('/', '+')}.tar`);
  // Packages nested in this one come by themselves, from their own entry.
  const only = ['--exclude=./node_modules', '--transform=s,^[.],package,'];
  const flags = [...only, '-C', path.join(ROOT, where), '.'];
  if (!existsSync(file)) execFileSync('tar', ['-cf', file, ...flags]);
  return file;
}

export async function startRegistry(): Promise<Registry> {
  const folder = mkdtempSync(path.join(tmpdir(), 'backtrail-registry-'));
  const packed = new Map<string, string>();
  for (const [name, where] of Object.entries(OURS)) {
    const cwd = path.join(ROOT, 'packages', where);
    const args = ['pack', '--silent', '--pack-destination', folder];
    const file = execFileSync('npm', args, { cwd, encoding: 'utf8' }).trim();
    packed.set(name, path.join(folder, file));
  }
  const lock = readJson(path.join(ROOT, 'package-lock.json'))['packages'];
  const places = Object.keys(isJson(lock) ? lock : {});

  const answer = (url: string, response: ServerResponse): void => {
    const [, name = '', file] = /^\/(.+?)(?:\/-\/(.+))?$/.exec(decodeURIComponent(url)) ?? [];
    const found = places.filter(
      (place) => place.endsWith(`node_modules/${name}`) && existsSync(path.join(ROOT, place)),
    );
    if (found.length === 0) {
      // A package for another platform, or one that is wanted only if it is there already.
      response.writeHead(404).end('{}');
    } else if (file === undefined) {
      response.end(JSON.stringify(packument(name, found, `${base()}${url}/-/`)));
    } else {
      createReadStream(packed.get(name) ?? packTheirs(file, folder)).pipe(response);
    }
  };
  const server = createServer((request, response) => answer(request.url ?? '', response));
  await new Promise<void>((done) => void server.listen(0, '127.0.0.1', done));
  const base = (): string => {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return `http://127.0.0.1:${address.port}`;
  };
  return {
    url: base(),
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((done) => void server.close(() => done()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What a registry says of a package: its versions, of which a checkout may have several. */
function packument(name: string, places: readonly string[], url: string): Json {
  const versions: Record<string, Json> = {};
  let latest = '';
  for (const place of places) {
    const manifest = readJson(path.join(ROOT, place, 'package.json'));
    const version = String(manifest['version']);
    const tarball = `${url}${encodeURIComponent(place)}`;
    versions[version] = { ...manifest, dist: { tarball } };
    if (place === `node_modules/${name}`) latest = version;
  }
  return { name, 'dist-tags': { latest }, versions };
}
