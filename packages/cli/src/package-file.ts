/** Files that come with this package, beside src/ and dist/. */
import { fileURLToPath } from 'node:url';

/** @param name from the package's folder, e.g. `package.json` */
export const packageFile = (name: string): string =>
  fileURLToPath(new URL(`../${name}`, import.meta.url));
