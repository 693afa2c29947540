/**
 * Ends of whole machines in a flight recorder: asked to end, and killed. The ring has the last
 * transfers, and they are sound.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { openTrace, type Trace } from '@backtrail/recorder/trace';
import { describe, expect, test } from 'vitest';
import { checkTrace } from '../../packages/analyzer/src/check.ts';
import { temporaryFolder } from '../guests/build.ts';
import { guestEnvironment, RECORD_PROCESS } from '../guests/record.ts';
import { machineOptions } from '../guests/system.ts';
import { needsAll } from '../require.ts';
import { SOURCE_ARGUMENTS } from '../source-process.ts';
import { transfersOf } from './system-log.ts';

const folder = temporaryFolder('system-ends');
const need = needsAll('qemu-system-riscv64', 'cc');
/** What the guest prints once it has made TRANSFERS_MIN transfers; then it spins for ever. */
const WORD = '!';
const TRANSFERS_MIN = 131_071;
const RING_BYTES = 65_536;

/** lui a0,UART; li a1,'!'; lui a2,0x20; 1: addi a2,a2,-1; bnez a2,1b; sb a1,0(a0); 2: j 2b */
const CODE = [
  '0x0210059310000537',
  '0xfff6061300020637',
  '0x00b50023fe061ee3',
  '0x000000000000a001',
];
const LOADERS = CODE.flatMap((data, i) => {
  return ['-device', `loader,addr=${0x8000_0000 + 8 * i},data=${data},data-len=8`];
});

/** @param stop ends the machine, given the process that records it. */
async function recordUntil(name: string, stop: (recorder: number) => void): Promise<Trace> {
  const board = ['-M', 'virt', '-bios', 'none', '-display', 'none', '-serial', 'stdio'];
  const args = [...board, ...LOADERS];
  const output = path.join(folder, `${name}.trace`);
  const run = { qemu: need.path, args, output, keep: 'last', ringBytes: RING_BYTES } as const;
  const node = [...SOURCE_ARGUMENTS, RECORD_PROCESS, JSON.stringify(machineOptions(run))];
  const child = spawn(process.execPath, node, {
    env: guestEnvironment(),
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const had = text.includes(WORD);
    text += chunk.toString('latin1');
    if (!had && text.includes(WORD)) stop(child.pid ?? 0);
  });
  const closed: unknown[] = await once(child, 'close');
  expect(closed[0]).toBe(0);
  return openTrace(output);
}

/** Linux: proc_pid_children(5). */
function emulatorOf(recorder: number): number {
  return Number(readFileSync(`/proc/${recorder}/task/${recorder}/children`, 'latin1').trim());
}

describe.skipIf(need.missing)(`ends of whole machines, the last transfers kept${need.note}`, () => {
  test.each([
    {
      name: 'asked to end',
      stop: (recorder: number): void => void process.kill(recorder, 'SIGTERM'),
      end: { how: 'exit', status: 0 },
    },
    {
      name: 'killed',
      stop: (recorder: number): void => void process.kill(emulatorOf(recorder), 'SIGKILL'),
      end: { how: 'signal', signal: 'SIGKILL', number: 9 },
    },
  ])('$name', async ({ name, stop, end }) => {
    const trace = await recordUntil(name, stop);
    const { manifest } = trace;
    expect(trace.state).toBe('complete');
    expect(manifest.end).toEqual(end);
    const kept = transfersOf(trace, 0).length;
    expect(kept).toBeGreaterThan(0);
    expect(kept).toBeLessThanOrEqual(2 * (RING_BYTES / 4));
    expect(trace.seqEnd(0)).toBe(manifest.losses.overwritten + kept);
    expect(trace.seqEnd(0)).toBeGreaterThan(TRANSFERS_MIN);
    expect(checkTrace(trace).findings).toEqual([]);
  });
});
