/**
 * What package.json and package-lock.json must be for `npm ci` to give the same tree everywhere:
 * exact versions, no address of a registry, nothing missing. A platform package that a registry
 * lacks is dropped from the lock in silence, and `npm ci` then fails; so the lock is walked.
 */

/** A parsed JSON object, looked at field by field. */
export type Json = Readonly<Record<string, unknown>>;

const SECTIONS = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'];
const EXACT_VERSION = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?$/;

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The names and versions of one section, in order of names; empty if there is none. */
function section(manifest: Json, name: string): [string, string][] {
  const found = manifest[name];
  if (!isJson(found)) return [];
  return Object.keys(found)
    .sort()
    .map((key) => [key, textOf(found[key])]);
}

const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value);

export function checkVersions(file: string, manifest: Json): string[] {
  return SECTIONS.flatMap((name) => section(manifest, name))
    .filter(([, version]) => !EXACT_VERSION.test(version))
    .map(([name, version]) => `${file}: "${name}" must have an exact version, not "${version}"`);
}

/** `manifests`: folder of each package ('' for the root) to its package.json. */
export function checkLock(lock: Json, manifests: Readonly<Record<string, Json>>): string[] {
  const packages = lock['packages'];
  if (!isJson(packages)) return ['package-lock.json: no "packages"; run npm install'];
  const entries = Object.entries(packages).filter((entry): entry is [string, Json] =>
    isJson(entry[1]),
  );
  return [
    ...entries.flatMap(([key, entry]) => checkEntry(key, entry)),
    ...entries.flatMap(([key, entry]) => checkEntryTree(key, entry, packages)),
    ...Object.entries(manifests).flatMap(([folder, manifest]) =>
      checkSync(folder, manifest, packages),
    ),
  ];
}

function checkEntry(key: string, entry: Json): string[] {
  const messages: string[] = [];
  const at = `package-lock.json: "${key}"`;
  const isLink = entry['link'] === true;
  const resolved = entry['resolved'];
  if (resolved !== undefined && !(isLink && /^packages\/\w+$/.test(textOf(resolved)))) {
    messages.push(
      `${at}: "resolved" names a host; write the lock with omit-lockfile-registry-resolved`,
    );
  }
  const isRegistryPackage = key.includes('node_modules/') && !isLink;
  if (isRegistryPackage && typeof entry['integrity'] !== 'string') {
    messages.push(`${at}: no "integrity"`);
  }
  return messages;
}

/** Everything a locked package wants is locked too, optional platform packages included. */
function checkEntryTree(key: string, entry: Json, packages: Json): string[] {
  const wanted = ['dependencies', 'optionalDependencies'].flatMap((name) => section(entry, name));
  return wanted
    .filter(([name]) => findLocked(key, name, packages) === null)
    .map(([name]) => `package-lock.json: "${key}" wants "${name}", which is missing: npm ci fails`);
}

function checkSync(folder: string, manifest: Json, packages: Json): string[] {
  const file = folder === '' ? 'package.json' : `${folder}/package.json`;
  const locked = packages[folder];
  if (!isJson(locked)) return [`package-lock.json: no entry for ${file}; run npm install`];
  const messages: string[] = [];
  for (const name of SECTIONS) {
    const want = JSON.stringify(section(manifest, name));
    if (want !== JSON.stringify(section(locked, name))) {
      messages.push(`${file}: "${name}" differs from package-lock.json; run npm install`);
    }
  }
  for (const [name, version] of SECTIONS.flatMap((part) => section(manifest, part))) {
    const found = findLocked(folder, name, packages);
    const foundVersion =
      found?.['link'] === true ? linkedVersion(found, packages) : found?.['version'];
    if (found === null || foundVersion !== version) {
      messages.push(`${file}: "${name}" is ${version}, locked is ${textOf(foundVersion ?? null)}`);
    }
  }
  return messages;
}

const linkedVersion = (entry: Json, packages: Json): unknown => {
  const target = packages[textOf(entry['resolved'])];
  return isJson(target) ? target['version'] : undefined;
};

/** As Node finds it: in node_modules of the package itself, then of each folder above. */
function findLocked(from: string, name: string, packages: Json): Json | null {
  for (let folder = from; ; folder = folder.replace(/(?:^|\/)[^/]*$/, '')) {
    const isModules = folder === 'node_modules' || folder.endsWith('/node_modules');
    const key = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    const entry = isModules ? undefined : packages[key];
    if (isJson(entry)) return entry;
    if (folder === '') return null;
  }
}
