/** Which engine runs a target. */
import { readElfHeader } from '../elf/elf.ts';
import { BacktrailError } from '../errors.ts';
import { embeddedEngine } from './embedded/embedded.ts';
import type { Engine, Target } from './engine.ts';
import { findProgram } from './find-program.ts';
import { qemuEngine } from './qemu/qemu.ts';
import { imagesOf, qemuSystemEngine } from './qemu/system.ts';

export { machineIsa } from './qemu/system.ts';

export const ENGINE_NAMES = ['auto', 'embedded', 'qemu'] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

export interface EngineChoice extends Target {
  readonly engine: EngineName;
  /** QEMU to use; null: `qemu-<isa>` from PATH. */
  readonly qemu: string | null;
  /** A whole machine: `program` and `args` are a command line of qemu-system-ISA. */
  readonly system?: SystemOptions;
}

export interface SystemOptions {
  /** What names code of the machine: `FILE` or `FILE@BASE`, ELF files or lists of symbols. */
  readonly symbols: readonly string[];
}

function systemEngine({ engine, qemu, sysroot, syscalls }: EngineChoice): Engine {
  if (syscalls === true) {
    throw new BacktrailError(
      'E_SYSTEM',
      '--syscalls: found it beside --system, expected a program: to a machine a system call is ' +
        'an exception like others, and has its transfer and mark all the same. Leave it out; ' +
        'then: backtrail query TRACE "from edges where kind = \'syscall\'"',
    );
  }
  const isOther = engine === 'embedded' || qemu !== null || sysroot !== null;
  if (!isOther) return qemuSystemEngine();
  throw new BacktrailError(
    'E_SYSTEM',
    '--system: found --engine embedded, --qemu or --sysroot beside it, expected the emulator and ' +
      'all that is its own behind --. Leave the others out.',
  );
}

/** Of a whole machine: files that it was given to run; null: it is a program. */
export const machineImages = ({ system, args }: EngineChoice): readonly string[] | null =>
  system === undefined ? null : imagesOf(args);

/**
 * `auto`: the embedded engine for RV64 programs that need no loader, which is all it runs; QEMU for
 * the others, and where options are given that only QEMU has.
 * @throws BacktrailError if there is no such program or it is no ELF file.
 */
export function chooseEngine(choice: EngineChoice): Engine {
  if (choice.system !== undefined) return systemEngine(choice);
  if (choice.engine === 'embedded') return embeddedEngine();
  const isForQemu = choice.engine === 'qemu' || choice.qemu !== null || choice.sysroot !== null;
  if (isForQemu) return qemuEngine(choice.qemu);
  const header = readElfHeader(findProgram(choice.program));
  const isOurs = header.isa === 'riscv64' && header.interpreter === null;
  return isOurs ? embeddedEngine() : qemuEngine(null);
}
