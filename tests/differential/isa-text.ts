/** The kind of a transfer told from the text of its source, by Capstone's mnemonics. */
import type { Kind } from '@backtrail/recorder/trace';

type Tell = (mnemonic: string, operands: string, before: readonly string[]) => Kind | null;

const i386: Tell = (mnemonic, operands) => {
  const isDirect = /^0x[0-9a-f]+$/.test(operands);
  if (mnemonic === 'call') return isDirect ? 'call' : 'indirect-call';
  if (mnemonic === 'jmp') return isDirect ? 'jump' : 'indirect-jump';
  if (mnemonic === 'ret') return 'return';
  return /^(j|loop)/.test(mnemonic) ? 'branch' : null;
};

const CONDITION = '(?:eq|ne|hs|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)';
const is = (name: string, mnemonic: string): boolean =>
  new RegExp(`^${name}${CONDITION}?(?:\\.w)?$`).test(mnemonic);

const arm: Tell = (mnemonic, operands) => {
  const isDirect = operands.startsWith('#');
  if (/^(cbz|cbnz)$/.test(mnemonic)) return 'branch';
  if (/^b(\.w)?$/.test(mnemonic)) return 'jump';
  if (is('b', mnemonic)) return 'branch';
  if (is('bl', mnemonic)) return 'call';
  if (is('blx', mnemonic)) return isDirect ? 'call' : 'indirect-call';
  if (is('bx', mnemonic)) return operands === 'lr' ? 'return' : 'indirect-jump';
  if (is('pop', mnemonic) && operands.includes('pc')) return 'return';
  if (is('mov', mnemonic) && operands === 'pc, lr') return 'return';
  if (is('ldr', mnemonic) && operands === 'pc, [sp], #4') return 'return';
  if (/^(tbb|tbh)$/.test(mnemonic)) return 'indirect-jump';
  return operands.startsWith('pc, ') ? 'indirect-jump' : null;
};

/** Capstone shows one instruction at a time, so a Thumb `b` does not know of the it before it. */
const thumb: Tell = (mnemonic, operands, before) =>
  mnemonic === 'b' && (before.at(-1) ?? '').startsWith('it')
    ? 'branch'
    : arm(mnemonic, operands, before);

/** Suffixes + and - are hints; l before them links. */
const ppc: Tell = (mnemonic) => {
  const base = mnemonic.replace(/[+-]$/, '');
  if (/^b(a|l|la)?$/.test(base)) return base === 'b' || base === 'ba' ? 'jump' : 'call';
  const register = /(lr|ctr)(l?)$/.exec(base);
  if (register !== null) {
    if (register[2] === 'l') return 'indirect-call';
    return register[1] === 'lr' ? 'return' : 'indirect-jump';
  }
  if (base === 'bcl' || /^b(eq|ne|gt|lt|ge|le|so|ns|dnz|dz)l$/.test(base)) return 'call';
  return /^b(c$|eq|ne|gt|lt|ge|le|so|ns|dnz|dz)/.test(base) ? 'branch' : null;
};

const S390X_CONDITION = '(?:o|h|nle|l|nhe|lh|ne|e|nlh|he|nl|le|nh|no)';

const s390x: Tell = (mnemonic, operands) => {
  if (/^(brasl|bras)$/.test(mnemonic)) return 'call';
  if (/^(basr|balr|bas|bal)$/.test(mnemonic)) return 'indirect-call';
  if (new RegExp(`^b${S390X_CONDITION}?r$`).test(mnemonic)) {
    return operands === '%r14' ? 'return' : 'indirect-jump';
  }
  if (/^(b|bct|bctr|bctgr)$/.test(mnemonic)) return 'indirect-jump';
  if (/^(j|jg|brcl? 15)$/.test(mnemonic)) return 'jump';
  if (/^(brct|brctg|brxh|brxle)$/.test(mnemonic)) return 'branch';
  return new RegExp(`^(?:j|jg|c[lg]{0,2}i?rj|c[lg]{0,2}i?j)${S390X_CONDITION}?$`).test(mnemonic)
    ? 'branch'
    : null;
};

const mips: Tell = (mnemonic, operands) => {
  const isRa = operands.split(' ; ')[0] === '$ra';
  if (mnemonic === 'jr') return isRa ? 'return' : 'indirect-jump';
  if (mnemonic === 'jalr') return 'indirect-call';
  const isAlways = /^beql?$/.test(mnemonic) && operands.startsWith('$zero, $zero,');
  if (isAlways || /^(j|b)$/.test(mnemonic)) return 'jump';
  if (/^(jal|bal|bltzal|bgezal)l?$/.test(mnemonic)) return 'call';
  return /^b(eq|ne|lez|gtz|ltz|gez)/.test(mnemonic) ? 'branch' : null;
};

const m68k: Tell = (mnemonic, operands) => {
  const base = mnemonic.replace(/\.[bswl]$/, '');
  const isDirect = /^\$[0-9a-f]+(\.[lw]|\(pc\))?$/.test(operands);
  if (base === 'bra') return 'jump';
  if (base === 'bsr') return 'call';
  if (base === 'jsr') return isDirect ? 'call' : 'indirect-call';
  if (base === 'jmp') return isDirect ? 'jump' : 'indirect-jump';
  if (/^rt[sdr]$/.test(base)) return 'return';
  return /^(b|db|fb)(cc|cs|eq|f|ge|gt|hi|le|ls|lt|mi|ne|pl|ra|t|vc|vs)$/.test(base)
    ? 'branch'
    : null;
};

const SH4_KINDS: Readonly<Record<string, Kind>> = {
  bra: 'jump',
  bsr: 'call',
  braf: 'indirect-jump',
  jmp: 'indirect-jump',
  bsrf: 'indirect-call',
  jsr: 'indirect-call',
  rts: 'return',
  bt: 'branch',
  bf: 'branch',
  'bt/s': 'branch',
  'bf/s': 'branch',
};

const sh4: Tell = (mnemonic) => SH4_KINDS[mnemonic] ?? null;

const riscv32: Tell = (mnemonic, operands) => {
  const base = mnemonic.replace(/^c\./, '');
  if (base === 'ret') return 'return';
  if (base === 'j') return 'jump';
  if (base === 'jr') return /^(ra|t0)$/.test(operands) ? 'return' : 'indirect-jump';
  if (base === 'jal') return 'call';
  if (base === 'jalr') return 'indirect-call';
  return base.startsWith('b') ? 'branch' : null;
};

const TELLS: Readonly<Record<string, Tell>> = {
  i386,
  arm,
  thumb,
  ppc,
  ppc64: ppc,
  ppc64le: ppc,
  s390x,
  m68k,
  sh4,
  mips,
  mipsel: mips,
  mips64el: mips,
  riscv32,
};

/** Null for a text that moves no control. */
export function kindOfText(build: string, text: string, before: readonly string[]): Kind | null {
  const space = text.indexOf(' ');
  const tell = TELLS[build];
  if (tell === undefined) throw new Error(`no table for ${build}`);
  return tell(text.slice(0, space), text.slice(space + 1), before);
}
