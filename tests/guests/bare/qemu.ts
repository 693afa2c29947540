/** Runs a bare-metal sample on QEMU's virt board, the oracle of the embedded engine's. */
import { spawn, spawnSync } from 'node:child_process';
import { type BareGuest, bareGuest } from './build.ts';

const TIME_MS_MAX = 20_000;

/** CSRs of extensions that the board has not would only be noise. */
const CPU: Partial<Record<BareGuest, string>> = { csrs: 'rv64,h=false,sstc=false' };

/** Whether this version printed what is recorded of the samples; later ones differ a little. */
export function isRecordedVersion(qemu: string): boolean {
  const { stdout } = spawnSync(qemu, ['--version'], { encoding: 'utf8' });
  return stdout.includes(' version 7.2.');
}

export interface QemuRun {
  readonly status: number | null;
  readonly stdout: string;
}

/** @param input sent once the sample has printed its first line. */
export function runOnQemu(qemu: string, name: BareGuest, input = ''): Promise<QemuRun> {
  const cpu = CPU[name] ?? 'rv64';
  const machine = ['-M', 'virt', '-cpu', cpu, '-bios', 'none', '-nographic'];
  const child = spawn(qemu, [...machine, '-kernel', bareGuest(name)], {
    stdio: ['pipe', 'pipe', 'ignore'],
    timeout: TIME_MS_MAX,
    killSignal: 'SIGKILL',
  });
  let stdout = '';
  child.stdout.on('data', (chunk: Buffer) => {
    // Earlier the port is not set up, and QEMU loses input that comes then.
    if (!stdout.includes('\n') && chunk.includes('\n')) child.stdin.write(input);
    stdout += chunk.toString('latin1');
  });
  child.stdin.on('error', () => {});
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, stdout }));
  });
}
