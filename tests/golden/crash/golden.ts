/** Golden files of crash reports: text as a person sees it, JSON with its trees drawn. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CrashFlame, CrashReport } from '@backtrail/analyzer';
import { expect } from 'vitest';

const FOLDER = fileURLToPath(new URL('./', import.meta.url));

export class Golden {
  readonly #folder: string;
  readonly #compared: string[] = [];

  /** @param folder below this one. */
  constructor(folder: string) {
    this.#folder = path.join(FOLDER, folder);
  }

  compare(name: string, text: string): void {
    const file = path.join(this.#folder, name);
    this.#compared.push(name);
    if (process.env['UPDATE'] === '1') {
      mkdirSync(this.#folder, { recursive: true });
      writeFileSync(file, text);
    }
    if (!existsSync(file)) {
      throw new Error(`${file}: not there. Write it with UPDATE=1, then read it`);
    }
    expect(text).toBe(readFileSync(file, 'utf8'));
  }

  /** Names of all that are there, in order. */
  get files(): string[] {
    return readdirSync(this.#folder).sort();
  }

  /** Files that no test has read. */
  get orphans(): string[] {
    return this.files.filter((name) => !this.#compared.includes(name));
  }
}

/** The JSON of a report, its charts as lines: a whole tree would be thousands. */
export function reportJson(report: CrashReport): string {
  const { recent } = report;
  const drawn =
    recent === null
      ? null
      : {
          ...recent,
          flame: flameLines(recent.flame, 0),
          spans: recent.spans.map(
            ({ name, depth, from, to, seq }) =>
              `${'  '.repeat(depth)}${name} ${from}–${to} #${seq}`,
          ),
        };
  return `${JSON.stringify({ ...report, recent: drawn }, null, 2)}\n`;
}

function flameLines(node: CrashFlame, depth: number): string[] {
  const { name, calls, instructions } = node;
  const own = `${'  '.repeat(depth)}${name || 'all'}: ${instructions}, entered ${calls} times`;
  return [own, ...node.children.flatMap((child) => flameLines(child, depth + 1))];
}
