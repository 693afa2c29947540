/*
 * Four harts that interrupt each other and themselves (software and timer interrupts), call, and
 * try what is not there. Each writes down its traps; in the end hart 0 prints them, hart by hart.
 * Build: riscv64-linux-gnu-gcc -march=rv64gc -mabi=lp64d -mcmodel=medany -O1 -ffreestanding
 *   -nostdlib -static -T bare/bare.ld -o harts.elf harts.c
 */
#include "bare/bare.h"

enum { HARTS = 4, LOG = 400, ROUNDS = 60 };

struct trap {
  uint64_t cause, epc, tval;
};
static struct trap traps[HARTS][LOG];
static volatile uint64_t counts[HARTS], done;

#define MSIP_OF(hart) MMIO32(0x2000000 + 4 * (hart))
#define MTIMECMP_OF(hart) MMIO64(0x2004000 + 8 * (hart))

__asm__(
    ".section .text.start, \"ax\"\n.globl _start\n_start:\n"
    ".option push\n.option norelax\n la gp, __global_pointer$\n.option pop\n"
    " csrr a0, mhartid\n la sp, stack_top\n slli t0, a0, 12\n sub sp, sp, t0\n call hart\n"
    "1: wfi\n j 1b\n"
    ".text\n.align 2\nentry:\n addi sp, sp, -256\n"
    ".irp n, 1,5,6,7,10,11,12,13,14,15,16,17,28,29,30,31\n sd x\\n, 8*\\n(sp)\n.endr\n"
    " call on_entry\n"
    ".irp n, 1,5,6,7,10,11,12,13,14,15,16,17,28,29,30,31\n ld x\\n, 8*\\n(sp)\n.endr\n"
    " addi sp, sp, 256\n mret\n");
void entry(void);

void on_entry(void) {
  uint64_t hart = csr_read(mhartid), epc = csr_read(mepc);
  struct trap *trap = &traps[hart][counts[hart]++ % LOG];
  *trap = (struct trap){csr_read(mcause), epc, csr_read(mtval)};
  if (trap->cause == (INTERRUPT | 3)) MSIP_OF(hart) = 0;
  if (trap->cause == (INTERRUPT | 7)) MTIMECMP_OF(hart) = ~0ul;
  if (!(trap->cause & INTERRUPT)) csr_write(mepc, epc + ((*(uint16_t *)epc & 3) == 3 ? 4 : 2));
}

NOINLINE static uint64_t fibonacci(unsigned n) {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

static void report(void) {
  for (unsigned hart = 0; hart < HARTS; hart++) {
    print("hart ");
    print_number(hart);
    print("\n");
    for (uint64_t i = 0; i < counts[hart]; i++) {
      const struct trap *trap = &traps[hart][i];
      print(trap->cause & INTERRUPT ? ": interrupt " : ": exception ");
      print_number(trap->cause & 0xff);
      print(", epc ");
      print_hex(trap->epc);
      print(", tval ");
      print_hex(trap->tval);
      print("\n");
    }
  }
}

void hart(uint64_t hart) {
  csr_write(mtvec, entry);
  MTIMECMP_OF(hart) = ~0ul;
  csr_set(mie, 1 << 3 | 1 << 7);
  csr_set(mstatus, MSTATUS_MIE);
  for (unsigned round = 0; round < ROUNDS && counts[hart] < LOG - 8; round++) {
    MTIMECMP_OF(hart) = MTIME + 100;
    if (fibonacci(10 + hart) == 0) finish(2);
    MSIP_OF((hart + 1) % HARTS) = 1;
    asm volatile("ecall");
    asm volatile(".half 0");
  }
  /* At least a few interrupts each. */
  while (counts[hart] < 2 * ROUNDS + 4) {
    if (MTIMECMP_OF(hart) == ~0ul) MTIMECMP_OF(hart) = MTIME + 100;
  }
  csr_write(mie, 0);
  __atomic_fetch_add(&done, 1, __ATOMIC_SEQ_CST);
  if (hart != 0) return;
  while (done != HARTS) {
  }
  report();
  finish(counts[0] < LOG ? 0 : 1);
}
