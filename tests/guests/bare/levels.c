/*
 * Machine, supervisor and user mode together: a monitor in M keeps the timer and gives it to S as
 * software would; a kernel in S serves the calls of a task in U, and shields its own memory by PMP.
 * Prints what each level saw.
 * Build: see build.ts
 */
#include "bare.h"

enum { CALL_WRITE = 1, CALL_TIMER = 2, CALL_EXIT = 3, TICK_TICKS = 300, TICKS = 5 };

#define SIE (1ul << 1)
#define SPIE (1ul << 5)
#define SPP (1ul << 8)
#define STIP (1ul << 5)
#define MTIP (1ul << 7)
#define SSIP (1ul << 1)

/* What only machine mode may touch: one page. */
static uint64_t secret[512] __attribute__((aligned(4096)));
static uint64_t task_stack[256] __attribute__((aligned(16)));
static uint64_t kernel_stack[512] __attribute__((aligned(16)));

volatile uint64_t ticks;
volatile uint64_t software_interrupts;

void supervisor_entry(void);

static uint64_t call(uint64_t number, uint64_t argument) {
  register uint64_t a0 asm("a0") = argument;
  register uint64_t a7 asm("a7") = number;
  asm volatile("ecall" : "+r"(a0) : "r"(a7) : "memory");
  return a0;
}

/* The monitor: machine mode. */
struct frame *on_trap(struct frame *frame) {
  uint64_t cause = csr_read(mcause);
  if (cause == (INTERRUPT | 7)) {
    csr_set(mip, STIP);
    csr_clear(mie, MTIP);
    return frame;
  }
  if (cause == 9 && frame->x[A7] == CALL_TIMER) {
    MTIMECMP = MTIME + frame->x[A0];
    csr_clear(mip, STIP);
    csr_set(mie, MTIP);
    frame->x[EPC] += 4;
    return frame;
  }
  if (cause == 9 && frame->x[A7] == CALL_EXIT) finish((int)frame->x[A0]);
  print("monitor: unexpected cause ");
  print_hex(cause);
  print("\n");
  finish(1);
  return frame;
}

static void serve(struct frame *frame) {
  if (frame->x[A7] == CALL_WRITE) print((const char *)frame->x[A0]);
  if (frame->x[A7] == CALL_EXIT) {
    print("kernel: the task ends with ");
    print_number(frame->x[A0]);
    print(ticks >= TICKS ? ", enough ticks\n" : ", too few ticks\n");
    call(CALL_EXIT, 0);
  }
}

/* The kernel: supervisor mode. */
struct frame *on_supervisor_trap(struct frame *frame) {
  uint64_t cause = csr_read(scause);
  if (cause == (INTERRUPT | 5)) {
    ticks++;
    call(CALL_TIMER, TICK_TICKS);
    return frame;
  }
  if (cause == (INTERRUPT | 1)) {
    csr_clear(sip, SSIP);
    software_interrupts++;
    return frame;
  }
  if (cause == 8) {
    serve(frame);
  } else {
    print(frame->mstatus & SPP ? "kernel: in S exception " : "kernel: in U exception ");
    print_number(cause);
    print(", tval ");
    print_hex(csr_read(stval));
    print("\n");
  }
  frame->x[EPC] += (*(uint16_t *)frame->x[EPC] & 3) == 3 ? 4 : 2;
  return frame;
}

/* The task: user mode. */
static void task(void) {
  call(CALL_WRITE, (uint64_t) "task: hello\n");
  asm volatile("csrr t0, mstatus" ::: "t0");
  asm volatile("csrr t0, sstatus" ::: "t0");
  asm volatile("wfi");
  asm volatile("sret");
  asm volatile("ld t0, 0(%0)" ::"r"(secret) : "t0");
  asm volatile("sd t0, 8(%0)" ::"r"(secret) : "t0");
  asm volatile("lbu t0, 0(%0)" ::"r"(UART + 5) : "t0");
  asm volatile("ebreak");
  while (ticks < TICKS) {
  }
  call(CALL_WRITE, (uint64_t) "task: five ticks\n");
  call(CALL_EXIT, 42);
}

static void enter_task(void) {
  /* An interrupt in between would change sepc and SPP. */
  csr_clear(sstatus, SIE | SPP);
  csr_set(sstatus, SPIE);
  csr_write(sepc, task);
  csr_write(sscratch, &kernel_stack[512]);
  asm volatile("mv sp, %0\n sret" ::"r"(&task_stack[256]));
}

static void kernel(void) {
  csr_write(stvec, supervisor_entry);
  csr_write(sscratch, 0);
  print("kernel: hello\n");
  asm volatile("ld t0, 0(%0)" ::"r"(secret) : "t0");
  asm volatile("csrr t0, mie" ::: "t0");
  asm volatile("mret");
  csr_set(sie, STIP | SSIP);
  csr_set(sip, SSIP);
  csr_set(sstatus, SIE);
  print(software_interrupts == 1 ? "kernel: software interrupt\n" : "kernel: none\n");
  call(CALL_TIMER, TICK_TICKS);
  asm volatile("wfi");
  enter_task();
}

int main(void) {
  csr_write(mtvec, trap_entry);
  csr_write(medeleg, 0xb1ff);
  csr_write(mideleg, STIP | SSIP);
  csr_write(mcounteren, 7);
  /* The secret page for nobody below M, the rest for all. */
  csr_write(pmpaddr0, (uint64_t)secret >> 2 | 0x1ff);
  csr_write(pmpaddr1, ~0ul);
  csr_write(pmpcfg0, 0x1f18);
  csr_clear(mstatus, MSTATUS_MPP);
  csr_set(mstatus, 1ul << 11);
  csr_write(mepc, kernel);
  asm volatile("mv sp, %0\n mret" ::"r"(&kernel_stack[384]));
  __builtin_unreachable();
}
