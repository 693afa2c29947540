/** A Linux that boots from a kernel of Debian's (linux/fetch.sh) into linux/init.c, and ends. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { compile } from './build.ts';

export type LinuxIsa = 'x86_64' | 'aarch64' | 'riscv64';

interface Machine {
  /** Debian's name of the architecture. */
  readonly debian: string;
  readonly compiler: 'cc' | 'aarch64-linux-gnu-gcc' | 'riscv64-linux-gnu-gcc';
  readonly board: readonly string[];
  readonly console: string;
}

export const MACHINES: Readonly<Record<LinuxIsa, Machine>> = {
  x86_64: { debian: 'amd64', compiler: 'cc', board: [], console: 'ttyS0' },
  aarch64: {
    debian: 'arm64',
    compiler: 'aarch64-linux-gnu-gcc',
    board: ['-M', 'virt', '-cpu', 'cortex-a57'],
    console: 'ttyAMA0',
  },
  riscv64: {
    debian: 'riscv64',
    compiler: 'riscv64-linux-gnu-gcc',
    board: ['-M', 'virt'],
    console: 'ttyS0',
  },
};

const CACHE = process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache');
const KERNELS = process.env['BACKTRAIL_KERNELS'] ?? path.join(CACHE, 'backtrail/kernels');
const QEMUS = process.env['BACKTRAIL_QEMUS'] ?? path.join(CACHE, 'backtrail/qemus');

/** The kernel, or the line that gets it. */
export function linuxKernel(isa: LinuxIsa): { readonly path: string; readonly note: string } {
  const { debian } = MACHINES[isa];
  const file = path.join(KERNELS, debian, 'kernel');
  const note = existsSync(file)
    ? ''
    : ` (skipped, no kernel: tests/guests/linux/fetch.sh ${debian})`;
  return { path: file, note };
}

/** A newer QEMU than the installed one, or the line that gets it. */
export function newerQemu(
  version: '10' | '11',
  isa: LinuxIsa,
): { readonly path: string; readonly note: string } {
  const file = path.join(QEMUS, version, `qemu-system-${isa}`);
  const line = `tests/guests/linux/fetch-qemu.sh ${version}`;
  return { path: file, note: existsSync(file) ? '' : ` (skipped, no QEMU ${version}: ${line})` };
}

/** One file of an archive as the kernel unpacks it: the "newc" form of cpio(5). */
function entry(name: string, mode: number, content: Uint8Array, device: [number, number]): Buffer {
  const upTo4 = (bytes: number): number => -bytes & 3;
  const nameBytes = Buffer.from(`${name}\0`);
  const numbers = [0, mode, 0, 0, 1, 0, content.length, 0, 0, ...device, nameBytes.length, 0];
  const head = Buffer.from(
    `070701${numbers.map((number) => number.toString(16).padStart(8, '0')).join('')}`,
  );
  return Buffer.concat([
    head,
    nameBytes,
    Buffer.alloc(upTo4(head.length + nameBytes.length)),
    content,
    Buffer.alloc(upTo4(content.length)),
  ]);
}

const DIRECTORY = 0o040755;
const CONSOLE = 0o020600;
const PROGRAM = 0o100755;

/** Builds init and the archive with it; returns the path of the archive. */
export function buildInitrd(isa: LinuxIsa, folder: string): string {
  const source = fileURLToPath(new URL('linux/init.c', import.meta.url));
  const program = path.join(folder, `init-${isa}`);
  compile(MACHINES[isa].compiler, ['-O1', '-static', '-o', program, source]);
  const nothing = new Uint8Array(0);
  const archive = path.join(folder, `initrd-${isa}`);
  writeFileSync(
    archive,
    Buffer.concat([
      entry('dev', DIRECTORY, nothing, [0, 0]),
      entry('dev/console', CONSOLE, nothing, [5, 1]),
      entry('proc', DIRECTORY, nothing, [0, 0]),
      entry('init', PROGRAM, readFileSync(program), [0, 0]),
      entry('TRAILER!!!', 0, nothing, [0, 0]),
    ]),
  );
  return archive;
}

/** Arguments of qemu-system-ISA that boot it. */
export function bootArguments(
  isa: LinuxIsa,
  files: { readonly initrd: string; readonly serial: string },
  end: 'off' | 'crash',
): string[] {
  const { board, console: port } = MACHINES[isa];
  return [
    ...board,
    '-m',
    '512',
    '-display',
    'none',
    '-no-reboot',
    '-serial',
    `file:${files.serial}`,
    '-kernel',
    linuxKernel(isa).path,
    '-initrd',
    files.initrd,
    '-append',
    `console=${port} quiet nokaslr panic=-1 end=${end}`,
  ];
}
