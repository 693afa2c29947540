/** What llvm-symbolizer and addr2line say of an address, and the same from our own columns. */
import { execFileSync } from 'node:child_process';
import { NO_PATH, readSourceLines, type SourceLines } from './source-lines.ts';

/** Innermost first. Names are as the linker sees them; '' where there is none. */
export interface OracleFrame {
  readonly name: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

const OUTPUT_BYTES_MAX = 1 << 28;

function run(program: string, args: readonly string[], input: string): string {
  return execFileSync(program, args, {
    input,
    encoding: 'utf8',
    maxBuffer: OUTPUT_BYTES_MAX,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
}

interface LlvmAnswer {
  readonly Symbol: readonly {
    readonly FunctionName: string;
    readonly FileName: string;
    readonly Line: number;
    readonly Column: number;
  }[];
}

const hex = (address: bigint): string => `0x${address.toString(16)}`;

export function llvmFrames(file: string, addresses: readonly bigint[]): OracleFrame[][] {
  const args = [`--obj=${file}`, '--inlines', '--output-style=JSON', '--no-demangle'];
  const out = run('llvm-symbolizer', args, addresses.map((one) => `${hex(one)}\n`).join(''));
  const answers = out.trim().split('\n');
  return answers.map((line) => {
    const answer = JSON.parse(line) as LlvmAnswer;
    return answer.Symbol.map((one) => ({
      name: one.FunctionName,
      file: one.FileName,
      line: one.Line,
      column: one.Column,
    }));
  });
}

/** GNU addr2line knows no columns: they are 0. */
export function gnuFrames(file: string, addresses: readonly bigint[]): OracleFrame[][] {
  const input = addresses.map((one) => `${hex(one)}\n`).join('');
  const out = run('addr2line', ['-e', file, '-a', '-f', '-i'], input);
  const all: OracleFrame[][] = [];
  const lines = out.trimEnd().split('\n');
  for (let i = 0; i < lines.length; i++) {
    if (/^0x[0-9a-f]+$/.test(lines[i] ?? '')) {
      all.push([]);
      continue;
    }
    const name = lines[i] ?? '';
    const place = (lines[++i] ?? '').replace(/ \(discriminator \d+\)$/, '');
    const at = place.lastIndexOf(':');
    const line = Number(place.slice(at + 1));
    all.at(-1)?.push({
      name: name === '??' ? '' : name,
      file: place.startsWith('??') ? '' : place.slice(0, at),
      line: Number.isNaN(line) ? 0 : line,
      column: 0,
    });
  }
  return all;
}

/** Last of `count` ascending numbers that is not above `wanted`; -1 if none is. */
function lastAt(numbers: ArrayLike<number>, count: number, wanted: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((numbers[middle] ?? 0) <= wanted) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Everything of a file, whatever ran, with the address that its columns count from. */
export function allLines(file: string): { read: SourceLines; origin: bigint } {
  let origin = 0n;
  const read = readSourceLines(
    file,
    (start) => {
      origin = start;
      return { first: [0], end: [Number.MAX_SAFE_INTEGER] };
    },
    [],
  );
  if (read === null) throw new Error(`${file} has no line tables`);
  return { read, origin };
}

/** Frames of addresses by our columns; the outermost has no name: that is what symbols are for. */
export function ownFrames(
  { read, origin }: { read: SourceLines; origin: bigint },
  addresses: readonly bigint[],
): OracleFrame[][] {
  const { lines, inlines, paths } = read;
  const path = (number: number): string => (number === NO_PATH ? '' : (paths[number] ?? ''));
  return addresses.map((address) => {
    const at = Number(address - origin);
    const row = lastAt(lines.address, lines.count, at);
    const isIn = row >= 0 && at < (lines.address[row] ?? 0) + (lines.size[row] ?? 0);
    let place = {
      file: isIn ? path(lines.source[row] ?? NO_PATH) : '',
      line: isIn ? (lines.line[row] ?? 0) : 0,
      column: isIn ? (lines.column[row] ?? 0) : 0,
    };
    const frames: OracleFrame[] = [];
    const covering: number[] = [];
    for (let i = lastAt(inlines.address, inlines.count, at); i >= 0; i--) {
      const depth = inlines.depth[i] ?? 0;
      const isHere = at < (inlines.address[i] ?? 0) + (inlines.size[i] ?? 0);
      if (isHere && covering[depth] === undefined) covering[depth] = i;
    }
    for (const i of covering.reverse()) {
      if (i === undefined) continue;
      frames.push({ name: inlines.name[i] ?? '', ...place });
      place = {
        file: path(inlines.callSource[i] ?? NO_PATH),
        line: inlines.callLine[i] ?? 0,
        column: inlines.callColumn[i] ?? 0,
      };
    }
    frames.push({ name: '', ...place });
    return frames;
  });
}
