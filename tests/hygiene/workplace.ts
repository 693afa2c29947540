/** A project must not know where it was made: no folder of one machine, no host of one network. */

interface Rule {
  readonly pattern: RegExp;
  readonly message: string;
}

/** Registries that everybody has; npm's own address is what a plain `npm ci` uses. */
const RULES: readonly Rule[] = [
  {
    // Put together here, or this file would break its own rule.
    pattern: new RegExp(String.raw`(?<![\w.\-/*])/${'work'}/[\w.\-]+`, 'g'),
    message: 'a path of one machine',
  },
  {
    pattern: /(?<![\w.-])\/(?:home|Users)\/(?!user\b|you\b|me\b|NAME\b)[\w.-]+\//g,
    message: 'a home folder of one machine',
  },
  {
    pattern: /https?:\/\/[\w.-]*(?:registry|artifactory|nexus|verdaccio|mirror)[\w.-]*/g,
    message: 'the host of a registry',
  },
  {
    pattern: /^(?:@[\w-]+:)?registry\s*=/gm,
    message: 'a registry in .npmrc',
  },
];

/**
 * Files of any kind, read as latin1, so that build folders left in ELF files are found too.
 * `text` of an .npmrc is all settings; elsewhere a line `registry=` is a setting as well.
 */
export function checkWorkplace(path: string, text: string): string[] {
  const messages: string[] = [];
  for (const { pattern, message } of RULES) {
    for (const match of text.matchAll(pattern)) {
      messages.push(`${path}: "${match[0]}": ${message}`);
    }
  }
  return messages;
}
