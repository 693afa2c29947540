/** ioctl: what programs ask a terminal. */

import { O } from '../abi.ts';
import { ERRNO, fail } from '../errno.ts';
import type { Kernel } from '../kernel.ts';
import { PID } from '../kernel.ts';
import type { Handler } from './call.ts';

/** asm-generic/ioctls.h */
const IOCTL = {
  TCGETS: 0x5401,
  TCSETS: 0x5402,
  TCSETSW: 0x5403,
  TCSETSF: 0x5404,
  TCFLSH: 0x540b,
  TIOCGPGRP: 0x540f,
  TIOCSPGRP: 0x5410,
  TIOCGWINSZ: 0x5413,
  FIONREAD: 0x541b,
  FIONBIO: 0x5421,
  FIONCLEX: 0x5450,
  FIOCLEX: 0x5451,
} as const;

/**
 * struct termios of a terminal in its usual state: iflag, oflag, cflag, lflag (4 bytes each), line
 * discipline, 19 control characters. ICRNL IXON; OPOST ONLCR; B38400 CS8 CREAD; ISIG ICANON ECHO…
 */
const TERMIOS_BYTES = 36;
const FLAGS = [0x500, 0x5, 0xbf, 0x8a3b] as const;
const CHARACTERS = [3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0] as const;
const LFLAG = 12;
const LOCAL = { signals: 1, lines: 2 } as const;

function usualTermios(): Uint8Array {
  const bytes = new Uint8Array(TERMIOS_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [index, flags] of FLAGS.entries()) view.setUint32(4 * index, flags, true);
  bytes.set(CHARACTERS, 17);
  return bytes;
}

/** What the guest sets it is told again; of it, only by lines or by characters is done. */
function setTermios(kernel: Kernel, address: bigint): number {
  const bytes = Uint8Array.from(kernel.user.input(address, TERMIOS_BYTES));
  const flags = new DataView(bytes.buffer).getUint32(LFLAG, true);
  const hasSignals = (flags & LOCAL.signals) !== 0;
  const byCharacter = hasSignals ? 'characters' : 'raw';
  kernel.termios = bytes;
  kernel.io.setTerminalMode((flags & LOCAL.lines) !== 0 ? 'lines' : byCharacter);
  return 0;
}

const ioctl: Handler = (kernel, args) => {
  const number = args.int(0);
  const file = kernel.descriptors.get(number);
  const address = args.word(2);
  const request = args.unsigned(1);
  switch (request) {
    case IOCTL.FIONREAD:
      kernel.user.store32(address, file.available());
      return 0;
    case IOCTL.FIONBIO: {
      const isOn = kernel.user.load32(address) !== 0;
      file.flags = isOn ? file.flags | O.nonBlock : file.flags & ~O.nonBlock;
      return 0;
    }
    case IOCTL.FIOCLEX:
    case IOCTL.FIONCLEX:
      kernel.descriptors.setCloseOnExec(number, request === IOCTL.FIOCLEX);
      return 0;
    default:
      return ofTerminal(kernel, request, address, file.terminal ?? fail('ENOTTY'));
  }
};

function ofTerminal(
  kernel: Kernel,
  request: number,
  address: bigint,
  size: { readonly rows: number; readonly columns: number },
): number {
  switch (request) {
    case IOCTL.TCGETS:
      kernel.user.output(address, TERMIOS_BYTES).set(kernel.termios ?? usualTermios());
      return 0;
    case IOCTL.TCSETS:
    case IOCTL.TCSETSW:
    case IOCTL.TCSETSF:
      return setTermios(kernel, address);
    case IOCTL.TCFLSH:
    case IOCTL.TIOCSPGRP:
      return 0;
    case IOCTL.TIOCGPGRP:
      kernel.user.store32(address, PID);
      return 0;
    case IOCTL.TIOCGWINSZ: {
      const view = kernel.user.outputView(address, 8);
      view.setUint16(0, size.rows, true);
      view.setUint16(2, size.columns, true);
      view.setUint32(4, 0, true);
      return 0;
    }
    default:
      return -ERRNO.ENOTTY;
  }
}

export const TERMINAL_CALLS = { ioctl } as const;
