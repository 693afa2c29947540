/*
 * Runs random instructions one by one and tells a checksum of all they did: registers, memory and
 * the signal they raised. argv: seed, how many, 1 to print each.
 *
 * Each lies between ebreaks in a page far from everything else. The handler of the first signal
 * (an ebreak in run_one) puts known values into all registers and goes there; that of the second
 * takes them out and comes back. The handler runs on its own stack and this program uses no gp,
 * so nothing that an instruction does to a register can hurt. System calls, fences, counters,
 * store-conditionals and jumps to themselves are left out.
 */
#include "tiny.h"

enum { CODE_AT = 0x10000000, DATA_AT = 0x14000000, DATA_PAGES = 3, AROUND = 64 };
/* Words that an instruction can reach: 2 KiB on both sides of the middle page's first bytes. */
enum { REACH_FIRST = PAGE / 2 / 8, REACH_END = (PAGE / 2 * 3 + 128) / 8 };

static u8 other_stack[16384] __attribute__((aligned(16)));
static struct ucontext kept;
static u64 seed, first_half[8], values[64], modes;
/* Changed by handlers alone, which the compiler does not see being called. */
static volatile u64 sum, signals[65];
static volatile int inside;

static u32 *const code = (u32 *)CODE_AT;

static u64 random_value(void) {
  u64 bits = chance(&seed);
  switch (bits >> 60) {
    case 0: return bits & 0xff;
    case 1: return -(bits & 0xff);
    case 2: return (u64)(i32)bits;
    case 3: return 1ul << (bits & 63);
    case 4: return 0x3ff0000000000000 + (bits & 0xf);
    case 5: return 0xffffffff00000000 | bits;
    case 6: return 0xffffffff3f800000 + (bits & 0xf);
    case 7: return 0x7ff0000000000000 | (bits & 0x8000000000000001);
    case 8: return bits & 0x800fffffffffffff;
    default: return bits;
  }
}

/* Bits that the unprivileged manual gives to something in RV64GC, most of the time. */
static u32 random_instruction(void) {
  static const u8 majors[] = {0x03, 0x07, 0x13, 0x17, 0x1b, 0x23, 0x27, 0x2f, 0x33, 0x37, 0x3b,
                              0x43, 0x47, 0x4b, 0x4f, 0x53, 0x63, 0x67, 0x6f, 0x73};
  u64 bits = chance(&seed);
  u32 word = (u32)bits;
  if (bits >> 62 == 0) return word;
  if (bits >> 62 == 1) return (word & 0xffff) | 0x90020000;
  word = (word & ~0x7fu) | majors[(bits >> 32 & 0xffff) % COUNT(majors)];
  /* Most of funct7 is nothing; 0, 1, 4, 5, 16, 20, 24, 32, 36, 48 and 52 are what there is. */
  if ((word & 0x77) == 0x33 && (bits >> 48 & 3) != 0)
    word &= bits >> 50 & 1 ? 0x03ffffff : bits >> 51 & 1 ? 0x69ffffff : 0x0bffffff;
  return word;
}

/* What would leave this program, never end, or tell the time. */
static int is_left_out(u32 word) {
  u32 major = word & 0x7f, function = word >> 12 & 7, csr = word >> 20;
  if ((word & 3) != 3) {
    u32 half = word & 0xffff;
    /* c.j, c.beqz and c.bnez by 0. */
    return (half & 0xfffd) == 0xa001 || (half & 0xdc7f) == 0xc001;
  }
  if (major == 0x73) {
    if (function == 0 || function == 4) return 1;
    return csr > 3;
  }
  if (major == 0x0f) return 1;
  /* SC: QEMU answers that it failed before it looks where it should have stored. */
  if (major == 0x2f && word >> 27 == 3) return 1;
  /* Branches and jal by 0. */
  if (major == 0x63) return (word & 0xfe000f80) == 0;
  return major == 0x6f && word >> 12 == 0;
}

static u64 data_checksum(u64 from) {
  const u64 *data = (const u64 *)DATA_AT;
  for (u32 i = REACH_FIRST; i < REACH_END; i++)
    if (data[i] != 0) from = mix(mix(from, i), data[i]);
  return from;
}

static void enter(struct ucontext *context) {
  kept = *context;
  for (u32 i = 1; i < 32; i++) context->x[i] = values[i];
  for (u32 i = 0; i < 32; i++) context->f[i] = values[32 + i];
  context->x[0] = CODE_AT + AROUND * 4;
  context->fcsr = (u32)modes;
  inside = 1;
}

static void leave(int number, const struct siginfo *info, struct ucontext *context) {
  u64 here = mix(sum, (u64)number);
  (void)info;
  for (u32 i = 0; i < 32; i++) here = mix(here, context->x[i]);
  for (u32 i = 0; i < 32; i++) here = mix(here, context->f[i]);
  here = mix(here, context->fcsr);
  sum = data_checksum(here);
  signals[number]++;
  *context = kept;
  context->x[0] += 4;
  inside = 0;
}

static void on_any(int number, struct siginfo *info, struct ucontext *context) {
  if (inside) leave(number, info, context);
  else if (number == SIGTRAP) enter(context);
  else exit(90 + number);
}

NOINLINE void run_one(u32 word) {
  u64 *data = (u64 *)DATA_AT;
  for (u32 i = REACH_FIRST; i < REACH_END; i++) data[i] = 0;
  for (u32 i = 0; i < 8; i++) data[PAGE / 8 + i] = first_half[i];
  u16 *at = (u16 *)(code + AROUND);
  at[0] = (u16)word;
  at[1] = (word & 3) == 3 ? (u16)(word >> 16) : 0x9002;
  __asm__ volatile("fence.i\n.option push\n.option norvc\nebreak\n.option pop" ::: "memory");
}

NOINLINE void prepare(void) {
  for (u32 i = 0; i < 64; i++) values[i] = random_value();
  /* Registers that loads and stores can begin with: the middle page, mostly aligned. */
  for (u32 i = 1; i < 32; i++) {
    u64 bits = chance(&seed);
    if (bits >> 62 != 0) values[i] = DATA_AT + PAGE + (bits & (bits >> 61 & 1 ? 0x38 : 0x3f));
  }
  for (u32 i = 0; i < 8; i++) first_half[i] = random_value();
  modes = chance(&seed) % 5 << 5 | (chance(&seed) & 31);
}

int main(int argc, char **argv) {
  static const int numbers[] = {SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV};
  i64 count = argument(argc, argv, 2, 2000), isLoud = argument(argc, argv, 3, 0);
  seed = (u64)argument(argc, argv, 1, 1) * 0x9e3779b97f4a7c15 + 1;
  signal_stack(other_stack, sizeof other_stack);
  if (map(CODE_AT, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_FIXED) != CODE_AT) exit(1);
  if (map(DATA_AT, DATA_PAGES * PAGE, 3, MAP_FIXED) != DATA_AT) exit(2);
  for (u32 i = 0; i < PAGE / 4; i++) code[i] = 0x90029002;
  for (u32 i = 0; i < COUNT(numbers); i++) on_signal(numbers[i], on_any, SA_ONSTACK, 0);
  for (i64 i = 0; i < count;) {
    prepare();
    u32 word = random_instruction();
    if (is_left_out(word)) continue;
    run_one(word);
    i++;
    if (!isLoud) continue;
    say_hex((word & 3) == 3 ? word : word & 0xffff);
    tell_hex("", sum);
  }
  for (u32 i = 0; i < COUNT(numbers); i++) {
    say("signal ");
    say_number(numbers[i]);
    tell("", (i64)signals[numbers[i]]);
  }
  tell_hex("sum", sum);
  return 0;
}
