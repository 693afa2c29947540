/**
 * Addresses of real programs, held against llvm-symbolizer and addr2line. Where they differ from
 * us or each other for a known reason, the reason is a rule here, and each rule has its count.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { needsAll, type Tool } from '../../../../../tests/require.ts';
import { withFile } from '../file.ts';
import { readHeader } from '../header.ts';
import { readSections } from '../sections.ts';
import { allLines, gnuFrames, llvmFrames, type OracleFrame, ownFrames } from './oracle.fixture.ts';

const C_SOURCE = `
#include <string.h>
static volatile int sink;
#define TWICE(x) do { sink += (x); sink ^= (x); } while (0)
static inline __attribute__((always_inline)) int square(int x) { return x * x; }
static inline __attribute__((always_inline)) int norm(int a, int b) {
  int s = square(a);
  if (s > 50) {
    int t = square(b);
    TWICE(t);
    s += t;
  }
  return s;
}
static __attribute__((noinline)) int walk(const int *list, int n) {
  int sum = 0;
  for (int i = 0; i < n; i++) {
    switch (list[i] & 7) {
      case 0: sum += norm(i, n); break;
      case 1: sum -= norm(n, i); break;
      case 2: TWICE(sum); break;
      case 3: sum *= 3; break;
      default: sum += (int)strlen("x");
    }
  }
  return sum;
}
__attribute__((cold, noinline)) static void unlikely(int x) { TWICE(x); TWICE(x + 1); }
int main(int argc, char **argv) {
  int list[64];
  for (int i = 0; i < 64; i++) list[i] = i * argc;
  int sum = walk(list, 64);
  if (__builtin_expect(sum == 12345, 0)) unlikely(sum);
  return (sum + norm(argc, 3)) & 1;
}
`;

const CPP_SOURCE = `
#include <algorithm>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>
namespace shapes {
struct Shape { virtual ~Shape() = default; virtual double area() const = 0; };
struct Square : Shape {
  double side;
  explicit Square(double s) : side(s) {}
  double area() const override { return side * side; }
};
template <typename T> T sum(const std::vector<T> &v) {
  T t{};
  for (const auto &x : v) t += x;
  return t;
}
}
int main(int argc, char **) {
  std::map<std::string, int> names;
  std::vector<int> v;
  for (int i = 1; i < 200; i++) { v.push_back(i * argc); names[std::to_string(i)] = i; }
  std::sort(v.begin(), v.end(), [](int a, int b) { return a > b; });
  std::function<int(int)> f = [&](int x) { return x + (int)v.size(); };
  shapes::Square square(3.0);
  int t = shapes::sum(v) + f(3) + (int)square.area();
  try { if (t > 5) throw std::runtime_error("x"); } catch (std::exception &) { t++; }
  for (auto &entry : names) t += entry.second;
  return t & 1;
}
`;

interface Build {
  readonly name: string;
  readonly compiler: Tool;
  readonly language: 'c' | 'cpp';
  readonly flags: readonly string[];
}

const x86 = (version: number, level: number, language: 'c' | 'cpp'): Build => ({
  name: `x86-64 ${language} DWARF ${version} -O${level}`,
  compiler: language === 'c' ? 'cc' : 'g++',
  language,
  flags: [`-gdwarf-${version}`, `-O${level}`],
});

const BUILDS: readonly Build[] = [
  ...[2, 3, 4, 5].flatMap((version) => [x86(version, 0, 'c'), x86(version, 2, 'c')]),
  x86(5, 2, 'cpp'),
  x86(5, 0, 'cpp'),
  {
    name: 'x86-64, 64-bit DWARF, sections apart, compressed by zlib',
    compiler: 'cc',
    language: 'c',
    flags: ['-g', '-O2', '-gdwarf64', '-ffunction-sections', '-Wl,--gc-sections', '-gz=zlib'],
  },
  {
    name: 'x86-64, older compression, strict',
    compiler: 'cc',
    language: 'c',
    flags: ['-g', '-O3', '-gdwarf-4', '-gstrict-dwarf', '-gz=zlib-gnu'],
  },
  {
    name: 'x86-64, linked by ltrans, types apart',
    compiler: 'g++',
    language: 'cpp',
    flags: ['-g', '-O2', '-gdwarf-4', '-flto', '-fdebug-types-section'],
  },
  {
    name: 'x86-64, fixed addresses',
    compiler: 'cc',
    language: 'c',
    flags: ['-g', '-O2', '-no-pie', '-fno-pie'],
  },
  { name: 'aarch64', compiler: 'aarch64-linux-gnu-gcc', language: 'c', flags: ['-g', '-O2'] },
  { name: 'riscv64', compiler: 'riscv64-linux-gnu-gcc', language: 'c', flags: ['-g', '-O2'] },
  {
    name: 'riscv64 cpp',
    compiler: 'riscv64-linux-gnu-g++',
    language: 'cpp',
    flags: ['-g', '-O2', '-gdwarf-4'],
  },
];

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'backtrail-dwarf-'));
  writeFileSync(path.join(folder, 'one.c'), C_SOURCE);
  writeFileSync(path.join(folder, 'two.cpp'), CPP_SOURCE);
});
afterAll(() => rmSync(folder, { recursive: true }));

function build({ compiler, language, flags }: Build): string {
  const source = language === 'c' ? 'one.c' : 'two.cpp';
  const out = path.join(folder, 'program');
  execFileSync(compiler, [...flags, '-w', '-o', out, source], { cwd: folder, stdio: 'pipe' });
  return out;
}

/** Every `step`th address of .text. */
function textAddresses(file: string, step: number): bigint[] {
  return withFile(file, (open) => {
    const sections = readSections(open, readHeader(open));
    const text = sections?.findNamed('.text') ?? -1;
    if (sections === null || text < 0) throw new Error('no .text');
    const count = Math.floor(sections.size(text) / step);
    const start = sections.address(text);
    return Array.from({ length: count }, (_, i) => start + BigInt(i * step));
  });
}

/** All but the name of the outermost function, which is the symbol's business. */
const text = (frames: readonly OracleFrame[], withColumns: boolean): string =>
  frames
    .map((frame, i) => {
      const name = i === frames.length - 1 ? '' : frame.name;
      return `${name}|${frame.file}|${frame.line}|${withColumns ? frame.column : ''}`;
    })
    .join(' < ');

/** How many addresses fell under which rule. */
interface Verdict {
  equal: number;
  /** Of all, those with inlined frames. */
  inlined: number;
  /** Both tools name the file of the ELF symbol (STT_FILE) where no line is known. */
  fileSymbol: number;
  /** addr2line gives an inlined frame that has no linkage name the name of the ELF symbol. */
  symbolName: number;
  /** addr2line has the right line, and the first file of the unit in place of the header. */
  firstFile: number;
  readonly wrong: string[];
}

const newVerdict = (): Verdict => ({
  equal: 0,
  inlined: 0,
  fileSymbol: 0,
  symbolName: 0,
  firstFile: 0,
  wrong: [],
});

const isFileSymbol = (own: readonly OracleFrame[], [first]: readonly OracleFrame[]): boolean =>
  text(own, false) === '||0|' && first?.line === 0 && !first.file.includes('/');

function compareLlvm(
  addresses: readonly bigint[],
  own: readonly OracleFrame[][],
  llvm: readonly OracleFrame[][],
): Verdict {
  const verdict = newVerdict();
  addresses.forEach((address, i) => {
    const [mine, other] = [own[i] ?? [], llvm[i] ?? []];
    if (mine.length > 1) verdict.inlined++;
    if (text(mine, true) === text(other, true)) verdict.equal++;
    else if (isFileSymbol(mine, other)) verdict.fileSymbol++;
    else
      verdict.wrong.push(`0x${address.toString(16)}: ${text(mine, true)}\n ${text(other, true)}`);
  });
  return verdict;
}

/** @param symbols what the ELF symbols say: the outermost names of llvm-symbolizer. */
function compareGnu(
  addresses: readonly bigint[],
  own: readonly OracleFrame[][],
  gnu: readonly OracleFrame[][],
  symbols: readonly (string | undefined)[],
): Verdict {
  const verdict = newVerdict();
  addresses.forEach((address, i) => {
    const [mine, other] = [own[i] ?? [], gnu[i] ?? []];
    const named = mine.map((frame, at) =>
      other[at]?.name === symbols[i] && !frame.name.startsWith('_Z')
        ? { ...frame, name: symbols[i] ?? '' }
        : frame,
    );
    const [first] = mine;
    const moved = [{ ...first, file: path.join(folder, 'two.cpp') }] as OracleFrame[];
    if (text(mine, false) === text(other, false)) verdict.equal++;
    else if (isFileSymbol(mine, other)) verdict.fileSymbol++;
    else if (text(named, false) === text(other, false)) verdict.symbolName++;
    else if (mine.length === 1 && text(moved, false) === text(other, false)) verdict.firstFile++;
    else
      verdict.wrong.push(`0x${address.toString(16)}: ${text(mine, false)}\n ${text(other, false)}`);
  });
  return verdict;
}

describe.each(BUILDS)('source lines: $name', (one) => {
  const tools = needsAll(one.compiler, 'llvm-symbolizer', 'addr2line');
  test.skipIf(tools.missing)(`as llvm-symbolizer and addr2line have them${tools.note}`, () => {
    const file = build(one);
    const addresses = textAddresses(file, one.language === 'c' ? 1 : 3);
    const whole = allLines(file);
    expect(whole.read.damage).toBeNull();
    const own = ownFrames(whole, addresses);
    const theirs = llvmFrames(file, addresses);
    const llvm = compareLlvm(addresses, own, theirs);
    expect(llvm.wrong.slice(0, 5)).toEqual([]);
    // The start files of the C library have no lines; what is left is ours.
    expect(llvm.equal).toBeGreaterThan(one.language === 'c' ? 150 : 700);
    if (!one.flags.includes('-O0')) expect(llvm.inlined).toBeGreaterThan(40);
    // addr2line of binutils 2.40 reads no 64-bit DWARF.
    if (one.flags.includes('-gdwarf64')) return;
    const symbols = theirs.map((frames) => frames.at(-1)?.name);
    const gnu = compareGnu(addresses, own, gnuFrames(file, addresses), symbols);
    expect(gnu.wrong.slice(0, 5)).toEqual([]);
    expect(gnu.symbolName).toBeLessThan(addresses.length / 10);
    expect(gnu.firstFile).toBeLessThan(addresses.length / 10);
  });
});
