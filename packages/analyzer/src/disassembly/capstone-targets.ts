/** Which of Capstone's architectures and modes shows a guest, by QEMU's name for it. */

/** Values of cs_arch and cs_mode in capstone.h, version 5. */
const ARM = 0;
const ARM64 = 1;
const MIPS = 2;
const X86 = 3;
const PPC = 4;
const SPARC = 5;
const SYSZ = 6;
const M68K = 8;
const RISCV = 15;
const SH = 16;
const TRICORE = 17;

const LITTLE = 0;
const BIG = 0x8000_0000;
const MODE_32 = 1 << 2;
const MODE_64 = 1 << 3;
const ARM_THUMB = 1 << 4;
const ARM_V8 = 1 << 6;
const SPARC_V9 = 1 << 4;
const M68K_040 = 1 << 5;
const RISCV32_C = (1 << 0) | (1 << 2);
const RISCV64_C = (1 << 1) | (1 << 2);
const SH4A_FPU = (1 << 5) | (1 << 6);
const TRICORE_162 = 1 << 7;

export interface CapstoneTarget {
  readonly architecture: number;
  readonly mode: number;
  /** Bytes to skip where nothing can be decoded: the alignment of instructions. */
  readonly unitBytes: number;
  /** Mode of code that has two-byte instructions, where the guest has two instruction sets. */
  readonly halfwordMode: number | null;
  readonly intelSyntax: boolean;
  /** What branches is shown with what is in its delay slot. */
  readonly hasSlots: boolean;
  /** Direct targets are printed as distances. */
  readonly relative: boolean;
}

type Row = readonly [architecture: number, mode: number, unitBytes: number];

/** m68k needs no byte order; mipsn32 is the 64-bit instruction set with 32-bit addresses. */
const ROWS: Readonly<Record<string, Row>> = {
  x86_64: [X86, MODE_64, 1],
  i386: [X86, MODE_32, 1],
  riscv64: [RISCV, RISCV64_C, 2],
  riscv32: [RISCV, RISCV32_C, 2],
  aarch64: [ARM64, LITTLE, 4],
  aarch64_be: [ARM64, LITTLE, 4],
  arm: [ARM, ARM_V8, 4],
  // Code of BE-8 guests, the only big-endian kind since ARMv6, is little-endian.
  armeb: [ARM, ARM_V8, 4],
  mips: [MIPS, (MODE_32 | BIG) >>> 0, 4],
  mipsel: [MIPS, MODE_32, 4],
  mips64: [MIPS, (MODE_64 | BIG) >>> 0, 4],
  mips64el: [MIPS, MODE_64, 4],
  mipsn32: [MIPS, (MODE_64 | BIG) >>> 0, 4],
  mipsn32el: [MIPS, MODE_64, 4],
  ppc: [PPC, (MODE_32 | BIG) >>> 0, 4],
  ppc64: [PPC, (MODE_64 | BIG) >>> 0, 4],
  ppc64le: [PPC, MODE_64, 4],
  sparc: [SPARC, BIG, 4],
  sparc32plus: [SPARC, (SPARC_V9 | BIG) >>> 0, 4],
  sparc64: [SPARC, (SPARC_V9 | BIG) >>> 0, 4],
  s390x: [SYSZ, BIG, 2],
  m68k: [M68K, (M68K_040 | BIG) >>> 0, 2],
  sh4: [SH, SH4A_FPU, 2],
  sh4eb: [SH, (SH4A_FPU | BIG) >>> 0, 2],
  tricore: [TRICORE, TRICORE_162, 2],
};

/** Null where Capstone cannot show the guest, e.g. `loongarch64`, `alpha`, `hppa`. */
export function capstoneTarget(isa: string): CapstoneTarget | null {
  const row = Object.hasOwn(ROWS, isa) ? ROWS[isa] : undefined;
  if (row === undefined) return null;
  const [architecture, mode, unitBytes] = row;
  return {
    architecture,
    mode,
    unitBytes,
    halfwordMode: architecture === ARM ? (mode | ARM_THUMB) >>> 0 : null,
    intelSyntax: architecture === X86,
    hasSlots: [MIPS, SH, SPARC].includes(architecture),
    relative: architecture === RISCV,
  };
}
