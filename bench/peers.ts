/**
 * backtrail beside what else records a run, or counts in it: one machine, one program, many small
 * equal rounds of it. A tool that needs a thousand times as long makes fewer of them; a run of no
 * round at all is taken off, so that start and end are figures of their own.
 */
import { spawnSync } from 'node:child_process';
import { rmSync, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openTrace } from '@backtrail/recorder/trace';
import { machine, today, versionOf } from './machine.ts';
import { median, run } from './measure.ts';
import type { Part, PeerRow } from './results.ts';
import { CLI, outputOf, type Programs, TOOLS, type Tool } from './tools.ts';

const SOURCE = new URL('./guests/micro.c', import.meta.url).pathname;
const SMALL = ['-O2', '-static', '-DPART=100'];
/** So many rounds tell what one is. */
const COUNTED_ROUNDS = 20;

function build(compiler: string, into: string): string | null {
  const { status } = spawnSync(compiler, [...SMALL, '-o', into, SOURCE], { encoding: 'utf8' });
  return status === 0 ? into : null;
}

function buildPrograms(folder: string): Programs {
  const native = build('cc', join(folder, 'small'));
  if (native === null) throw new Error(`cc did not build ${SOURCE}. Run: apt-get install gcc`);
  const riscv = build('riscv64-linux-gnu-gcc', join(folder, 'small.riscv64'));
  return { native, riscv, folder };
}

async function bytesOf(output: string): Promise<number> {
  const found = statSync(output, { throwIfNoEntry: false });
  if (found === undefined) return 0;
  if (!found.isDirectory()) return found.size;
  const names = await readdir(output, { recursive: true });
  return names
    .map((name) => statSync(join(output, name)))
    .reduce((sum, entry) => sum + (entry.isFile() ? entry.size : 0), 0);
}

interface Run {
  readonly seconds: number;
  readonly bytes: number;
}

/** @throws Error with what the tool said first, if it failed. */
async function once(tool: Tool, programs: Programs, rounds: number): Promise<Run> {
  const program = tool.isa === 'x86_64' ? programs.native : programs.riscv;
  if (program === null) throw new Error('no compiler for its instruction set');
  const output = outputOf(programs, TOOLS.indexOf(tool));
  rmSync(output, { recursive: true, force: true });
  const [command = '', ...args] = tool.command(program, `${rounds}`, output);
  const { status, seconds, stderr } = await run(command, args, { ...process.env, ...tool.env });
  const bytes = await bytesOf(output);
  rmSync(output, { recursive: true, force: true });
  if (status === 0) return { seconds, bytes };
  const said = stderr.split('\n').find((line) => /\w{3}/.test(line) && !/^Error:$/.test(line));
  const plain = (said ?? `status ${status}`).replaceAll(programs.folder, '').trim();
  throw new Error(plain.replace(/^\[FATAL [^\]]*\] /, '').replace(/[;.](?:\s.*)?$/, ''));
}

type Round = Pick<PeerRow, 'roundTransfers' | 'roundInstructions'>;

/** What one round of the program is: found in a trace. */
function countRound(programs: Programs, isa: Tool['isa']): Round {
  const program = isa === 'x86_64' ? programs.native : programs.riscv;
  if (program === null) return { roundTransfers: 0, roundInstructions: 0 };
  const [none = [0, 0], some = [0, 0]] = [0, COUNTED_ROUNDS].map((rounds) => {
    const output = join(programs.folder, 'counted.trace');
    const engine = isa === 'x86_64' ? 'qemu' : 'embedded';
    const record = ['record', '-q', '--engine', engine, '-o', output, '--', program, `${rounds}`];
    const { status, stderr } = spawnSync(process.execPath, [CLI, ...record], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`backtrail ${record.join(' ')}: ${stderr}`);
    const { totals } = openTrace(output).manifest;
    rmSync(output, { recursive: true });
    return [totals.transfers, totals.instructions] as const;
  });
  return {
    roundTransfers: (some[0] - none[0]) / COUNTED_ROUNDS,
    roundInstructions: (some[1] - none[1]) / COUNTED_ROUNDS,
  };
}

async function measure(
  tool: Tool,
  programs: Programs,
  round: Round,
  isSmoke: boolean,
): Promise<PeerRow> {
  const { name, keeps, needs } = tool;
  const rounds = isSmoke ? tool.smokeRounds : tool.rounds;
  const repeats = isSmoke ? 1 : tool.repeats;
  const nothing = { startSeconds: 0, roundSeconds: 0, roundBytes: null };
  const failed = { name, keeps, rounds, repeats, ...nothing, ...round };
  if (needs !== null && versionOf(needs) === null) return { ...failed, problem: 'not installed' };
  try {
    const none: Run[] = [];
    const all: Run[] = [];
    for (let i = 0; i < repeats; i++) {
      none.push(await once(tool, programs, 0));
      if (rounds > 0) all.push(await once(tool, programs, rounds));
    }
    const typical = (runs: readonly Run[], what: keyof Run): number =>
      median(runs.map((one) => one[what]));
    const perRound = (what: keyof Run): number =>
      rounds === 0 ? 0 : Math.max(0, typical(all, what) - typical(none, what)) / rounds;
    return {
      ...failed,
      problem: null,
      startSeconds: typical(none, 'seconds'),
      roundSeconds: perRound('seconds'),
      roundBytes: tool.writes ? perRound('bytes') : null,
    };
  } catch (error) {
    // Another tool may be missing or may not work here; ours does.
    if (name.startsWith('backtrail') && round.roundTransfers > 0) throw error;
    return { ...failed, problem: error instanceof Error ? error.message : String(error) };
  }
}

export async function comparePeers(folder: string, isSmoke: boolean): Promise<Part<PeerRow>> {
  const programs = buildPrograms(folder);
  const rows: PeerRow[] = [];
  const rounds = {
    x86_64: countRound(programs, 'x86_64'),
    riscv64: countRound(programs, 'riscv64'),
  };
  for (const tool of TOOLS) {
    const row = await measure(tool, programs, rounds[tool.isa], isSmoke);
    rows.push(row);
    const found = row.problem ?? `${(row.roundSeconds * 1e6).toFixed(1)} µs a round`;
    console.log(`${row.name}: ${found}`);
  }
  return { date: today(), machine: machine(), rows };
}
