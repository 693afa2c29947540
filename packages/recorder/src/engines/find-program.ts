/** Programs as a shell finds them. */
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { BacktrailError } from '../errors.ts';

export function isExecutableFile(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** The first executable file of that name in PATH, or null. */
export function findInPath(name: string, path = process.env.PATH ?? ''): string | null {
  for (const folder of path.split(delimiter)) {
    const candidate = join(folder === '' ? '.' : folder, name);
    if (isExecutableFile(candidate)) return resolve(candidate);
  }
  return null;
}

/** The file that `program` names, as a shell would find it. @throws BacktrailError E_PROGRAM. */
export function findProgram(program: string): string {
  const found = program.includes('/') ? resolve(program) : findInPath(program);
  if (found === null) {
    throw new BacktrailError(
      'E_PROGRAM',
      `${program}: found no such program in PATH, expected its name or a path with a slash. ` +
        `If it is in this folder, write ./${program}.`,
    );
  }
  if (!existsSync(found)) {
    throw new BacktrailError('E_PROGRAM', `${program}: no such file. Check the path.`);
  }
  return found;
}
