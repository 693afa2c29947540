/**
 * Who may import whom: an allow-list. A room is a folder or a file that stands for one; a file
 * outside every room fails, so that a new part of the project is placed on purpose.
 */
import path from 'node:path';
import { isTestSupport, lineAt, type SourceFile } from './files.ts';
import { mask } from './mask.ts';

/** Longest prefix wins. A prefix that ends in `/` is a folder. */
const ROOMS: Readonly<Record<string, string>> = {
  'packages/recorder/src/errors.ts': 'recorder/errors',
  'packages/recorder/src/index.ts': 'recorder/index',
  'packages/recorder/src/record.ts': 'recorder/record',
  'packages/recorder/src/recover.ts': 'recorder/record',
  'packages/recorder/src/close.ts': 'recorder/record',
  'packages/recorder/src/family.ts': 'recorder/record',
  'packages/recorder/src/snapshot.ts': 'recorder/record',
  'packages/recorder/src/filter.ts': 'recorder/record',
  'packages/recorder/src/filter.test.ts': 'recorder/record',
  'packages/recorder/src/start.ts': 'recorder/record',
  'packages/recorder/src/trigger.ts': 'recorder/record',
  'packages/recorder/src/flush.ts': 'recorder/flush',
  'packages/recorder/src/flush-rows.ts': 'recorder/flush',
  'packages/recorder/src/modules.ts': 'recorder/modules',
  'packages/recorder/src/modules.test.ts': 'recorder/modules',
  'packages/recorder/src/module-files.ts': 'recorder/modules',
  'packages/recorder/src/module-symbols.ts': 'recorder/modules',
  'packages/recorder/src/module-sources.ts': 'recorder/modules',
  'packages/recorder/src/perf-map.ts': 'recorder/modules',
  'packages/recorder/src/symbol-files.ts': 'recorder/modules',
  'packages/recorder/src/symbol-files.test.ts': 'recorder/modules',
  'packages/recorder/src/perf-map.test.ts': 'recorder/modules',
  'packages/recorder/src/module-sources.test.ts': 'recorder/modules',
  'packages/recorder/src/trace/': 'recorder/trace',
  'packages/recorder/src/elf/': 'recorder/elf',
  'packages/recorder/src/ring/': 'recorder/ring',
  'packages/recorder/src/wasm/': 'recorder/wasm',
  'packages/recorder/src/engines/engine.ts': 'recorder/engine',
  'packages/recorder/src/engines/choose.ts': 'recorder/engines',
  'packages/recorder/src/engines/find-program.ts': 'recorder/engine',
  'packages/recorder/src/engines/pattern.ts': 'recorder/engine',
  'packages/recorder/src/engines/qemu/': 'recorder/engines/qemu',
  'packages/recorder/src/engines/embedded/': 'recorder/engines/embedded',
  'packages/recorder/src/engines/embedded/float/': 'recorder/engines/embedded/float',
  'packages/recorder/src/engines/embedded/isa/': 'recorder/engines/embedded/isa',
  'packages/analyzer/src/': 'analyzer',
  'packages/analyzer/src/database.ts': 'analyzer/database',
  'packages/analyzer/src/database/': 'analyzer/database',
  'packages/analyzer/src/disassembly/': 'analyzer/disassembly',
  'packages/analyzer/src/symbols/': 'analyzer/symbols',
  'packages/tui/src/': 'tui',
  'packages/cli/src/': 'cli',
  'packages/cli/bin/': 'cli/bin',
  'tests/': 'tests',
  'bench/': 'bench',
  'scripts/': 'scripts',
  '.ci/': 'scripts',
  'vitest.config.ts': 'config',
};

const ANALYZER_ROOMS = [
  'analyzer',
  'analyzer/database',
  'analyzer/disassembly',
  'analyzer/symbols',
] as const;
/** Arithmetic and an instruction table: they know nothing of an engine. */
const EMBEDDED_PARTS = [
  'recorder/engines/embedded/float',
  'recorder/engines/embedded/isa',
] as const;
const RECORDER_PARTS = [
  'recorder/record',
  'recorder/flush',
  'recorder/modules',
  'recorder/trace',
  'recorder/elf',
  'recorder/ring',
  'recorder/engine',
] as const;

/** Rooms of the same package that a room may import, besides itself and recorder/errors. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'recorder/errors': [],
  'recorder/ring': [],
  'recorder/wasm': [],
  'recorder/elf': [],
  'recorder/trace': ['recorder/wasm'],
  'recorder/modules': ['recorder/elf', 'recorder/trace'],
  'recorder/engine': ['recorder/ring', 'recorder/elf'],
  'recorder/engines/qemu': ['recorder/engine', 'recorder/ring', 'recorder/elf'],
  'recorder/engines/embedded': [
    'recorder/engine',
    'recorder/ring',
    'recorder/elf',
    'recorder/wasm',
    ...EMBEDDED_PARTS,
  ],
  'recorder/engines/embedded/float': [],
  'recorder/engines/embedded/isa': [],
  'recorder/engines': [
    'recorder/engine',
    'recorder/elf',
    'recorder/engines/qemu',
    'recorder/engines/embedded',
  ],
  'recorder/flush': ['recorder/ring', 'recorder/trace'],
  'recorder/record': [
    'recorder/engine',
    'recorder/engines',
    'recorder/flush',
    'recorder/ring',
    'recorder/trace',
    'recorder/elf',
    'recorder/modules',
  ],
  'recorder/index': [...RECORDER_PARTS, 'recorder/engines/qemu', 'recorder/engines/embedded'],
  analyzer: ANALYZER_ROOMS,
  'analyzer/database': ANALYZER_ROOMS,
  'analyzer/disassembly': ANALYZER_ROOMS,
  'analyzer/symbols': ANALYZER_ROOMS,
  tui: [],
  cli: [],
  'cli/bin': ['cli'],
};

/** Packages that rooms may import by name; `node:` modules are open to all. */
const MAY_USE: Readonly<Record<string, readonly string[]>> = {
  '@backtrail/recorder': ['cli'],
  '@backtrail/recorder/thread': ['cli'],
  '@backtrail/recorder/trace': ['cli', ...ANALYZER_ROOMS],
  '@backtrail/analyzer': ['cli', 'tui'],
  '@backtrail/analyzer/database': ['cli', 'tui'],
  '@backtrail/tui': ['cli'],
  'apache-arrow': ['recorder/trace'],
  '@duckdb/node-api': ['analyzer/database'],
  '@duckdb/node-bindings': ['analyzer/database'],
  '@alexaltea/capstone-js': ['analyzer/disassembly'],
  'gecko-profiler-demangle': ['analyzer/symbols'],
  ink: ['tui'],
  react: ['tui'],
  'string-width': ['tui'],
  commander: ['cli'],
  '@bomb.sh/tab': ['cli'],
  rolldown: ['scripts'],
  '@lydell/node-pty': ['bench', 'tests'],
  vitest: ['config'],
};

/** Only test code uses these; three of them for the C sources that they bring. */
const TEST_PACKAGES = [
  'vitest',
  'fast-check',
  'nodejs-polars',
  'wabt',
  'lua.vm.js',
  'bzip2-wasm',
  'cordova-sqlite-storage-dependencies',

  '@xterm/headless',
];

/** Rooms that see everything that ships, and what each sees beyond that. */
const WORKSHOPS: Readonly<Record<string, readonly string[]>> = {
  tests: ['tests', 'scripts'],
  bench: ['bench'],
  scripts: ['scripts'],
};

/** `from → to` pairs that break the rules for now. Keep it empty; an entry needs a reason. */
export const DEBT: readonly string[] = [];

export interface Import {
  /** As written; null for one that is computed. */
  readonly specifier: string | null;
  readonly line: number;
}

/** All imports of a module: static, `export … from`, dynamic, require, and modules of a worker. */
export function importsOf(text: string): Import[] {
  const { code } = mask(text, 'ts');
  const patterns = [
    /(?<![.\w$])(?:import|export)\b(?:[^;'"`()]*?\bfrom)?\s*(?=['"])/g,
    /(?<![.\w$])(?:import|require|require\.resolve|import\.meta\.resolve)\s*\(\s*/g,
    /\bnew\s+(?:URL|Worker)\s*\(\s*(?=['"])/g,
  ];
  const found: Import[] = [];
  for (const pattern of patterns) {
    for (const match of code.matchAll(pattern)) {
      const specifier = literalAt(text, match.index + match[0].length);
      const isAsset = match[0].startsWith('new') && !/\.[cm]?[jt]sx?$/.test(specifier ?? '');
      if (!isAsset) found.push({ specifier, line: lineAt(text, match.index) });
    }
  }
  return found.sort((a, b) => a.line - b.line);
}

function literalAt(text: string, at: number): string | null {
  const quote = text.charAt(at);
  if (quote !== "'" && quote !== '"') return null;
  return text.slice(at + 1, text.indexOf(quote, at + 1));
}

/** The room of a file; null if it is in none. */
export function roomOf(file: string): string | null {
  let best = '';
  for (const prefix of Object.keys(ROOMS)) {
    const fits = prefix.endsWith('/') ? file.startsWith(prefix) : file === prefix;
    if (fits && prefix.length > best.length) best = prefix;
  }
  return ROOMS[best] ?? null;
}

/** One message for each import that the allow-list does not hold. */
export function checkImports(file: SourceFile): string[] {
  const room = roomOf(file.path);
  if (room === null) {
    return [`${file.path}:1: is in no room; give it one in tests/hygiene/imports.ts`];
  }
  const messages: string[] = [];
  for (const { specifier, line } of importsOf(file.text)) {
    const problem = specifier === null ? 'a computed import' : judge(file.path, room, specifier);
    if (problem !== null && !DEBT.includes(`${file.path} → ${specifier}`)) {
      messages.push(`${file.path}:${line}: ${problem} is not allowed in room ${room}`);
    }
  }
  return messages;
}

/** What is wrong with one import, or null. */
function judge(file: string, room: string, specifier: string): string | null {
  if (specifier.startsWith('node:')) return null;
  if (!specifier.startsWith('.')) return judgePackage(file, room, specifier);
  const target = path.posix
    .normalize(path.posix.join(path.posix.dirname(file), specifier))
    .replace(/^(packages\/\w+)\/dist\/(.*)\.js$/, '$1/src/$2.ts');
  const targetRoom = roomOf(target);
  if (targetRoom === null) return `${specifier} (a file in no room)`;
  const isTest = isTestSupport(file);
  if (isTestSupport(target) && !isTest) return `${specifier} (test code)`;
  if (room in WORKSHOPS) {
    const isOpen = !(targetRoom in WORKSHOPS) || WORKSHOPS[room]?.includes(targetRoom);
    return isOpen ? null : `${specifier} (room ${targetRoom})`;
  }
  if (isTest && ['tests', 'scripts'].includes(targetRoom)) return null;
  if (packageOf(target) !== packageOf(file)) return `${specifier} (use the package's name)`;
  const isOpen =
    isTest ||
    targetRoom === room ||
    targetRoom === 'recorder/errors' ||
    MAY_IMPORT[room]?.includes(targetRoom);
  return isOpen ? null : `${specifier} (room ${targetRoom})`;
}

function judgePackage(file: string, room: string, specifier: string): string | null {
  const name = packageName(specifier);
  const isTest = isTestSupport(file);
  if (isTest && TEST_PACKAGES.includes(name)) return null;
  if (room in WORKSHOPS && (name in MAY_USE || specifier in MAY_USE)) {
    return TEST_PACKAGES.includes(name) ? `package ${name} (for tests)` : null;
  }
  // The doors of our own packages are listed one by one; other packages are allowed as a whole.
  const rooms = MAY_USE[name.startsWith('@backtrail/') ? specifier : name];
  return rooms?.includes(room) ? null : `package ${specifier}`;
}

/** `@scope/name/deep` → `@scope/name`. */
function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

const packageOf = (file: string): string => file.split('/').slice(0, 2).join('/');
