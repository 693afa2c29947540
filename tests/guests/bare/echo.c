/*
 * Echoes what it receives, in upper case, with interrupts: the hart sleeps until the serial port
 * raises its line, and the PLIC passes it on. Ends at control D. `received` counts the bytes.
 * Build: see build.ts
 */
#include "bare.h"

enum { END = 4 };

volatile uint64_t interrupt_count;
volatile uint64_t received;
static volatile int is_over;

static void take(uint8_t byte) {
  if (byte == END) {
    is_over = 1;
    return;
  }
  received++;
  put((char)(byte >= 'a' && byte <= 'z' ? byte - 32 : byte));
}

struct frame *on_trap(struct frame *frame) {
  if (csr_read(mcause) != (INTERRUPT | 11)) {
    print("not an external interrupt\n");
    finish(1);
  }
  interrupt_count++;
  uint32_t source = MMIO32(PLIC + 0x200004);
  if (source == UART_IRQ) {
    while (!is_over && (MMIO8(UART + 5) & 1) != 0) take(MMIO8(UART));
  }
  MMIO32(PLIC + 0x200004) = source;
  return frame;
}

int main(void) {
  csr_write(mtvec, trap_entry);
  MMIO8(UART + 2) = 1;
  MMIO8(UART + 1) = 1;
  MMIO32(PLIC + 4 * UART_IRQ) = 1;
  MMIO32(PLIC + 0x2000) = 1 << UART_IRQ;
  MMIO32(PLIC + 0x200000) = 0;
  csr_write(mie, 1 << 11);
  print("echo\n");
  while (!is_over) {
    /* With interrupts off from the look to the wfi none is missed: wfi wakes all the same. */
    csr_clear(mstatus, MSTATUS_MIE);
    if (!is_over) asm volatile("wfi");
    csr_set(mstatus, MSTATUS_MIE);
  }
  print("\n");
  print_number(received);
  print(" bytes\n");
  return 0;
}
