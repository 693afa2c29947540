/** What binutils says instructions are, and what that means for the decoder. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';

export interface Line {
  readonly address: number;
  readonly bits: number;
  /** Mnemonic and operands with one space between; as objdump writes them. */
  readonly text: string;
}

/**
 * Instructions of `size` bytes each, from address 0 on, as objdump writes them. The assembler is
 * the one of the same package; the object file that it makes says which extensions there are.
 */
export function objdump(
  tool: string,
  folder: string,
  words: readonly number[],
  size: 2 | 4,
): Line[] {
  const file = path.join(folder, `words-${size}`);
  writeFileSync(`${file}.s`, words.map((word) => `.${size}byte ${word}\n`).join(''));
  const assembler = tool.replace(/objdump$/, 'as');
  run(assembler, ['-march=rv64gc_zba_zbb_zbs', '-o', `${file}.o`, `${file}.s`]);
  return run(tool, ['-D', '-z', '-j', '.text', '-M', 'no-aliases', `${file}.o`])
    .split('\n')
    .flatMap(lineOf);
}

function run(command: string, args: readonly string[]): string {
  const done = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 2 ** 28 });
  if (done.status === 0) return done.stdout;
  throw new Error(`${command} ${args.join(' ')}: ${done.error?.message ?? done.stderr}`);
}

function lineOf(line: string): Line[] {
  const found = /^ *([0-9a-f]+):\t([0-9a-f]+) *\t(.*)$/.exec(line);
  if (found === null) return [];
  const [, address = '', bits = '', text = ''] = found;
  return [{ address: Number.parseInt(address, 16), bits: Number.parseInt(bits, 16), text }];
}

export const writeLine = ({ address, bits, text }: Line): string =>
  `${address.toString(16)} ${bits.toString(16)} ${text.replace('\t', ' ')}\n`;

export function readLines(text: string): Line[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [address = '', bits = '', ...rest] = line.split(' ');
      return {
        address: Number.parseInt(address, 16),
        bits: Number.parseInt(bits, 16),
        text: rest.join(' '),
      };
    });
}

/**
 * The text without what our own leaves out: comments and symbols, the order of atomics; targets
 * with 0x; compressed instructions as what they stand for.
 */
export function comparable({ text }: Line): string {
  const plain = text
    .replace('\t', ' ')
    .replace(/ [#<].*$/, '')
    .replace(/^((?:lr|sc|amo\w+)\.[wd])\.(?:aqrl|aq|rl)\b/, '$1')
    .trim();
  return expanded(plain).replace(/^((?:beq|bne|bltu?|bgeu?|jal) .*,)([0-9a-f]+)$/, '$10x$2');
}

/** RISC-V Unprivileged ISA 20191213, chapter 16: "expands to". */
function expanded(text: string): string {
  if (!text.startsWith('c.')) return text;
  const [op = '', operands = ''] = text.slice(2).split(' ');
  const [a = '', ...rest] = operands.split(',');
  const b = rest.join(',');
  switch (op) {
    case 'nop':
      return `addi zero,zero,${a === '' ? '0' : a}`;
    case 'addi4spn':
      return `addi ${operands}`;
    case 'addi':
    case 'addiw':
    case 'andi':
    case 'slli':
    case 'srli':
    case 'srai':
    case 'add':
    case 'sub':
    case 'and':
    case 'or':
    case 'xor':
    case 'addw':
    case 'subw':
      return `${op} ${a},${a},${b}`;
    case 'slli64':
    case 'srli64':
    case 'srai64':
      return `${op.slice(0, 4)} ${a},${a},0x0`;
    case 'addi16sp':
      return `addi ${a},${a},${b}`;
    case 'li':
      return `addi ${a},zero,${b}`;
    case 'mv':
      return `add ${a},zero,${b}`;
    case 'lui':
    case 'ebreak':
      return text.slice(2);
    case 'j':
      return `jal zero,${a}`;
    case 'jr':
      return `jalr zero,0(${a})`;
    case 'jalr':
      return `jalr ra,0(${a})`;
    case 'beqz':
    case 'bnez':
      return `${op.slice(0, 3)} ${a},zero,${b}`;
    default:
      return /^f?[ls][dw](sp)?$/.test(op) ? `${op.replace('sp', '')} ${operands}` : text;
  }
}
