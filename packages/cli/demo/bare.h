/*
 * What the bare-metal samples share: devices of QEMU's virt board and a little printing. Included
 * once by each sample, so that a sample is two files to the compiler: itself and start.S.
 */
#pragma once
#include <stdint.h>

#define NOINLINE __attribute__((noinline))

#define MMIO8(address) (*(volatile uint8_t *)(uintptr_t)(address))
#define MMIO32(address) (*(volatile uint32_t *)(uintptr_t)(address))
#define MMIO64(address) (*(volatile uint64_t *)(uintptr_t)(address))

/* hw/riscv/virt memory map. */
#define FINISHER MMIO32(0x100000)
#define MSIP MMIO32(0x2000000)
#define MTIMECMP MMIO64(0x2004000)
#define MTIME MMIO64(0x200bff8)
#define PLIC 0xc000000
#define UART 0x10000000
#define UART_IRQ 10

#define MSTATUS_MIE (1ul << 3)
#define MSTATUS_MPIE (1ul << 7)
#define MSTATUS_MPP (3ul << 11)
#define INTERRUPT (1ul << 63)

#define csr_read(name)                               \
  ({                                                 \
    uint64_t value_;                                 \
    asm volatile("csrr %0, " #name : "=r"(value_)); \
    value_;                                          \
  })
#define csr_do(op, name, value) \
  asm volatile(op " " #name ", %0" ::"r"((uint64_t)(value)) : "memory")
#define csr_write(name, value) csr_do("csrw", name, value)
#define csr_set(name, bits) csr_do("csrs", name, bits)
#define csr_clear(name, bits) csr_do("csrc", name, bits)

/* As trap_entry in start.S lays it out. x[0] is mepc. */
struct frame {
  uint64_t x[32];
  uint64_t mstatus;
  uint64_t unused;
};
enum { EPC = 0, RA = 1, SP = 2, GP = 3, A0 = 10, A1 = 11, A7 = 17 };

void trap_entry(void);

static void put(char c) {
  while ((MMIO8(UART + 5) & 0x20) == 0) {
  }
  MMIO8(UART) = (uint8_t)c;
}

static void print(const char *text) {
  for (; *text != 0; text++) put(*text);
}

__attribute__((unused)) static void print_hex(uint64_t value) {
  print("0x");
  int digits = 1;
  while (digits < 16 && (value >> (4 * digits)) != 0) digits++;
  while (digits-- > 0) put("0123456789abcdef"[(value >> (4 * digits)) & 15]);
}

__attribute__((unused)) static void print_number(uint64_t value) {
  if (value >= 10) print_number(value / 10);
  put((char)('0' + value % 10));
}

/* 0 passes; else the run fails with this status. */
void finish(int status) {
  FINISHER = status == 0 ? 0x5555u : 0x3333u | (uint32_t)status << 16;
  for (;;) {
  }
}

/* gcc calls it for structures. */
__attribute__((unused)) void *memset(void *target, int value, unsigned long bytes) {
  volatile char *at = target;
  while (bytes-- > 0) *at++ = (char)value;
  return target;
}
