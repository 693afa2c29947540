/** The kind of a transfer told from the text of its source, by Capstone's or QEMU's mnemonics. */
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

const aarch64: Tell = (mnemonic) => {
  if (mnemonic === 'b') return 'jump';
  if (mnemonic === 'bl') return 'call';
  if (mnemonic === 'blr') return 'indirect-call';
  if (mnemonic === 'br') return 'indirect-jump';
  if (mnemonic === 'ret') return 'return';
  return /^(b\.|cbn?z$|tbn?z$)/.test(mnemonic) ? 'branch' : null;
};

const riscv32: Tell = (mnemonic, operands) => {
  const base = mnemonic.replace(/^c\./, '');
  if (base === 'ret') return 'return';
  if (base === 'j') return 'jump';
  if (base === 'jr') return /^(ra|t0)$/.test(operands) ? 'return' : 'indirect-jump';
  if (base === 'jal') return 'call';
  if (base === 'jalr') return 'indirect-call';
  return base.startsWith('b') ? 'branch' : null;
};

const SPARC_CONDITION = '(?:a|ne|e|g|le|ge|l|gu|leu|cc|cs|pos|neg|vc|vs)';

const sparc: Tell = (mnemonic, operands) => {
  const [first = '', ...hints] = mnemonic.split(',');
  const own = operands.split(' ; ')[0] ?? '';
  if (first === 'call') return own.startsWith('%') ? 'indirect-call' : 'call';
  if (/^retl?$/.test(first) || own === '%i7+8') return 'return'; // `rett %i7+8`: version 9 return
  if (first === 'jmp') return 'indirect-jump';
  if (first === 'ba' && hints.every((hint) => /^(a|pt|pn)$/.test(hint))) return 'jump';
  return new RegExp(`^(b${SPARC_CONDITION}|br(z|nz|lz|lez|gz|gez))$`).test(first) ? 'branch' : null;
};

const ALPHA_KINDS: Readonly<Record<string, Kind>> = {
  br: 'jump',
  bsr: 'call',
  jmp: 'indirect-jump',
  jsr: 'indirect-call',
  ret: 'return',
};

const alpha: Tell = (mnemonic) =>
  ALPHA_KINDS[mnemonic] ?? (/^f?b(eq|ne|lt|le|gt|ge|lbc|lbs)$/.test(mnemonic) ? 'branch' : null);

/** Behind an instruction that may nullify the next one, a jump is a branch. */
const hppa: Tell = (mnemonic, operands, before) => {
  const [first = ''] = mnemonic.split(',');
  const isBy = (register: string): boolean => operands.split(';')[0]?.endsWith(register) === true;
  if (first === 'b' && !isBy(',r0')) return 'call';
  if (first === 'b') return before.at(-1)?.includes('clr,') === true ? 'branch' : 'jump';
  if (first === 'bv') return isBy('(rp)') || isBy('(r31)') ? 'return' : 'indirect-jump';
  if (mnemonic.startsWith('be,l')) return 'indirect-call';
  return /^(cmpi?b|addi?b|bb|movi?b)$/.test(first) ? 'branch' : null;
};

const OR1K_KINDS: Readonly<Record<string, Kind>> = {
  'l.j': 'jump',
  'l.jal': 'call',
  'l.jalr': 'indirect-call',
  'l.bf': 'branch',
  'l.bnf': 'branch',
};

const or1k: Tell = (mnemonic, operands) => {
  if (mnemonic === 'l.jr') return operands.startsWith('r9;') ? 'return' : 'indirect-jump';
  return OR1K_KINDS[mnemonic] ?? null;
};

/** d: delayed, l: links, a: absolute, i: immediate. */
const microblaze: Tell = (mnemonic) => {
  if (mnemonic === 'rtsd') return 'return';
  if (/^bra?l?i?d?$/.test(mnemonic)) {
    const links = mnemonic.includes('l');
    if (mnemonic.includes('i')) return links ? 'call' : 'jump';
    return links ? 'indirect-call' : 'indirect-jump';
  }
  const condition = /^b(?:eq|ne|lt|le|gt|ge)(i?)d?$/.exec(mnemonic);
  if (condition === null) return null;
  return condition[1] === 'i' ? 'branch' : 'indirect-jump';
};

/** QEMU 7.2 writes the word first, and of jirl the source before the link. */
const loongarch: Tell = (_word, text) => {
  const [mnemonic = '', operands = ''] = text.split(/\s+(.*)/s);
  if (mnemonic === 'b') return 'jump';
  if (mnemonic === 'bl') return 'call';
  if (mnemonic === 'jirl') {
    const [rj, rd, offset] = operands.split(/,\s*/);
    if (rd === 'r1') return 'indirect-call';
    const isReturn = rd === 'r0' && rj === 'r1' && offset?.split(' ')[0] === '0';
    return isReturn ? 'return' : 'indirect-jump';
  }
  return /^b(eq|ne|lt|ge|ltu|geu|eqz|nez|ceqz|cnez)$/.test(mnemonic) ? 'branch' : null;
};

const NIOS2_KINDS: Readonly<Record<string, Kind>> = {
  br: 'jump',
  jmpi: 'jump',
  call: 'call',
  callr: 'indirect-call',
  jmp: 'indirect-jump',
  ret: 'return',
};

const nios2: Tell = (mnemonic) =>
  NIOS2_KINDS[mnemonic] ?? (/^b(eq|ne|lt|ge|ltu|geu)$/.test(mnemonic) ? 'branch' : null);

const xtensa: Tell = (mnemonic) => {
  const base = mnemonic.replace(/\.n$/, '');
  if (/^retw?$/.test(base)) return 'return';
  if (base === 'j') return 'jump';
  if (base === 'jx') return 'indirect-jump';
  if (/^call\d+$/.test(base)) return 'call';
  if (/^callx\d+$/.test(base)) return 'indirect-call';
  return /^(b(eq|ne|lt|ge|lg|all|any|none|bc|bs)|loop(nez|gtz)$)/.test(base) ? 'branch' : null;
};

/** A packet: several instructions, behind words in hexadecimal. */
const hexagon: Tell = (_word, text) => {
  if (/dealloc_return|jumpr\S* R31/.test(text)) return 'return';
  if (/callr/.test(text)) return 'indirect-call';
  if (/jumpr/.test(text)) return 'indirect-jump';
  if (/call/.test(text)) return 'call';
  if (/if \(.*jump/.test(text)) return 'branch';
  return /jump/.test(text) ? 'jump' : null;
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
  sparc,
  sparc32plus: sparc,
  sparc64: sparc,
  alpha,
  hppa,
  or1k,
  microblaze,
  microblazeel: microblaze,
  loongarch64: loongarch,
  nios2,
  xtensa,
  hexagon,
  mipsn32el: mips,
  aarch64_be: aarch64,
  armeb: arm,
};

/** Null for a text that moves no control. */
export function kindOfText(build: string, text: string, before: readonly string[]): Kind | null {
  const space = text.search(/\s|$/);
  const tell = TELLS[build];
  if (tell === undefined) throw new Error(`no table for ${build}`);
  return tell(text.slice(0, space), text.slice(space).trim(), before);
}
