/*
 * Code that changes: a function written anew again and again, a loop that patches itself while it
 * is hot, an instruction that overwrites the next one. After each change there is a fence.i.
 */
#include "tiny.h"

typedef u64 function(u64);

static void sync(void) { __asm__ volatile("fence.i" ::: "memory"); }

static u32 addi(u32 to, u32 from, i32 value) {
  return (u32)value << 20 | from << 15 | to << 7 | 0x13;
}
enum { A0 = 10, RET = 0x00008067, NOP = 0x13 };

/* A small compiler: a0 times a constant by shifts and adds, different each time. */
NOINLINE u32 emit_multiply(u32 *code, u32 factor) {
  u32 count = 0;
  code[count++] = 0x00050593; /* mv a1, a0 */
  code[count++] = 0x00000513; /* li a0, 0 */
  for (u32 bit = 0; factor >> bit != 0; bit++) {
    if (factor >> bit & 1) code[count++] = 0x00b50533; /* add a0, a0, a1 */
    code[count++] = 0x00159593;                       /* slli a1, a1, 1 */
  }
  code[count++] = RET;
  return count;
}

NOINLINE void write_anew(u32 *code, u32 rounds) {
  u64 sum = 0;
  for (u32 round = 0; round < rounds; round++) {
    emit_multiply(code, round * 7 + 1);
    sync();
    for (u64 i = 0; i < 5; i++) sum = mix(sum, ((function *)code)(i + round));
  }
  tell_hex("written anew", sum);
}

/* Hot before it changes: what was translated must be found and forgotten. */
NOINLINE void patch_hot(u32 *code, u32 runs) {
  u64 sum = 0;
  code[0] = addi(A0, A0, 1);
  code[1] = RET;
  sync();
  for (u32 change = 1; change <= 3; change++) {
    for (u32 i = 0; i < runs; i++) sum = ((function *)code)(sum);
    code[0] = addi(A0, A0, (i32)change * 100);
    sync();
  }
  tell("hot", (i64)((function *)code)(sum));
}

/*
 * In the page itself: lui a5 and sw put `addi a0, a0, 7` over the instruction behind the fence.
 * li a0, 0; loop: auipc a4, 0; sw a1, 16(a4); fence.i; [nop]; addi a2, a2, -1; bnez a2, loop; ret
 */
NOINLINE void patch_itself(u32 *code) {
  static const u32 words[] = {
      0x00000513, 0x00000717, 0x00b72623, 0x0000100f, NOP, 0xfff60613, 0xfe0616e3, RET,
  };
  memcpy(code, words, sizeof words);
  sync();
  u64 (*run)(u64, u64, u64) = (u64(*)(u64, u64, u64))code;
  tell("patched by itself", (i64)run(0, addi(A0, A0, 7), 50));
  tell("and again", (i64)run(0, addi(A0, A0, -2), 50));
}

/* Two functions in one page call each other; one is replaced while the other is hot. */
NOINLINE void replace_callee(u32 *code, u32 runs) {
  u32 *caller = code, *callee = code + 64;
  caller[0] = 0xff010113; /* addi sp, sp, -16 */
  caller[1] = 0x00113023; /* sd ra, 0(sp) */
  caller[2] = 0x0f8000ef; /* jal ra, +248: code + 64 words - 2 */
  caller[3] = 0x00013083; /* ld ra, 0(sp) */
  caller[4] = 0x01010113; /* addi sp, sp, 16 */
  caller[5] = RET;
  u64 sum = 0;
  for (u32 change = 0; change < 4; change++) {
    callee[0] = addi(A0, A0, (i32)change + 1);
    callee[1] = change & 1 ? 0x00151513 : NOP; /* slli a0, a0, 1 */
    callee[2] = RET;
    sync();
    for (u32 i = 0; i < runs; i++) sum = mix(sum, ((function *)caller)(i));
  }
  tell_hex("callee", sum);
}

/* The same address, another page: what was decoded belonged to the old one. */
NOINLINE void remap(u32 *code) {
  u64 sum = 0;
  for (u32 i = 0; i < 20; i++) {
    if (map((u64)code, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_FIXED) < 0) exit(1);
    code[0] = addi(A0, A0, (i32)i);
    code[1] = RET;
    sync();
    sum = mix(sum, ((function *)code)(i));
  }
  tell_hex("mapped anew", sum);
}

int main(int argc, char **argv) {
  u32 runs = (u32)argument(argc, argv, 1, 500);
  u32 *code = (u32 *)map(0, 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, 0);
  write_anew(code, 100);
  patch_hot(code, runs);
  patch_itself(code);
  /* The store crosses into the page behind. */
  patch_itself(code + PAGE / 4 - 4);
  replace_callee(code, runs);
  remap(code);
  return 0;
}
