/** Command lines of whole machines: what is refused before anything starts, what names code. */
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { chooseEngine } from '../choose.ts';
import { EMBEDDED_DEFAULTS } from '../engine.ts';
import { imagesOf, qemuSystemEngine } from './system.ts';

const prepare = (program: string, ...args: string[]) =>
  qemuSystemEngine().prepare({ program, args, sysroot: null, embedded: EMBEDDED_DEFAULTS });

describe('a command line of a machine', () => {
  test.each([
    ['/bin/true', [], /found a program that is not called qemu-system-ISA/],
    ['qemu-riscv64', [], /not called qemu-system-ISA/],
    ['qemu-system-riscv64', ['-accel', 'kvm'], /^kvm: found an accelerator/],
    ['qemu-system-riscv64', ['-M', 'virt,accel=kvm'], /found an accelerator/],
    ['qemu-system-riscv64', ['-enable-kvm'], /found an accelerator/],
    ['qemu-system-riscv64', ['-daemonize'], /^-daemonize: found a QEMU that leaves/],
    ['qemu-system-nothing', ['-accel', 'tcg,thread=single'], /found no qemu-system-nothing/],
  ] as const)('%s %j is refused', (program, args, message) => {
    expect(() => prepare(program, ...args)).toThrow(message);
  });

  test('--syscalls beside it is refused: it would mark nothing', () => {
    const choice = { program: 'qemu-system-riscv64', args: [], sysroot: null, qemu: null };
    const machine = { engine: 'auto', system: { symbols: [] }, syscalls: true } as const;
    expect(() => chooseEngine({ ...choice, ...machine, embedded: EMBEDDED_DEFAULTS })).toThrow(
      /--syscalls: found it beside --system/,
    );
  });

  test('names its images: kernel, firmware, and what loader devices load', () => {
    const loader = 'loader,addr=0x80000000,file=/fw/b.bin';
    const args = ['-M', 'virt', '-kernel', 'a.elf', '--bios', '/fw/a.elf', '-device', loader];
    const others = ['-device', 'virtio-net-device', '-kernel', 'a.elf', '-append', 'file=x'];
    expect(imagesOf([...args, ...others])).toEqual([
      path.resolve('a.elf'),
      '/fw/a.elf',
      '/fw/b.bin',
    ]);
  });
});
