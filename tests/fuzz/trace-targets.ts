/**
 * Traces: bytes of their files spoilt, values of their tables replaced in files that are whole, and
 * manifests with other values. Every command that reads a trace is asked about each.
 */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { runHere } from '../../packages/cli/src/io.fixture.ts';
import { ArrowKit } from '../../packages/recorder/src/trace/arrow.ts';
import type { ColumnData } from '../../packages/recorder/src/trace/columns.ts';
import { TABLES } from '../../packages/recorder/src/trace/schema.ts';
import { readTable, replaceTable } from '../../packages/recorder/src/trace/table-file.ts';
import { corner, type Random, spoilt, type Target } from './target.ts';

const SAMPLES = fileURLToPath(new URL('../../traces/v1/', import.meta.url));
const NAMES = ['riscv64-smash', 'bare-traps', 'smash', 'bare-scheduler'];

const COMMANDS: readonly (readonly string[])[] = [
  ['info'],
  ['info', '--json'],
  ['check'],
  ['crash'],
  ['crash', '--whole', '--format', 'html'],
  ['crash', '--format', 'json'],
  ['back', '-n', '300'],
  ['back', '--from', '7', '--json'],
  ['stack'],
  ['stack', '--at', '100', '--json'],
  ['last', '0x110d2', '--anywhere'],
  ['index'],
  ['query', 'select count(*), max(source), min(target_symbol) from transfers'],
  ['query', 'from hot_symbols limit 3'],
  ['query', 'from instructions order by pc limit 3'],
  ['query', 'select * from blocks, symbols limit 3'],
  ['recover'],
];

/** What a terminal would act on; a line break is ours. */
const ACTED_ON = /(?!\n)[\p{Cc}\p{Cf}\u2028\u2029]/u;

/** Asks two commands, or all; each must answer, or refuse in words. */
async function ask(trace: string, random: Random): Promise<void> {
  for (let asked = 0; asked < 3; asked++) {
    const [command = '', ...rest] = random.pick(COMMANDS);
    const { status, stdout, stderr } = await runHere([command, trace, ...rest]);
    const line = [command, ...rest].join(' ');
    if (status !== 0 && status !== 1) throw new Error(`${line}: status ${status}: ${stderr}`);
    if (/unexpected: /.test(stderr)) throw new Error(`${line}: ${stderr}`);
    if (status === 1 && stdout === '' && stderr === '') throw new Error(`${line}: said nothing`);
    if (ACTED_ON.test(stdout) || ACTED_ON.test(stderr)) throw new Error(`${line}: not harmless`);
  }
}

function copyTo(folder: string, random: Random): string {
  const name = random.pick(NAMES);
  const trace = path.join(folder, 'spoilt.trace');
  fs.rmSync(trace, { recursive: true, force: true });
  fs.cpSync(path.join(SAMPLES, name, `${name}.trace`), trace, { recursive: true });
  return trace;
}

const filesOf = (trace: string): string[] =>
  fs
    .readdirSync(trace, { recursive: true, encoding: 'utf8' })
    .filter((name) => fs.statSync(path.join(trace, name)).isFile())
    .sort()
    .map((name) => path.join(trace, name));

export const traceTarget: Target = {
  name: 'trace',
  inputsInTests: 15,
  prepare: (folder) =>
    Promise.resolve(async (random) => {
      const trace = copyTo(folder, random);
      const file = random.pick(filesOf(trace));
      fs.writeFileSync(file, spoilt(fs.readFileSync(file), random));
      await ask(trace, random);
    }),
};

/** Some values of a column become others, of which many lead nowhere. */
function replaceValues(
  column: ColumnData,
  count: number,
  isNullable: boolean,
  random: Random,
): void {
  for (let left = 1 + random.below(4); left > 0 && count > 0; left--) {
    const row = random.below(count);
    const value = corner(random);
    if (isNullable && column.valid !== null && random.below(4) === 0) {
      column.valid[row] = 1 - (column.valid[row] ?? 0);
    }
    switch (column.type) {
      case 'u16':
      case 'u32':
        column.values[row] = Number(BigInt.asUintN(32, value));
        break;
      case 'u64':
      case 'i64':
        column.values[row] = value;
        break;
      case 'code':
        // 255 stands for null.
        column.values[row] = random.pick(isNullable ? [0, 1, 2, 3, 255] : [0, 1, 2, 3]);
        break;
      case 'utf8':
      case 'binary': {
        const { bytes, offsets } = column.values;
        if (bytes.length > 0) bytes[random.below(bytes.length)] = random.below(256);
        // A longer or shorter text; the next one loses what this one gets.
        const to = offsets[row + 2] ?? offsets[row + 1] ?? 0;
        offsets[row + 1] = random.pick([offsets[row] ?? 0, to]);
      }
    }
  }
}

/** Writes one table of a trace anew, as sound as any, with other values. */
function replaceColumn(trace: string, random: Random): void {
  const tables = TABLES.filter(
    ({ name }) => name !== 'transfers' && fs.existsSync(path.join(trace, `${name}.arrow`)),
  );
  const table = random.pick(tables);
  const file = path.join(trace, `${table.name}.arrow`);
  const { rows } = readTable(file, table);
  // Columns may be views of what was read: they are ours from here on.
  const own = structuredClone(rows);
  const index = random.below(own.columns.length);
  const column = own.columns[index];
  const isNullable = table.columns[index]?.nullable === true;
  if (column !== undefined) replaceValues(column, own.count, isNullable, random);
  replaceTable(file, table, new ArrowKit(), [own]);
}

export const tablesTarget: Target = {
  name: 'tables',
  inputsInTests: 15,
  prepare: (folder) =>
    Promise.resolve(async (random) => {
      const trace = copyTo(folder, random);
      for (let left = 1 + random.below(3); left > 0; left--) replaceColumn(trace, random);
      await ask(trace, random);
    }),
};

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

/** Another value of a kind that JSON has. */
const strange = (random: Random): unknown =>
  random.pick<unknown>([
    null,
    true,
    -1,
    0,
    1.5,
    1e308,
    Number(corner(random)),
    '',
    '../../../../etc/passwd',
    'x'.repeat(10_000),
    [],
    {},
    ['a', 1],
    '\u001b]0;x\u0007',
  ]);

/** Goes down to some field and changes or removes it. */
function replaceField(value: Record<string, unknown>, random: Random): void {
  const name = random.pick(Object.keys(value));
  const inner = value[name];
  if (isObject(inner) && Object.keys(inner).length > 0 && random.below(4) > 0) {
    replaceField(inner, random);
  } else if (random.below(5) === 0) {
    Reflect.deleteProperty(value, name);
  } else {
    value[name] = strange(random);
  }
}

export const manifestTarget: Target = {
  name: 'manifest',
  inputsInTests: 30,
  prepare: (folder) =>
    Promise.resolve(async (random) => {
      const trace = copyTo(folder, random);
      const file = path.join(trace, 'manifest.json');
      const manifest: unknown = JSON.parse(fs.readFileSync(file, 'utf8'));
      if (!isObject(manifest)) throw new Error('the sample has no manifest');
      // Without one nothing is compared: a hostile one would fit.
      Reflect.deleteProperty(manifest, 'crc32');
      for (let left = 1 + random.below(3); left > 0; left--) replaceField(manifest, random);
      const isPartial = random.below(4) === 0;
      fs.rmSync(file);
      const name = isPartial ? 'manifest.partial.json' : 'manifest.json';
      fs.writeFileSync(path.join(trace, name), JSON.stringify(manifest));
      await ask(trace, random);
    }),
};
