/** The files of the project, as the rules of this folder see them. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** A text file: path from the root with forward slashes, and what it holds. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** Made by tools, never committed. */
const SKIPPED_FOLDERS = new Set(['node_modules', 'dist', '.git', 'coverage']);

/** Every file that is or may be committed, sorted, as paths from the root. */
export function projectFiles(root = ROOT): string[] {
  const found: string[] = [];
  const walk = (folder: string): void => {
    for (const entry of readdirSync(path.join(root, folder), { withFileTypes: true })) {
      const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        if (!isSkippedFolder(name, entry.name)) walk(name);
      } else if (entry.isFile() && !entry.name.endsWith('.tsbuildinfo')) {
        found.push(name);
      }
    }
  };
  walk('');
  return found.sort();
}

/** Traces are run products, except the committed samples under traces/ (see .gitignore). */
function isSkippedFolder(file: string, name: string): boolean {
  return SKIPPED_FOLDERS.has(name) || (name.endsWith('.trace') && !file.startsWith('traces/'));
}

export function readSources(paths: readonly string[], root = ROOT): SourceFile[] {
  return paths.map((file) => ({
    path: file,
    text: readFileSync(path.join(root, file), 'utf8'),
  }));
}

export const isTypeScript = (file: string): boolean => /\.tsx?$/.test(file);
export const isJavaScript = (file: string): boolean => /\.[cm]?js$/.test(file);
export const isC = (file: string): boolean => /\.[ch]$/.test(file);
/** Test code inside a package: never imported by what ships. */
export const isTestSupport = (file: string): boolean =>
  /\.(test|fixture|model)\.tsx?$/.test(file) || file.startsWith('tests/');

/** 1-based line of a character offset. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) {
    line++;
  }
  return line;
}
