/** What runs or drains: guests, rings, and words of command lines and of SQL. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkTrace } from '@backtrail/analyzer';
import { type Database, openDatabase } from '@backtrail/analyzer/database';
import { recover } from '@backtrail/recorder';
import { BacktrailError, openTrace, verifyTrace } from '@backtrail/recorder/trace';
import { runHere } from '../../packages/cli/src/io.fixture.ts';
import { decode } from '../../packages/recorder/src/engines/embedded/isa/decode.ts';
import { disassemble } from '../../packages/recorder/src/engines/embedded/isa/disassemble.ts';
import { HEADER, ringOffsets } from '../../packages/recorder/src/ring/layout.ts';
import { newSharedRing } from '../../packages/recorder/src/ring/shared.ts';
import { ThreadDriver } from '../../packages/recorder/src/ring/writer-thread.fixture.ts';
import { newManifest } from '../../packages/recorder/src/trace/trace.fixture.ts';
import { TraceWriter } from '../../packages/recorder/src/trace/writer.ts';
import { answered, spoilt, type Target } from './target.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const MAIN = path.join(ROOT, 'packages/cli/src/main.ts');
const SAMPLE = path.join(ROOT, 'traces/v1/riscv64-smash/riscv64-smash.trace');

/**
 * A ring with segments, a log and open transfers, as a killed run leaves it; small, so that what is
 * spoilt mostly means something.
 */
async function ringBytes(directory: string): Promise<Buffer> {
  const shape = { segmentTransfers: 64, segmentBudget: 8, vcpuSlots: 4, logBytes: 1 << 14 };
  const buffer = new SharedArrayBuffer(ringOffsets(shape).fileBytes);
  newSharedRing(buffer, 0, { shape, keep: 'all', maxTransfers: 0, traceDirectory: directory });
  const driver = new ThreadDriver({ buffer, base: 0 });
  for (const command of [
    'edges 20',
    'start 0',
    'start 1',
    'store 0 150',
    'mark 0 30',
    'store 1 90',
  ]) {
    await driver.run(command);
  }
  await driver.kill();
  const bytes = Buffer.from(new Uint8Array(buffer));
  // No process has that number: it is above the kernel's limit.
  for (const field of [HEADER.recorderPid, HEADER.writerPid]) {
    if (bytes.readBigUInt64LE(field.at) !== 0n) bytes.writeBigUInt64LE(1n << 40n, field.at);
  }
  return bytes;
}

export const ringTarget: Target = {
  name: 'ring',
  inputsInTests: 20,
  prepare: async (folder) => {
    const directory = path.join(folder, 'orphan.trace');
    const whole = await ringBytes(directory);
    const ring = path.join(folder, 'orphan.ring');
    return (random) => {
      fs.rmSync(directory, { recursive: true, force: true });
      TraceWriter.create(directory, newManifest()).abandon();
      // Most is empty log; the header and the tables come first.
      const head = random.pick([512, 4096, 8192, whole.length]);
      const bytes = Buffer.concat([spoilt(whole.subarray(0, head), random), whole.subarray(head)]);
      fs.writeFileSync(ring, bytes);
      const done = answered(() => recover(ring));
      if (done === null || done.directory !== directory) return;
      const problems = verifyTrace(openTrace(directory));
      if (problems.length > 0) throw new Error(`recovered, but ${problems.join('; ')}`);
    };
  },
};

export const decodeTarget: Target = {
  name: 'decode',
  inputsInTests: 50,
  prepare: () =>
    Promise.resolve((random) => {
      for (let left = 500; left > 0; left--) {
        const word = random.next32() | random.pick([0, 3]);
        const instruction = decode(word);
        if (instruction === null) continue;
        const text = disassemble(instruction, random.next32());
        if (!/^[a-z][\x20-\x7e]*$/.test(text)) throw new Error(`0x${word.toString(16)}: ${text}`);
      }
    }),
};

const GUESTS = ['quick', 'smash', 'nested', 'smc', 'vm', 'crc', 'timer', 'illegal'].map((name) =>
  path.join(ROOT, `tests/guests/riscv64/bin/${name}.elf`),
);
const BOARDS = ['traps', 'vectors', 'levels', 'csrs', 'devices'].map((name) =>
  path.join(ROOT, `tests/guests/bare/${name}.elf`),
);
/** A spoilt guest may run for ever: then it is killed, and its trace closed. */
const GUEST_MS_MAX = 3000;

export const programTarget: Target = {
  name: 'program',
  inputsInTests: 2,
  prepare: (folder) =>
    Promise.resolve((random) => {
      const program = path.join(folder, 'guest.elf');
      const output = path.join(folder, 'guest.trace');
      fs.rmSync(output, { recursive: true, force: true });
      const bytes = fs.readFileSync(random.pick([...GUESTS, ...BOARDS]));
      fs.writeFileSync(program, spoilt(bytes, random), { mode: 0o755 });
      const record = ['record', '--engine', 'embedded', '--memory', '64M', '-q', '-o', output];
      const node = ['--conditions=backtrail-source', '--disable-warning=ExperimentalWarning', MAIN];
      const { stderr } = spawnSync(process.execPath, [...node, ...record, '--', program], {
        cwd: folder,
        encoding: 'utf8',
        input: 'a line\n',
        timeout: GUEST_MS_MAX,
        killSignal: 'SIGTERM',
        maxBuffer: 1 << 26,
      });
      if (/^backtrail: unexpected|^RuntimeError|^CompileError|FATAL ERROR/m.test(stderr)) {
        throw new Error(stderr.slice(0, 2000));
      }
      if (!fs.existsSync(path.join(output, 'manifest.json'))) return;
      const { findings } = checkTrace(openTrace(output));
      if (findings.length > 0) throw new Error(`check: ${JSON.stringify(findings.slice(0, 3))}`);
    }),
};

const WORDS: readonly string[] = [
  'info',
  'crash',
  'back',
  'stack',
  'last',
  'query',
  'check',
  'index',
  'doctor',
  'help',
  'complete',
  'recover',
  'walk',
  'record',
  '--',
  '-',
  '--json',
  '-n',
  '--from',
  '--vcpu',
  '--at',
  '--format',
  'html',
  'json',
  'csv',
  '--anywhere',
  '--source',
  '--whole',
  '--help',
  '--version',
  '--engine',
  'embedded',
  'qemu',
  '--keep',
  'last',
  '--ring',
  '64M',
  '--system',
  '-1',
  '0',
  '1',
  '99999999999999999999',
  '1e6',
  '0x110d2',
  'main',
  'main+0x',
  'a.c:1',
  'NaN',
  '',
  ' ',
  '..',
  '/nowhere',
  '\u001b[2J',
  '😀',
  "'",
  '$(id)',
  '--no-such',
  '-nq5',
  '--n==',
  SAMPLE,
  SAMPLE,
  SAMPLE,
  SAMPLE,
];
/** They write where they are told, or wait for a terminal. */
const OUTPUTS = ['-o', '--output'];

export const wordsTarget: Target = {
  name: 'words',
  inputsInTests: 50,
  prepare: () =>
    Promise.resolve(async (random) => {
      const words = Array.from({ length: random.below(7) }, () => random.pick(WORDS));
      if (words[0] === 'index' || words[0] === 'demo' || words.some((w) => OUTPUTS.includes(w)))
        return;
      // Nothing that could be a program: this would run it.
      if (words[0] === 'record' && words.some((word) => ['main', 'info', 'id'].includes(word)))
        return;
      const { status, stdout, stderr } = await runHere(words, { stdin: 'select 1' });
      if (![0, 1, 2].includes(status)) throw new Error(`${JSON.stringify(words)}: ${status}`);
      if (/unexpected: /.test(stderr)) throw new Error(`${JSON.stringify(words)}: ${stderr}`);
      if (stderr.includes('\u001b') || stdout.includes('\u001b[2J')) {
        throw new Error(`${JSON.stringify(words)}: not harmless`);
      }
      if (status !== 0 && stderr === '' && stdout === '') {
        throw new Error(`${JSON.stringify(words)}: status ${status} without a word`);
      }
    }),
};

const SQL = (
  'select from where group by order limit join on using union all except with recursive ' +
  'as materialized case when then else end and or not in is null between like distinct ' +
  'having window over partition values describe explain analyze summarize pivot copy to ' +
  'create or replace view table macro temp insert into update set delete drop alter ' +
  'prepare execute attach install load pragma call show begin commit checkpoint vacuum ' +
  'export import use reset positional asof lateral transfers edges blocks marks modules ' +
  'symbols segments hot_symbols hot_edges calls instructions last_executed loops ' +
  'executed coverage call_tree source target vcpu seq pc count sum max hex unnest list ' +
  'struct_pack map array_agg row_number read_csv read_text glob getenv query a ' +
  '/etc/passwd 18446744073709551616 null true ( ) ( ) , , ; ; . * * = < > + - / % || :: ' +
  '[ ] { } -> => ? $1 -- /* */ \u0000 \u001b é 😀 \' "'
).split(' ');

/** What the SQL may not have changed: the folder it runs in, and the database after it. */
async function stillWorks(database: Database, folder: string, sql: string): Promise<void> {
  const files = fs.readdirSync(folder);
  if (files.length > 0) throw new Error(`${sql}: wrote ${files.join(', ')}`);
  const [[rows] = []] = (await database.query('select count(*) from transfers')).rows();
  if (typeof rows !== 'bigint') throw new Error(`${sql}: the table is gone`);
}

export const sqlTarget: Target = {
  name: 'sql',
  inputsInTests: 40,
  prepare: async (folder) => {
    const trace = openTrace(SAMPLE);
    let database = await openDatabase(trace);
    return async (random) => {
      const words = Array.from({ length: 1 + random.below(14) }, () => random.pick(SQL));
      // What COPY writes is what the user asked for.
      if (words.includes('copy') && words.includes('to')) return;
      const start = random.pick(['', '', 'select ', 'select * from ', 'from ', 'with a as (']);
      const sql = start + words.join(random.pick([' ', ' ', ' ', '', '\n']));
      try {
        (await database.query(sql, { rowsMax: 1000 })).rows();
      } catch (error) {
        if (!(error instanceof BacktrailError))
          throw new Error(`${sql}: ${String(error)}`, { cause: error });
      }
      const isChanged = /\b(?:create|drop|alter|insert|update|delete|replace)\b/.test(sql);
      if (isChanged) {
        await database.close();
        database = await openDatabase(trace);
      }
      await stillWorks(database, folder, sql);
    };
  },
};
