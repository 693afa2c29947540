/** Patterns of names, as `--filter` has them. */

/**
 * Whether a pattern fits the whole name: `*` stands for any characters, `?` for one. Goes back to
 * the last star alone, so that no pattern takes long (greedy matching, as fnmatch(3) does it).
 */
export function fitsPattern(pattern: string, name: string): boolean {
  let at = 0;
  let star = -1;
  let starAt = 0;
  for (let i = 0; i < name.length; ) {
    const wanted = pattern[at];
    if (wanted === '*') {
      star = at++;
      starAt = i;
    } else if (wanted === '?' || wanted === name[i]) {
      at++;
      i++;
    } else if (star >= 0) {
      at = star + 1;
      i = ++starAt;
    } else {
      return false;
    }
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}
