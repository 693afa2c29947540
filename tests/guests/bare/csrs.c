/*
 * Prints every CSR there is: what it holds, and what it holds after ones and after zeros were
 * written to it, in machine mode; then which of them supervisor and user mode may read.
 * Build: see build.ts
 */
#include "bare.h"

static volatile uint64_t cause;
/* Whether an instruction was illegal. */
static volatile int refused;
static uint64_t resume;

/* csrr a0, CSR; ret, and csrw CSR, a0; ret: written for each CSR. */
static uint32_t code[2];

struct frame *on_trap(struct frame *frame) {
  cause = csr_read(mcause);
  if (cause == 8 || cause == 9) {
    frame->x[EPC] = resume;
    frame->mstatus |= MSTATUS_MPP;
    return frame;
  }
  if (cause == 2) refused = 1;
  frame->x[EPC] += 4;
  return frame;
}

static void compile(uint32_t instruction) {
  code[0] = instruction;
  code[1] = 0x00008067;
  asm volatile("fence.i" ::: "memory");
}

static uint64_t call(uint64_t value) {
  register uint64_t a0 asm("a0") = value;
  refused = 0;
  asm volatile("jalr ra, 0(%1)" : "+r"(a0) : "r"(code) : "ra", "memory");
  return a0;
}

static int read(uint32_t csr, uint64_t *value) {
  compile(csr << 20 | 0x2573);
  *value = call(0);
  return !refused;
}

static int write(uint32_t csr, uint64_t value) {
  compile(csr << 20 | 0x51073);
  call(value);
  return !refused;
}

/* Time goes on between two looks. */
static int is_counter(uint32_t csr) {
  return (csr & ~0x83u) == 0xb00 || (csr & ~0x83u) == 0xc00;
}

static uint8_t is_there[4096];

static void show(uint32_t csr) {
  uint64_t before, value;
  if (!read(csr, &before)) return;
  is_there[csr] = 1;
  print_hex(csr);
  print(" ");
  if (is_counter(csr)) {
    print("counts");
  } else {
    print_hex(before);
  }
  /* Not the lock bits of PMP entries: nothing would undo them. */
  uint64_t ones = csr == 0x3a0 || csr == 0x3a2 ? 0x1f1f1f1f1f1f1f1f : ~0ul;
  if (!write(csr, ones)) {
    print(" read-only\n");
    return;
  }
  if (!is_counter(csr)) {
    read(csr, &value);
    print(" ones ");
    print_hex(value);
    write(csr, 0);
    read(csr, &value);
    print(" zeros ");
    print_hex(value);
    write(csr, before);
  }
  print("\n");
}

/* csrr a0, CSR; ecall, in another mode. */
static void read_in_mode(uint32_t csr, uint64_t mode) {
  compile(csr << 20 | 0x2573);
  code[1] = 0x73;
  asm volatile("fence.i" ::: "memory");
  csr_clear(mstatus, MSTATUS_MPP);
  csr_set(mstatus, mode << 11);
  csr_write(mepc, code);
  asm volatile(
      "la t0, 1f\n sd t0, 0(%0)\n mret\n 1:" ::"r"(&resume)
      : "t0", "a0", "memory");
}

static void show_modes(uint32_t csr) {
  static const char *const names[] = {"user", "supervisor"};
  if (!is_there[csr]) return;
  int is_open = 0;
  for (uint64_t mode = 0; mode < 2; mode++) {
    refused = 0;
    read_in_mode(csr, mode);
    if (refused) continue;
    if (!is_open) print_hex(csr);
    is_open = 1;
    print(" ");
    print(names[mode]);
  }
  if (is_open) print("\n");
}

int main(void) {
  csr_write(mtvec, trap_entry);
  for (uint32_t csr = 0; csr < 0x1000; csr++) show(csr);
  csr_write(pmpaddr0, ~0ul);
  csr_write(pmpcfg0, 0x1f);
  print("no counter enabled\n");
  for (uint32_t csr = 0; csr < 0x1000; csr++) show_modes(csr);
  csr_write(mcounteren, 7);
  print("counters enabled for supervisor mode\n");
  for (uint32_t csr = 0xc00; csr < 0xc20; csr++) show_modes(csr);
  csr_write(scounteren, 5);
  print("cycle and instret enabled for user mode\n");
  for (uint32_t csr = 0xc00; csr < 0xc20; csr++) show_modes(csr);
  csr_set(mstatus, 1 << 20);
  csr_set(mstatus, 1 << 13);
  for (uint32_t csr = 1; csr <= 3; csr++) is_there[csr] = 1;
  print("TVM on, float on\n");
  for (uint32_t csr = 0; csr < 0x200; csr++) show_modes(csr);
  return 0;
}
