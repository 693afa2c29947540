/*
 * Takes every trap that machine mode can take and writes down where, why and with which value:
 * ecall, illegal instructions, breakpoints, misaligned atomics, faults of loads, stores and jumps,
 * the timer, a software interrupt. The log is in `trap_log` for a debugger, and is printed.
 * Build: see build.ts
 */
#include "bare.h"

struct trap {
  uint64_t cause, epc, tval;
};

struct trap trap_log[64];
volatile uint64_t trap_count;
extern char _start[];

/* What the handler does with an exception: skip the instruction, or go where `resume` says. */
static uint64_t resume;

static unsigned bytes_at(uint64_t pc) { return (*(uint16_t *)pc & 3) == 3 ? 4 : 2; }

struct frame *on_trap(struct frame *frame) {
  struct trap *trap = &trap_log[trap_count++];
  trap->cause = csr_read(mcause);
  trap->epc = frame->x[EPC];
  trap->tval = csr_read(mtval);
  if (trap->cause & INTERRUPT) {
    if ((trap->cause & 0xff) == 7) MTIMECMP = ~0ul;
    if ((trap->cause & 0xff) == 3) MSIP = 0;
  } else if (resume != 0) {
    frame->x[EPC] = resume;
    resume = 0;
  } else {
    frame->x[EPC] += bytes_at(frame->x[EPC]);
  }
  return frame;
}

static void show(const char *what, uint64_t from) {
  print(what);
  if (from == trap_count) print(": no trap");
  for (; from < trap_count; from++) {
    struct trap *trap = &trap_log[from];
    print(trap->cause & INTERRUPT ? ": interrupt " : ": exception ");
    print_number(trap->cause & 0xff);
    print(", epc ");
    print_hex(trap->epc);
    print(", tval ");
    print_hex(trap->tval);
  }
  print("\n");
}

#define TRY(what, ...)           \
  do {                           \
    uint64_t from_ = trap_count; \
    asm volatile(__VA_ARGS__);   \
    show(what, from_);           \
  } while (0)

static uint64_t word[2] __attribute__((aligned(16)));

static void try_exceptions(void) {
  TRY("ecall", "ecall");
  TRY("ebreak", "ebreak");
  TRY("c.ebreak", "c.ebreak");
  TRY("16 bits of zero", ".half 0");
  TRY("all ones", ".word 0xffffffff");
  TRY("no such CSR", "csrr t0, 0x5ff" ::: "t0");
  TRY("write of a read-only CSR", "csrw mhartid, t0");
  TRY("float while mstatus.FS is 0", "fmv.d.x f0, zero");
  TRY("fcsr while mstatus.FS is 0", "frcsr t0" ::: "t0");
}

/* What atomic operations raise, QEMU 7.2 says otherwise than the specification: not here. */
static void try_memory(void) {
  uint64_t odd = (uint64_t)word + 2;
  TRY("misaligned load", "lw t0, 0(%0)" ::"r"(odd - 1) : "t0");
  TRY("misaligned lr", "lr.w t0, (%0)" ::"r"(odd) : "t0");
  TRY("load from nowhere", "ld t0, 0(%0)" ::"r"(0x40ul) : "t0");
  TRY("store to nowhere", "sd zero, 0(%0)" ::"r"(0x48ul));
  TRY("load behind RAM", "lb t0, 0(%0)" ::"r"(0x88000000ul) : "t0");
  TRY("store behind RAM", "sb t0, 0(%0)" ::"r"(0x100000000ul));
  TRY("load over the end of RAM", "ld t0, 0(%0)" ::"r"(0x87fffffcul) : "t0");
  TRY("load at the top", "ld t0, 0(%0)" ::"r"(~7ul) : "t0");
  TRY("lr from nowhere", "lr.d t0, (%0)" ::"r"(0x80ul) : "t0");
  TRY("wide load of the UART", "ld t0, 8(%0)" ::"r"((uint64_t)UART) : "t0");
}

NOINLINE static void jump_to(uint64_t target) {
  uint64_t from = trap_count;
  asm volatile("la t0, 1f\n sd t0, 0(%0)\n jr %1\n 1:" ::"r"(&resume), "r"(target)
               : "t0", "memory");
  show("jump", from);
}

static void try_interrupts(void) {
  uint64_t from = trap_count;
  csr_set(mie, 1 << 3);
  MSIP = 1;
  csr_set(mstatus, MSTATUS_MIE);
  show("software interrupt", from);

  from = trap_count;
  csr_clear(mstatus, MSTATUS_MIE);
  csr_set(mie, 1 << 7);
  MTIMECMP = MTIME + 1000;
  asm volatile("wfi");
  print((csr_read(mip) >> 7 & 1) != 0 ? "the timer woke wfi\n" : "wfi ended early\n");
  csr_set(mstatus, MSTATUS_MIE);
  show("timer interrupt", from);

  /* Both at once: the software interrupt goes first. */
  from = trap_count;
  csr_clear(mstatus, MSTATUS_MIE);
  MTIMECMP = 0;
  MSIP = 1;
  csr_set(mstatus, MSTATUS_MIE);
  show("software and timer interrupt", from);

  /* The return of a trap can let an interrupt in as well. */
  from = trap_count;
  csr_clear(mstatus, MSTATUS_MIE);
  MSIP = 1;
  csr_set(mstatus, MSTATUS_MPIE | MSTATUS_MPP);
  asm volatile("la t0, 1f\n csrw mepc, t0\n mret\n 1:" ::: "t0", "memory");
  show("software interrupt at mret", from);
}

int main(void) {
  csr_write(mtvec, trap_entry);
  print("traps\n");
  try_exceptions();
  try_memory();
  jump_to(0x40);
  jump_to(0x90000000);
  jump_to(0xdeadbeefcafeul);
  try_interrupts();
  print_number(trap_count);
  print(" traps\n");
  return 0;
}
