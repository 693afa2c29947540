/**
 * Makes a sample trace anew: builds tests/guests/NAME.c with the line it names, records it with the
 * program as a user has it, and puts trace and expected.json into traces/vN/NAME.
 *
 *   node --conditions=backtrail-source scripts/make-sample.ts smash
 *   node --conditions=backtrail-source scripts/make-sample.ts tests/guests/riscv64/bin/smash.elf
 *
 * A built ELF file is recorded as it is, on the embedded engine.
 *
 * It runs in a folder whose name says nothing of this machine, because a trace remembers it.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { openTrace, TRACE_VERSION } from '../packages/recorder/src/trace/index.ts';
import { sampleFacts } from './sample-facts.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const WORKSHOP = '/tmp/backtrail-sample';

function run(program: string, args: readonly string[], statuses: readonly number[]): void {
  const { PATH, HOME } = process.env;
  const { status, error } = spawnSync(program, args, {
    cwd: WORKSHOP,
    stdio: 'inherit',
    env: { PATH, HOME },
  });
  if (error !== undefined) throw error;
  if (!statuses.includes(status ?? -1)) {
    throw new Error(`${program} ${args.join(' ')}: found status ${status ?? 'none'}`);
  }
}

const wanted = process.argv[2] ?? 'smash';
rmSync(WORKSHOP, { recursive: true, force: true });
mkdirSync(WORKSHOP);
const name = wanted.endsWith('.elf') ? takeBuilt(wanted) : buildHere(wanted);

/** A guest of the embedded engine, as it is in the repository. */
function takeBuilt(file: string): string {
  const folder = path.basename(path.dirname(file.replace('/bin/', '/')));
  const guest = `${folder}-${path.basename(file, '.elf')}`;
  cpSync(path.join(ROOT, file), path.join(WORKSHOP, guest));
  return guest;
}

/** A guest of this machine, built with the line in the head of its source. */
function buildHere(guest: string): string {
  const source = path.join(ROOT, 'tests/guests', `${guest}.c`);
  const line = /^ \* {3}(cc .*)$/m.exec(readFileSync(source, 'utf8'))?.[1];
  if (line === undefined) throw new Error(`${source}: found no build line " *   cc …" in its head`);
  cpSync(source, path.join(WORKSHOP, `${guest}.c`));
  const [compiler = 'cc', ...flags] = line.split(' ');
  run(compiler, flags, [0]);
  return guest;
}

const cli = path.join(ROOT, 'packages/cli/src/main.ts');
// Whatever the sample's end is, it is not 1 or 2: those are backtrail's own.
const ends = Array.from({ length: 256 }, (_, status) => status).filter((s) => s !== 1 && s !== 2);
run(process.execPath, ['--conditions=backtrail-source', cli, 'record', `./${name}`], ends);

const folder = path.join(ROOT, 'traces', `v${TRACE_VERSION}`, name);
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const trace = path.join(folder, `${name}.trace`);
cpSync(path.join(WORKSHOP, `${name}.trace`), trace, { recursive: true });
rmSync(WORKSHOP, { recursive: true });
const facts = sampleFacts(openTrace(trace));
writeFileSync(path.join(folder, 'expected.json'), `${JSON.stringify(facts, null, 2)}\n`);
