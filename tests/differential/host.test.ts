/**
 * Host terms against the log of the same run: where the code of a block begins is what `-d exec`
 * says was entered, and where control left is a jump instruction at exactly that address of the
 * code that `-d out_asm` shows, one that QEMU says it chained, or the one at a block's end that
 * goes through a register.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { HOST_HOWS, type HostHow, type Trace } from '@backtrail/recorder/trace';
import { describe, expect, test } from 'vitest';
import { buildGuest, ISAS, needsIsa, temporaryFolder } from '../guests/build.ts';
import { recordGuest } from '../guests/record.ts';
import { readExecLog, repetitionFree, tracedRuns } from './exec-log.ts';

const folder = temporaryFolder('host');

/** What QEMU logged of the code that it made. */
interface HostCode {
  /** By address: the instruction there, as text. */
  readonly instructions: ReadonlyMap<bigint, string>;
  /** By address: its bytes, as hex. */
  readonly bytes: ReadonlyMap<bigint, string>;
  /** By address where a block's code begins: where its last instruction is. */
  readonly lastOfBlock: ReadonlyMap<bigint, bigint>;
  /** `from>to`, addresses where code of blocks begins, of which the first jumps to the second. */
  readonly chained: ReadonlySet<string>;
}

function readHostCode(file: string): HostCode {
  const instructions = new Map<bigint, string>();
  const bytes = new Map<bigint, string>();
  const lastOfBlock = new Map<bigint, bigint>();
  const chained = new Set<string>();
  let start: bigint | null = null;
  let isInside = false;
  let last = 0n;
  for (const line of readFileSync(file, 'latin1').split('\n')) {
    const link = /^Linking TBs 0x([0-9a-f]+) index \d -> 0x([0-9a-f]+)/.exec(line);
    if (link !== null) chained.add(`${link[1]}>${link[2]}`);
    if (line.startsWith('OUT:')) {
      start = null;
      isInside = true;
    } else if (line === '') isInside = false;
    // A long instruction goes on in a line of bytes alone.
    const rest = /^0x[0-9a-f]+: {2}((?:[0-9a-f]{2} ?)+)$/.exec(line)?.[1];
    if (isInside && rest !== undefined) {
      bytes.set(last, (bytes.get(last) ?? '') + rest.replaceAll(' ', ''));
    }
    const code = /^0x([0-9a-f]+): {2}((?:[0-9a-f]{2} )+) *(\S.*)$/.exec(line);
    if (!isInside || rest !== undefined || code === null) continue;
    const at = BigInt(`0x${code[1]}`);
    last = at;
    start ??= at;
    instructions.set(at, code[3] ?? '');
    bytes.set(at, (code[2] ?? '').replaceAll(' ', ''));
    lastOfBlock.set(start, at);
  }
  return { instructions, bytes, lastOfBlock, chained };
}

/** One line for each edge whose source in host code is not what the log shows. */
function wrongSources(
  trace: Trace,
  log: HostCode,
): { wrong: string[]; count: Map<HostHow, number> } {
  const { edges, blocks } = trace;
  const wrong: string[] = [];
  const count = new Map<HostHow, number>();
  for (let edge = 0; edge < edges.count; edge++) {
    const how = HOST_HOWS[edges.hostHow[edge] ?? 0];
    if (how === undefined) continue;
    count.set(how, (count.get(how) ?? 0) + 1);
    const at = edges.hostSource[edge] ?? 0n;
    const block = edges.sourceBlock[edge] ?? 0;
    const start = blocks.hostPc[block] ?? 0n;
    const target = edges.hostTarget[edge] ?? 0n;
    const isChained = log.chained.has(`${start.toString(16)}>${target.toString(16)}`);
    const end = log.lastOfBlock.get(start) ?? 0n;
    const text = log.instructions.get(at) ?? 'nothing';
    const isRight = {
      'direct-jump': isChained && at >= start && at <= end && /^jmp +0x/.test(text),
      'indirect-jump': at >= start && at <= end && /^jmpq +\*%rax/.test(text),
      'main-loop': !isChained && edges.hasHostSource[edge] === 0,
    }[how];
    if (!isRight) wrong.push(`edge ${edge}, ${how}, 0x${at.toString(16)}: ${text}`);
  }
  return { wrong, count };
}

/** A jump to another block: QEMU changes where it leads while the guest runs. */
const isPatched = (text: string): boolean => /^jmpq? +0x/.test(text);

/** Instructions of the kept host code that are not those of the log; and how many were compared. */
function wrongCode(trace: Trace, log: HostCode): { wrong: string[]; compared: number } {
  const { blocks } = trace;
  const wrong: string[] = [];
  let compared = 0;
  for (let block = 0; block < blocks.count; block++) {
    const code = blocks.hostCode(block);
    const start = blocks.hostPc[block] ?? 0n;
    if (code?.length !== blocks.hostSize[block]) wrong.push(`block ${block}: ${code?.length}`);
    const hex = Buffer.from(code ?? []).toString('hex');
    let at = start;
    for (let found = log.bytes.get(at); found !== undefined; found = log.bytes.get(at)) {
      const offset = Number(at - start) * 2;
      const text = log.instructions.get(at) ?? '';
      const kept = hex.slice(offset, offset + found.length);
      if (kept !== found && !isPatched(text)) wrong.push(`block ${block}, ${text}: ${kept}`);
      compared++;
      at += BigInt(found.length / 2);
      if (Number(at - start) * 2 >= hex.length) break;
    }
  }
  return { wrong, compared };
}

for (const isa of ISAS) {
  const need = needsIsa(isa);
  describe.skipIf(need.missing)(`host terms, ${isa}${need.note}`, () => {
    test('targets are where the log says that blocks were entered', () => {
      const log = path.join(folder, `${isa}.exec`);
      const { trace } = recordGuest({
        program: buildGuest(isa, 'flow', folder),
        qemu: need.path,
        output: path.join(folder, `${isa}.exec.trace`),
        env: { QEMU_LOG: 'exec,nochain', QEMU_LOG_FILENAME: log },
      });
      const entered = readExecLog(log);
      const { blocks, edges } = trace;
      const known = new Set<string>();
      for (let block = 0; block < blocks.count; block++) {
        known.add(`${blocks.pc[block]} ${blocks.hostPc[block]}`);
      }
      expect(entered.filter(({ pc, hostPc }) => !known.has(`${pc} ${hostPc}`))).toEqual([]);

      // Transfer by transfer: the block entered then is the target of its edge.
      const hosts = hostsOfTransfers(trace, entered);
      const taken = trace.readSegment(0);
      const found = Array.from(taken, (edge) => edges.hostTarget[edge]);
      expect(found.length).toBeGreaterThan(10_000);
      expect(found.findIndex((host, seq) => host !== hosts[seq])).toBe(-1);
    });

    test('sources are jumps at exactly that address; the code kept is that of the log', () => {
      const log = path.join(folder, `${isa}.asm`);
      const { trace } = recordGuest({
        program: buildGuest(isa, 'flow', folder),
        qemu: need.path,
        output: path.join(folder, `${isa}.asm.trace`),
        hostCode: true,
        env: { QEMU_LOG: 'exec,out_asm', QEMU_LOG_FILENAME: log },
      });
      const logged = readHostCode(log);
      const { wrong, count } = wrongSources(trace, logged);
      expect(wrong).toEqual([]);
      const code = wrongCode(trace, logged);
      expect(code.wrong).toEqual([]);
      expect(code.compared).toBeGreaterThan(trace.blocks.count * 10);
      const isTold = trace.manifest.engine.hostIsa === 'x86_64';
      expect(count.get('direct-jump') ?? 0).toBeGreaterThan(isTold ? 300 : -1);
      expect(count.get('indirect-jump') ?? 0).toBeGreaterThan(isTold ? 50 : -1);
    });
  });
}

/** Host address of the block that each transfer of vCPU 0 arrived at, by the log. */
function hostsOfTransfers(trace: Trace, entered: ReturnType<typeof readExecLog>): bigint[] {
  const runs = tracedRuns(trace, 0);
  const isRun = repetitionFree(
    runs.map(({ pc }) => pc),
    trace,
  );
  const isEntry = repetitionFree(
    entered.map(({ pc }) => pc),
    trace,
  );
  const entries = entered.filter((_, i) => isEntry[i]);
  const hosts: bigint[] = [];
  for (const [i, run] of runs.filter((_, at) => isRun[at]).entries()) {
    hosts[run.seq] ??= entries[i]?.hostPc ?? 0n;
  }
  return hosts;
}
