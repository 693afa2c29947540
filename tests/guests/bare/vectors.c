/*
 * Goes to trap vectors in every way there is: by traps, and by itself where registers look as if a
 * trap had come. A handler right behind the instruction that is tried, vectored interrupts, a
 * handler that is called like a function, a trap return to a handler, and a handler of supervisor
 * mode that cannot be fetched. Prints what each way left in mcause and mepc.
 * Build: see build.ts
 */
#include "bare.h"

static void show(const char *what) {
  print(what);
  print(": cause ");
  print_hex(csr_read(mcause));
  print(", epc ");
  print_hex(csr_read(mepc));
  print("\n");
}

/* Nothing traps while this is the vector. */
struct frame *on_trap(struct frame *frame) {
  finish(1);
  return frame;
}

static void try_right_behind(void) {
  for (int i = 0; i < 2; i++) {
    asm volatile(
        "la t0, 1f\n csrw mtvec, t0\n csrr t1, 0x5ff\n .align 2\n 1:" ::: "t0", "t1", "memory");
    show("tried, with the handler right behind");
  }
  asm volatile(
      "la t0, 1f\n csrw mtvec, t0\n csrr t1, mhartid\n .align 2\n 1:" ::: "t0", "t1", "memory");
  show("tried what is there");
}

/* Returns to what comes after the instruction that trapped, or to its caller. */
__attribute__((naked, aligned(4))) static void handler(void) {
  asm volatile(
      "csrr t0, mcause\n li t1, 11\n beq t0, t1, 1f\n ret\n"
      "1: csrw mcause, zero\n csrr t0, mepc\n addi t0, t0, 4\n csrw mepc, t0\n mret");
}

/* The same instruction traps, then does not, with the same handler behind it. */
static void try_twice(void) {
  static uint32_t code[4] __attribute__((aligned(16))) = {0x5ff02373, 0x00008067};
  for (int i = 0; i < 2; i++) {
    asm volatile("fence.i" ::: "memory");
    csr_write(mtvec, (uint64_t)&code[1]);
    asm volatile("jalr ra, 0(%0)" ::"r"(code) : "ra", "t1", "memory");
    show(i == 0 ? "tried in memory" : "tried what is there in memory");
    code[0] = 0xf1402373; /* csrr t1, mhartid */
    csr_write(mtvec, handler);
    asm volatile(".option push\n .option norvc\n ecall\n .option pop" ::: "t0", "t1", "memory");
  }
}

static void go_to_handler(void) {
  csr_write(mtvec, handler);
  asm volatile(".option push\n .option norvc\n ecall\n .option pop" ::: "t0", "t1", "memory");
  show("called by a trap");
  handler();
  show("called like a function");
  register void (*target)(void) asm("t2") = handler;
  asm volatile("jalr ra, 0(%0)" ::"r"(target) : "ra", "t0", "t1", "memory");
  show("called through a register");
  csr_set(mstatus, MSTATUS_MPP);
  asm volatile("csrw mepc, %0\n la ra, 1f\n mret\n 1:" ::"r"(handler) : "ra", "t0", "t1", "memory");
  show("returned to");
}

/* Entry 0 for exceptions, 3 for the software interrupt. */
__attribute__((naked, aligned(256))) static void table(void) {
  asm volatile(
      ".option push\n .option norvc\n"
      "j 1f\n j 9f\n j 9f\n j 2f\n j 9f\n j 9f\n j 9f\n j 9f\n"
      "1: csrr t0, mepc\n addi t0, t0, 4\n csrw mepc, t0\n mret\n"
      "2: li t0, 0x2000000\n sw zero, 0(t0)\n mret\n"
      "9: j 9b\n .option pop");
}

static void try_vectored(void) {
  csr_clear(mstatus, MSTATUS_MIE);
  csr_write(mtvec, (uint64_t)table | 1);
  asm volatile(".option push\n .option norvc\n ecall\n .option pop" ::: "t0", "memory");
  show("exception, vectored");
  csr_set(mie, 1 << 3);
  MSIP = 1;
  asm volatile("csrsi mstatus, 8" ::: "t0", "memory");
  csr_clear(mstatus, MSTATUS_MIE);
  show("interrupt, vectored");
}

/* The call of user mode goes to supervisor mode, whose handler is nowhere. */
static void try_nested(void) {
  csr_write(pmpaddr0, ~0ul);
  csr_write(pmpcfg0, 0x1f);
  csr_write(medeleg, 1 << 8);
  csr_write(stvec, 0x40);
  csr_clear(mstatus, MSTATUS_MPP | MSTATUS_MIE);
  asm volatile(
      "la t0, 2f\n csrw mtvec, t0\n la t0, 1f\n csrw mepc, t0\n mret\n 1: ecall\n .align 2\n 2:" ::
          : "t0", "memory");
  show("a handler that is nowhere");
  print("before it: cause ");
  print_hex(csr_read(scause));
  print(", epc ");
  print_hex(csr_read(sepc));
  print("\n");
}

int main(void) {
  csr_write(mtvec, trap_entry);
  print("vectors\n");
  try_right_behind();
  try_twice();
  go_to_handler();
  try_vectored();
  try_nested();
  return 0;
}
