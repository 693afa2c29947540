/** How tests start a program of this project from its sources, in a process of its own. */

/** What goes before the file and its arguments. */
export const SOURCE_ARGUMENTS: readonly string[] = [
  `--import=${new URL('./compile-cache.js', import.meta.url).href}`,
  '--conditions=backtrail-source',
  '--disable-warning=ExperimentalWarning',
];
