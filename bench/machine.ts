/** Where it is measured: what a reader needs in order to compare. */
import { spawnSync } from 'node:child_process';
import { readFileSync, statfsSync } from 'node:fs';
import { cpus, release, tmpdir, totalmem } from 'node:os';

const GIB = 1024 ** 3;
/** TMPFS_MAGIC of linux/magic.h. */
const TMPFS = 0x0102_1994;

function distribution(): string {
  try {
    return /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'Linux';
  } catch {
    return process.platform;
  }
}

/** First line of what a tool says of its version; null if it does not run. */
export function versionOf(tool: string): string | null {
  const { status, stdout } = spawnSync(tool, ['--version'], { encoding: 'utf8' });
  return status === 0 ? (stdout.split('\n')[0] ?? '') : null;
}

export function machine(): string {
  const model = cpus()[0]?.model ?? 'unknown';
  const qemu = /\d+(?:\.\d+)+/.exec(versionOf('qemu-x86_64') ?? '')?.[0] ?? 'none';
  return (
    `${cpus().length} processors (${model}), ${(totalmem() / GIB).toFixed(0)} GiB, ` +
    `${distribution()}, kernel ${release().split('-')[0]}, QEMU ${qemu}, ` +
    `Node ${process.versions.node}, ` +
    `files on ${statfsSync(tmpdir()).type === TMPFS ? 'a tmpfs' : 'disk'}`
  );
}

export const today = (): string => new Date().toISOString().slice(0, 10);
