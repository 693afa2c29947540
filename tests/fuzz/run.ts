/**
 * Tries inputs of the fuzz targets for some minutes, all in turn:
 *
 *   npm run fuzz -- [--minutes N] [--target NAME] [--seed N]
 *
 * --minutes N    how long; default 1
 * --target NAME  only this one
 * --seed N       the first input; alone, without --minutes, that input only
 *
 * Each target has a process of its own, of which memory is bounded; one that says nothing for a
 * minute hangs. Of each failure the line is told that brings it back. Status 0: there was none.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Random } from './target.ts';
import { TARGETS } from './targets.ts';

const THIS = fileURLToPath(import.meta.url);
const SILENCE_MS_MAX = 60_000;
const MEMORY_BYTES_MAX = 2 ** 31;
/** Failures of one target are mostly the same one. */
const FAILURES_MAX = 5;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    target: { type: 'string' },
    seed: { type: 'string' },
    child: { type: 'boolean' },
  },
});
const seed = Number(values.seed ?? Date.now() % 1_000_000_000);
const isOne = values.seed !== undefined && values.minutes === undefined;
const minutes = isOne ? 60 : Number(values.minutes ?? 1);
const targets = TARGETS.filter(({ name }) => values.target === undefined || name === values.target);

async function child(): Promise<void> {
  const [target] = targets;
  if (target === undefined) throw new Error('no such target');
  const folder = mkdtempSync(path.join(tmpdir(), 'backtrail-fuzz-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  process.on('disconnect', () => process.exit());
  const tryOne = await target.prepare(folder);
  for (let next = seed; ; next++) {
    process.send?.({ seed: next });
    try {
      await tryOne(new Random(next));
    } catch (error) {
      const cause = error instanceof Error ? (error.stack ?? error.message) : String(error);
      process.send?.({ seed: next, failure: cause.split('\n').slice(0, 12).join('\n') });
    }
    if (isOne) process.exit();
    // Messages go out between inputs.
    await new Promise((done) => setImmediate(done));
  }
}

interface Message {
  readonly seed: number;
  readonly failure?: string;
}

const isMessage = (value: unknown): value is Message =>
  typeof value === 'object' && value !== null && 'seed' in value;

function residentBytes({ pid }: ChildProcess): number {
  try {
    const [, pages = '0'] = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ');
    return Number(pages) * 4096;
  } catch {
    return 0;
  }
}

/** @returns how many failures there were. */
async function fuzz(name: string, ms: number): Promise<number> {
  const failures: string[] = [];
  let first = seed;
  const until = Date.now() + ms;
  while (Date.now() < until && failures.length < FAILURES_MAX) {
    const args = ['--child', '--target', name, '--seed', `${first}`, '--minutes', '1'];
    const one = isOne ? args.slice(0, 5) : args;
    const execArgv = ['--conditions=backtrail-source', '--disable-warning=ExperimentalWarning'];
    const process_ = fork(THIS, one, { execArgv: [...execArgv, '--max-old-space-size=1024'] });
    let at = first;
    let heardMs = Date.now();
    let end = '';
    process_.on('message', (message) => {
      if (!isMessage(message)) return;
      at = message.seed;
      heardMs = Date.now();
      if (message.failure !== undefined) failures.push(`${at}: ${message.failure}`);
      if (failures.length >= FAILURES_MAX) process_.kill('SIGKILL');
    });
    const watch = setInterval(() => {
      if (Date.now() > until) end = 'time';
      else if (Date.now() - heardMs > SILENCE_MS_MAX) end = 'hangs';
      else if (residentBytes(process_) > MEMORY_BYTES_MAX) end = 'takes more than 2 GiB of memory';
      if (end !== '') process_.kill('SIGKILL');
    }, 200);
    const [status, signal] = await new Promise<[number | null, string | null]>((done) =>
      process_.on('exit', (code, by) => done([code, by])),
    );
    clearInterval(watch);
    if (end === '' && status !== 0 && failures.length < FAILURES_MAX) {
      end = `ended with ${status ?? signal}`;
    }
    if (end !== '' && end !== 'time') failures.push(`${at}: ${end}`);
    process.stdout.write(`${name}: ${at - first + 1} inputs from ${first}\n`);
    first = at + 1;
    if (isOne) break;
  }
  for (const failure of failures) {
    const [, which = ''] = /^(\d+):/.exec(failure) ?? [];
    process.stdout.write(`FAILED: npm run fuzz -- --target ${name} --seed ${which}\n${failure}\n`);
  }
  return failures.length;
}

if (values.child === true) {
  await child();
} else if (targets.length === 0) {
  const names = TARGETS.map(({ name }) => name).join(', ');
  process.stderr.write(`--target: found ${values.target}, expected one of ${names}.\n`);
  process.exitCode = 2;
} else {
  let failed = 0;
  for (const { name } of targets) failed += await fuzz(name, (minutes * 60_000) / targets.length);
  process.exitCode = failed > 0 ? 1 : 0;
}
