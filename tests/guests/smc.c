/*
 * Code that changes: a page of writable code is rewritten and called again and again, moved to
 * other addresses, and on x86 it changes an instruction of the very block that runs.
 * Build: gcc -O1 -static -o smc smc.c
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

typedef int function(void);

/* Code that returns `value`, below 2,048. */
static size_t emit(uint8_t *at, uint32_t value) {
#if defined(__x86_64__)
  uint8_t code[] = {0xb8, (uint8_t)value, (uint8_t)(value >> 8), 0, 0, 0xc3};
#elif defined(__riscv)
  uint32_t code[] = {value << 20 | 10 << 7 | 0x13, 0x00008067}; /* addi a0, zero, value; ret */
#elif defined(__aarch64__)
  uint32_t code[] = {0x52800000 | value << 5, 0xd65f03c0}; /* movz w0, value; ret */
#endif
  memcpy(at, code, sizeof code);
  __builtin___clear_cache((char *)at, (char *)at + sizeof code);
  return sizeof code;
}

static int rewritten(uint8_t *page) {
  int sum = 0;
  for (uint32_t i = 0; i < 60; i++) {
    emit(page, i % 7 == 3 ? 5 : i);
    for (uint32_t n = 0; n <= i % 4; n++) sum += ((function *)page)();
  }
  return sum;
}

static int side_by_side(uint8_t *page) {
  uint8_t *at = page + 256;
  function *functions[20];
  int sum = 0;
  for (uint32_t i = 0; i < 20; i++) {
    functions[i] = (function *)at;
    at += (emit(at, 100 + i) + 15) / 16 * 16;
    sum += functions[i]() + functions[i / 2]();
  }
  return sum;
}

static int own_block(uint8_t *page) {
#if defined(__x86_64__)
  /* incl 2(%rip) changes the constant of the next instruction; then mov $10, %eax; ret. */
  static const uint8_t code[] = {0x90, 0xff, 0x05, 1, 0, 0, 0, 0xb8, 10, 0, 0, 0, 0xc3};
  uint8_t *at = page + 2048;
  int sum = 0;
  memcpy(at, code, sizeof code);
  for (int i = 0; i < 5; i++) sum += ((function *)at)();
  return sum;
#else
  (void)page;
  return 0;
#endif
}

int main(void) {
  int protection = PROT_READ | PROT_WRITE | PROT_EXEC, flags = MAP_PRIVATE | MAP_ANONYMOUS;
  int sum = 0;
  for (int i = 0; i < 3; i++) {
    uint8_t *page = mmap(NULL, 4096, protection, flags, -1, 0);
    if (page == MAP_FAILED) return 1;
    sum += rewritten(page) + side_by_side(page) + own_block(page);
    munmap(page, 4096);
  }
  printf("%d\n", sum);
  return 0;
}
