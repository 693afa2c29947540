/*
 * Looks at the board's devices from outside: which widths each register answers to, what it holds
 * at the start, and how the serial port's interrupt goes through the PLIC, told by what registers
 * say at each step. Prints all of it.
 * Build: see build.ts
 */
#include "bare.h"

static volatile uint64_t cause;

struct frame *on_trap(struct frame *frame) {
  cause = csr_read(mcause);
  frame->x[EPC] += (*(uint16_t *)frame->x[EPC] & 3) == 3 ? 4 : 2;
  return frame;
}

static uint64_t load(uint64_t address, unsigned bytes) {
  uint64_t value = 0;
  cause = 0;
  if (bytes == 1) asm volatile("lbu %0, 0(%1)" : "+r"(value) : "r"(address) : "memory");
  if (bytes == 2) asm volatile("lhu %0, 0(%1)" : "+r"(value) : "r"(address) : "memory");
  if (bytes == 4) asm volatile("lwu %0, 0(%1)" : "+r"(value) : "r"(address) : "memory");
  if (bytes == 8) asm volatile("ld %0, 0(%1)" : "+r"(value) : "r"(address) : "memory");
  return value;
}

static void store(uint64_t address, unsigned bytes, uint64_t value) {
  cause = 0;
  if (bytes == 1) asm volatile("sb %0, 0(%1)" ::"r"(value), "r"(address) : "memory");
  if (bytes == 2) asm volatile("sh %0, 0(%1)" ::"r"(value), "r"(address) : "memory");
  if (bytes == 4) asm volatile("sw %0, 0(%1)" ::"r"(value), "r"(address) : "memory");
  if (bytes == 8) asm volatile("sd %0, 0(%1)" ::"r"(value), "r"(address) : "memory");
}

/* Printing goes through the port that is looked at, so results are kept until its end. */
static struct {
  const char *what;
  uint64_t value;
} results[128];
static unsigned result_count;

static void show(const char *what, uint64_t value) {
  results[result_count].what = what;
  results[result_count++].value = value;
}

static void print_results(void) {
  for (unsigned i = 0; i < result_count; i++) {
    print(results[i].what);
    print(" ");
    print_hex(results[i].value);
    print("\n");
  }
}

/* Loads, then stores of 0, of each width that is aligned there. */
static void widths(const char *what, uint64_t address) {
  print(what);
  for (unsigned bytes = 1; bytes <= 8 && address % bytes == 0; bytes *= 2) {
    uint64_t value = load(address, bytes);
    print(cause == 0 ? " " : " fault ");
    print_hex(cause == 0 ? value : cause);
  }
  print(", stores");
  for (unsigned bytes = 1; bytes <= 8 && address % bytes == 0; bytes *= 2) {
    store(address, bytes, 0);
    print(cause == 0 ? " done" : " fault ");
    if (cause != 0) print_hex(cause);
  }
  print("\n");
}

static void show_widths(void) {
  widths("finisher", 0x100000);
  widths("finisher + 4", 0x100004);
  widths("below the finisher", 0xfffff);
  widths("msip", 0x2000000);
  widths("msip of hart 1", 0x2000004);
  widths("mtimecmp", 0x2004000);
  widths("mtimecmp + 4", 0x2004004);
  widths("mtimecmp of hart 1", 0x2004008);
  widths("behind the CLINT", 0x2010000);
  widths("priority of source 0", PLIC);
  widths("priority", PLIC + 4 * UART_IRQ);
  widths("pending", PLIC + 0x1000);
  widths("enable", PLIC + 0x2000);
  widths("enable of context 1", PLIC + 0x2080);
  widths("enable of context 2", PLIC + 0x2100);
  widths("threshold", PLIC + 0x200000);
  widths("claim", PLIC + 0x200004);
  widths("threshold of context 2", PLIC + 0x202000);
  widths("last of the PLIC", 0xc5ffffc);
  widths("behind the PLIC", 0xc600000);
  widths("LCR", UART + 3);
  widths("MCR", UART + 4);
  widths("behind the UART", UART + 8);
  widths("over the end of the UART", UART + 7);
}

static void show_uart(void) {
  for (unsigned i = 1; i < 8; i++) show("register at the start", MMIO8(UART + i));
  MMIO8(UART + 3) = 0x83;
  show("DLL", MMIO8(UART));
  show("DLM", MMIO8(UART + 1));
  MMIO8(UART) = 1;
  MMIO8(UART + 1) = 2;
  show("DLL", MMIO8(UART));
  show("DLM", MMIO8(UART + 1));
  MMIO8(UART + 3) = 3;
  for (unsigned i = 1; i < 8; i++) {
    if (i != 2 && i != 4) MMIO8(UART + i) = 0xff;
    show("register after ones", MMIO8(UART + i));
    if (i == 3) MMIO8(UART + 3) = 3;
  }
  MMIO8(UART + 1) = 0;
  show("IIR", MMIO8(UART + 2));
  MMIO8(UART + 2) = 0xc7;
  show("IIR with FIFOs", MMIO8(UART + 2));
}

/* In loopback what is sent is received, so that nothing from outside is needed. */
static void show_loopback(void) {
  MMIO8(UART + 4) = 0x1f;
  show("MSR in loopback", MMIO8(UART + 6));
  MMIO8(UART + 2) = 1;
  MMIO8(UART) = 'x';
  MMIO8(UART) = 'y';
  show("LSR", MMIO8(UART + 5));
  show("RBR", MMIO8(UART));
  show("RBR", MMIO8(UART));
  show("LSR", MMIO8(UART + 5));
  show("RBR of nothing", MMIO8(UART));
  for (unsigned i = 0; i < 17; i++) MMIO8(UART) = (uint8_t)('a' + i);
  show("LSR after 17 bytes", MMIO8(UART + 5));
  show("LSR read again", MMIO8(UART + 5));
  MMIO8(UART + 2) = 3;
  show("LSR after the FIFO was cleared", MMIO8(UART + 5));
}

static void show_line(const char *what) {
  show(what, MMIO32(PLIC + 0x1000));
  show("mip", csr_read(mip) & 0xa00);
}

static void show_plic(void) {
  /* Not bit 0: there is no source 0, which QEMU does not mind. */
  MMIO32(PLIC + 0x2000) = ~1u;
  show("enable after ones", MMIO32(PLIC + 0x2000));
  MMIO32(PLIC + 0x2000) = 1 << UART_IRQ;
  MMIO32(PLIC + 0x2080) = 1 << UART_IRQ;
  MMIO32(PLIC + 0x201000) = 2;
  MMIO32(PLIC + 0x200000) = 0;
  MMIO32(PLIC + 4 * UART_IRQ) = 15;
  show("priority after 15", MMIO32(PLIC + 4 * UART_IRQ));
  MMIO32(PLIC + 4 * UART_IRQ) = 1;
  show_line("pending, line down");
  MMIO8(UART + 1) = 1;
  MMIO8(UART) = 'z';
  show("IIR", MMIO8(UART + 2));
  show_line("pending, line up");
  MMIO32(PLIC + 4 * UART_IRQ) = 3;
  show_line("pending, priority 3");
  MMIO32(PLIC + 0x200000) = 3;
  show_line("pending, threshold 3");
  MMIO32(PLIC + 0x200000) = 0;
  show("claim", MMIO32(PLIC + 0x200004));
  show_line("pending, claimed");
  show("claim again", MMIO32(PLIC + 0x200004));
  show("RBR", MMIO8(UART));
  show("IIR", MMIO8(UART + 2));
  MMIO32(PLIC + 0x200004) = UART_IRQ;
  show_line("pending, completed");
  MMIO8(UART) = 'w';
  show_line("pending, next byte");
  show("claim for context 1", MMIO32(PLIC + 0x201004));
  show("RBR", MMIO8(UART));
  MMIO32(PLIC + 0x201004) = UART_IRQ;
  show_line("pending, completed");
  MMIO8(UART + 1) = 2;
  show_line("pending, transmitter empty");
  show("IIR", MMIO8(UART + 2));
  show("IIR read again", MMIO8(UART + 2));
  MMIO8(UART + 1) = 0;
}

int main(void) {
  csr_write(mtvec, trap_entry);
  show_widths();
  show_uart();
  show_loopback();
  show_plic();
  MMIO8(UART + 4) = 0;
  print_results();
  return 0;
}
