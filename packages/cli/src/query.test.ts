/** `backtrail query` on the sample: where SQL comes from, which form goes where. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runHere } from './io.fixture.ts';
import { runMain, SAMPLE, temporaryFolder } from './main.fixture.ts';
import { PromptLibrary } from './prompt-library.ts';

const folder = temporaryFolder();
const SQL = "select 1 as a, 'x' as b union all select 2, null order by a";
const query = (...words: string[]) => runHere(['query', SAMPLE, ...words]);

describe('SQL comes from', () => {
  test.each([
    ['the argument', [SQL], ''],
    ['stdin, asked for', ['-'], SQL],
    ['stdin, which is no terminal', [], SQL],
  ])('%s', async (_where, words, stdin) => {
    const { status, stdout, stderr } = await runHere(
      ['query', SAMPLE, ...words, '--format', 'csv'],
      { stdin },
    );
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: 'a,b\n1,x\n2,\n', stderr: '' });
  });
});

describe('the result goes', () => {
  test.each([
    ['csv', 'a,b\n1,x\n2,\n'],
    ['json', '[\n{"a":1,"b":"x"},\n{"a":2,"b":null}\n]\n'],
  ])('to stdout as %s', async (format, text) => {
    expect((await query(SQL, '--format', format)).stdout).toBe(text);
  });

  test.each([
    ['arrow', 'ARROW1'],
    ['parquet', 'PAR1'],
  ])('to a pipe and to a file as %s, the same bytes', async (format, magic) => {
    const { stdoutBytes } = await query(`${SQL}; -- last`, '--format', format);
    expect(stdoutBytes.subarray(0, magic.length).toString()).toBe(magic);
    const path = join(folder, `result.${format}`);
    expect((await query(SQL, '-o', path)).stdout).toBe('');
    expect(readFileSync(path).equals(stdoutBytes)).toBe(true);
    const screen = await runHere(['query', SAMPLE, SQL, '--format', format], { columns: 80 });
    expect(screen.status).toBe(1);
    expect(screen.stderr).toMatch(/found a terminal, expected a file or a pipe\. Add -o FILE/);
  });

  test('of several statements as a table each, in other forms the last', async () => {
    const sql = "select ';' as a; create temp table t as select 2 as b; from t; -- end";
    expect((await query(sql)).stdout).toBe('a\n─\n;\n\nb\n─\n2\n');
    expect((await query(sql, '--format', 'csv')).stdout).toBe('b\n2\n');
  });

  test('Parquet of what an earlier statement made', async () => {
    const path = join(folder, 'view.parquet');
    const { status, stderr } = await query('create view v as select 7 as n; from v;', '-o', path);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const read = await runHere(['query', SAMPLE, '--unsafe', `from '${path}'`, '--format', 'csv']);
    expect(read.stdout).toBe('n\n7\n');
  });

  test('to a file that is replaced when the result is there, and only then', async () => {
    const place = mkdtempSync(join(folder, 'files-'));
    const path = join(place, 'old.csv');
    writeFileSync(path, 'old');
    for (const bad of ['selct', "select error('late')"]) {
      expect((await query(bad, '-o', path)).status).toBe(1);
      expect((await query(bad, '-o', join(place, 'never.parquet'))).status).toBe(1);
    }
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(readdirSync(place)).toEqual(['old.csv']);
    await query(SQL, '-o', path);
    expect(readFileSync(path, 'utf8')).toBe('a,b\n1,x\n2,\n');
  });

  test('to a device, which stays one', async () => {
    const { status } = await query(SQL, '--format', 'csv', '-o', '/dev/null');
    expect(status).toBe(0);
    expect(existsSync('/dev/null')).toBe(true);
    expect(readFileSync('/dev/null', 'utf8')).toBe('');
  });
});

test('addresses are 0x…; on a terminal a table is cut to it and the rows are counted', async () => {
  const sql = 'select source, target, source_location from edges where edge = 1';
  const plain = await query(sql);
  expect(plain.stdout).toMatch(/\n0x[0-9a-f]+ {2}0x[0-9a-f]+ {2}_start\+0x/);
  expect(plain.stderr).toBe('');
  const screen = await runHere(['query', SAMPLE, sql], { columns: 20, stdin: ' ' });
  for (const line of screen.stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(20);
  expect(screen.stderr).toBe('1 row\n');
});

describe('the prompt', () => {
  const state = join(folder, 'state');
  const talk = async (typed: string) => {
    const { Readable } = await import('node:stream');
    return await runHere(['query', SAMPLE], {
      columns: 100,
      env: { XDG_STATE_HOME: state },
      input: { isTerminal: true, stream: Readable.from([typed]) },
    });
  };

  test('takes lines until ; and goes on after an error', async () => {
    const { status, stdout, stderr } = await talk(
      "select 'a;' as x,\n 2 as y;\nselct;\n.nonsense\n.schema\n.schema modules\nselect 3 as z;\n",
    );
    expect(status).toBe(0);
    expect(stdout).toMatch(/a; +2\n/);
    expect(stdout).toMatch(/build_id +GNU build id/);
    expect(stdout).toMatch(/z\n─\n3\n/);
    expect(stderr).toMatch(/syntax error at or near "selct"/);
    expect(stderr).toMatch(/\.nonsense: no such command\. \.help lists them/);
    expect(stderr).toMatch(/\.schema: found no name, expected a table/);
  });

  test('.tables, .help and .quit', async () => {
    const { stdout } = await talk('.help\n.tables\n.quit\nselect 42 as never;\n');
    expect(stdout).toMatch(/Ctrl-C gives up/);
    expect(stdout).toMatch(/\ntransfers +table/);
    expect(stdout).not.toMatch(/\n_/);
    expect(stdout).not.toMatch(/never\n/);
  });

  test('.views and .schema say what things are, of own tables their columns', async () => {
    const { stdout } = await talk(
      '.views\n.schema call_tree\ncreate table mine as select 1 as one;\n.schema mine\n',
    );
    expect(stdout).toMatch(
      /\n {2}hot_edges +Edges that were taken, the most often taken first\.\n/,
    );
    expect(stdout).toMatch(/\n {2}last_executed_before\(address, vcpu, seq\) {2,}When/);
    expect(stdout).toMatch(/call_tree\(symbol, depth\): What a function called/);
    expect(stdout).toMatch(/\ndepth +Levels below it\.\n/);
    expect(stdout).toMatch(/\none +INTEGER\n/);
    expect(stdout).not.toMatch(/\n *_/);
  });

  test('names are completed: tables, macros with their parenthesis, columns, commands', () => {
    const library = new PromptLibrary();
    expect(library.complete('select * from hot_f')).toEqual([['hot_functions'], 'hot_f']);
    expect(library.complete('from last_executed_')).toEqual([
      ['last_executed_before('],
      'last_executed_',
    ]);
    expect(library.complete('select t.target_sy')).toEqual([['target_symbol'], 'target_sy']);
    expect(library.complete('.sch')).toEqual([['.schema'], '.sch']);
    expect(library.complete('.schema branch_b')).toEqual([['branch_bias'], 'branch_b']);
    expect(library.complete('select ')).toEqual([[], '']);
  });

  test('keeps what was typed for the next time', async () => {
    await talk('select 123;\n');
    const lines = readFileSync(join(state, 'backtrail', 'history'), 'utf8').split('\n');
    expect(lines[0]).toBe('select 123;');
    expect(lines).toContain('.quit');
  });
});

test('a query in a process of its own leaves nothing running', () => {
  const { status, stdout } = runMain(['query', SAMPLE, '--format', 'csv'], { stdin: SQL });
  expect({ status, stdout }).toEqual({ status: 0, stdout: 'a,b\n1,x\n2,\n' });
});
