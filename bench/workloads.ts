/** What bench/ runs: real programs on inputs made here, large by hand and tiny in the tests. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Workload {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
}

export interface Sizes {
  readonly microRounds: number;
  readonly jsonItems: number;
  readonly textBytes: number;
  /** Functions in the C file that cc1 compiles. */
  readonly functions: number;
}

export const FULL: Sizes = {
  microRounds: 300,
  jsonItems: 80_000,
  textBytes: 50_000_000,
  functions: 150,
};
export const SMOKE: Sizes = { microRounds: 1, jsonItems: 20, textBytes: 20_000, functions: 2 };

/** xorshift32: the same input on every machine. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

function textFile(path: string, bytes: number): void {
  const random = randomNumbers(1);
  const words = Array.from({ length: 4096 }, () => random().toString(36).slice(0, 6));
  const lines: string[] = [];
  for (let size = 0; size < bytes; ) {
    const count = 4 + (random() % 8);
    const line = Array.from({ length: count }, () => words[random() % words.length]).join(' ');
    lines.push(line);
    size += line.length + 1;
  }
  writeFileSync(path, `${lines.join('\n')}\n`);
}

function sourceFile(path: string, functions: number): void {
  const random = randomNumbers(2);
  const parts: string[] = ['struct node { struct node *next; int key; double weight; };'];
  for (let i = 0; i < functions; i++) {
    const [a, b, c] = [random() % 97, random() % 31, 4 + (random() % 4)];
    parts.push(
      `int f${i}(struct node *n, int k) { int s = ${a}; ` +
        `for (; n; n = n->next) { switch ((n->key ^ k) & 7) { case ${c}: s += n->key * ${b}; ` +
        `break; case 3: s ^= k << (s & 15); break; default: if (n->weight > ${a}.5) ` +
        `s -= n->key / (k | 1); } } return s${i > 0 ? ` + f${random() % i}(0, k)` : ''}; }`,
    );
  }
  writeFileSync(path, parts.join('\n'));
}

function compilerProper(): string | null {
  const root = '/usr/lib/gcc/x86_64-linux-gnu';
  if (!existsSync(root)) return null;
  for (const version of readdirSync(root)) {
    const path = join(root, version, 'cc1');
    if (existsSync(path)) return path;
  }
  return null;
}

const JSON_WORK = `
import json, sys
items = [{"id": i, "name": "n%d" % (i * 7919 % 1000), "tags": [i % 7, str(i)]} for i in range(N)]
for _ in range(4):
    text = json.dumps(items)
    items = json.loads(text)
print(len(text), sum(item["id"] for item in items))
`;

/** Builds the microbenchmark as `micro` in `folder`, once; returns its path. */
export function buildMicro(folder: string): string {
  const micro = join(folder, 'micro');
  if (existsSync(micro)) return micro;
  const source = new URL('./guests/micro.c', import.meta.url).pathname;
  const built = spawnSync('cc', ['-O2', '-static', '-o', micro, source], { encoding: 'utf8' });
  if (built.status !== 0) throw new Error(`cc did not build ${source}: ${built.stderr}`);
  return micro;
}

/** Makes the inputs in `folder`. @returns null entries are left out: the program is not here. */
export function makeWorkloads(folder: string, sizes: Sizes): Workload[] {
  const micro = buildMicro(folder);
  const text = join(folder, 'text');
  textFile(text, sizes.textBytes);
  const c = join(folder, 'source.i');
  sourceFile(c, sizes.functions);
  const json = JSON_WORK.replace('N)', `${sizes.jsonItems})`);
  const all: Workload[] = [
    { name: 'micro', program: micro, args: [`${sizes.microRounds}`] },
    { name: 'python-json', program: '/usr/bin/python3', args: ['-c', json] },
    { name: 'sort', program: '/usr/bin/sort', args: ['--parallel=1', '-o', '/dev/null', text] },
    { name: 'gzip', program: '/usr/bin/gzip', args: ['-kc', text] },
  ];
  const cc1 = compilerProper();
  const out = ['-o', '/dev/null'];
  if (cc1 !== null) all.push({ name: 'cc1', program: cc1, args: ['-O2', '-quiet', ...out, c] });
  return all.filter((workload) => existsSync(workload.program));
}
