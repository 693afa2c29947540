/** Times whole processes, as a user waits for them. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface Measured {
  readonly seconds: number;
  readonly status: number;
  /** Largest resident size seen, bytes; sampled, so a peak between samples is missed. */
  readonly residentBytesMax: number;
  readonly stdout: string;
  readonly stderr: string;
}

const SAMPLE_MS = 50;

/** High-water mark of a process that runs, bytes; 0 if it is gone. */
export function residentBytes(pid: number): number {
  try {
    const kib = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
    return Number(kib ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** Processor time of a process' first thread so far, ms; 0 if it is gone, or not told here. */
export function processorMs(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ')[0]) / 1e6;
  } catch {
    return 0;
  }
}

/** Runs a command to its end. `env` replaces PATH-like settings where given. */
export async function run(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<Measured> {
  const started = performance.now();
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  let [stdout, stderr] = ['', ''];
  let residentBytesMax = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    if (stdout.length < 100_000) stdout += chunk.toString('latin1');
  });
  child.stderr.on('data', (chunk: Buffer) => {
    if (stderr.length < 100_000) stderr += chunk.toString('latin1');
  });
  const sample = setInterval(() => {
    // VmHWM is the kernel's own high-water mark: the last sample before the end holds the peak.
    residentBytesMax = Math.max(residentBytesMax, residentBytes(child.pid ?? 0));
  }, SAMPLE_MS);
  const status = await new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 255));
  });
  clearInterval(sample);
  const seconds = (performance.now() - started) / 1000;
  return { seconds, status, residentBytesMax, stdout, stderr };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const high = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? high : (high + (sorted[middle - 1] ?? high)) / 2;
}

export function geomean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}
