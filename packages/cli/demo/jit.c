/*
 * A till that compiles its price rules, each when it is first needed: the second program of
 * `demo --files`. Each order is priced by compiled code, and by C to be sure.
 *
 * compile_till() emits a function that calls the rule of an item. At first each of these calls goes
 * to a stub, that comes here (link_rule), the rule is compiled, and patch_call() makes the call go
 * straight to it from then on. So a rule runs right the first time, whatever patch_call does.
 */
#include "tiny.h"

enum { ITEMS = 22, WORDS = 1024 };
enum { ZERO = 0, RA = 1, SP = 2, T0 = 5, A0 = 10, A1 = 11, A2 = 12 };
enum { JAL = 0x6f, RET = 0x00008067 };

struct rule {
  const char *name;
  i32 price, fee;
};

static const struct rule rules[ITEMS] = {
    {"milk", 129, 0},       {"bread", 389, 0},    {"butter", 279, 0},
    {"jam", 345, 25},       {"honey", 799, 25},   {"flour", 119, 0},
    {"salt", 59, 0},        {"rice", 249, 0},     {"lentils", 319, 0},
    {"oats", 189, 0},       {"apples", 349, 3},   {"pears", 399, 3},
    {"plums", 449, 3},      {"carrots", 149, 3},  {"leeks", 229, 3},
    {"onions", 179, 3},     {"mustard", 235, 25}, {"pickles", 365, 25},
    {"vinegar", 275, 25},   {"oil", 1099, 25},    {"chocolate", 999, 5},
    {"coffee", 1679, 5},
};

typedef i64 till(i64 quantity, u64 item);

/* Memory that may be written and run. */
extern u32 code[WORDS];
__asm__(".section .jit, \"awx\", @nobits\n.balign 4096\n"
        "code:\n.zero 4096\n.text\n");

static u32 *code_end = code;
static u32 *round_up;

void jit_link(void);

static u32 *emit(u32 word) {
  if (code_end == code + WORDS) exit(2);
  *code_end = word;
  return code_end++;
}

/* Instructions: RISC-V Unprivileged ISA, chapters 2 and 24. */
static u32 addi(u32 to, u32 from, i32 value) {
  return (u32)value << 20 | from << 15 | to << 7 | 0x13;
}
static u32 slli(u32 to, u32 from, u32 by) {
  return by << 20 | from << 15 | 1 << 12 | to << 7 | 0x13;
}
static u32 add(u32 to, u32 a, u32 b) { return b << 20 | a << 15 | to << 7 | 0x33; }
static u32 bne(u32 a, u32 b, u32 over) { return b << 20 | a << 15 | 1 << 12 | over << 7 | 0x63; }
static u32 jal(u32 to, const void *from, const void *target) {
  u32 offset = (u32)((u64)target - (u64)from);
  return (offset >> 20 & 1) << 31 | (offset >> 1 & 0x3ff) << 21 | (offset >> 11 & 1) << 20 |
         (offset >> 12 & 0xff) << 12 | to << 7 | JAL;
}

static void emit_prologue(void) {
  emit(addi(SP, SP, -16));
  emit(0x00113023); /* sd ra, 0(sp) */
}

static void emit_epilogue(void) {
  emit(0x00013083); /* ld ra, 0(sp) */
  emit(addi(SP, SP, 16));
  emit(RET);
}

/* Code that was written may be run. */
static void sync_code(void) { __asm__ volatile("fence.i" ::: "memory"); }

/* Makes the call at `site` go to `target`, which lies behind it. */
NOINLINE static void patch_call(u32 *site, const u32 *target) {
  u32 offset = (u32)((u64)target - (u64)site);
  *site = (offset >> 20 & 1) << 31 | (offset >> 1 & 0x3ff) << 21 | (offset >> 12 & 0xff) << 12 |
          RA << 7 | JAL;
  sync_code();
}

/* quantity * price + fee, by shifts and adds, then to a multiple of five. */
NOINLINE static const u32 *compile_rule(const struct rule *rule) {
  const u32 *start = code_end;
  emit_prologue();
  emit(addi(A2, A0, 0));
  emit(addi(A0, ZERO, 0));
  for (i32 rest = rule->price; rest != 0; rest >>= 1) {
    if (rest & 1) emit(add(A0, A0, A2));
    emit(slli(A2, A2, 1));
  }
  emit(addi(A0, A0, rule->fee));
  emit(jal(RA, code_end, round_up));
  emit_epilogue();
  sync_code();
  return start;
}

/* A stub was called: compiles the rule and says where it is. `back` is behind the call. */
__attribute__((used)) static const u32 *link_rule(u64 item, u32 *back) {
  const u32 *start = compile_rule(&rules[item]);
  patch_call(back - 1, start);
  return start;
}

/* From a stub, the item in t0: link_rule, then to the rule as if it had been called. */
__asm__(".globl jit_link\n.type jit_link, @function\njit_link:\n"
        "addi sp, sp, -16\nsd ra, 0(sp)\nsd a0, 8(sp)\n"
        "mv a0, t0\nmv a1, ra\ncall link_rule\nmv t1, a0\n"
        "ld ra, 0(sp)\nld a0, 8(sp)\naddi sp, sp, 16\njr t1\n.size jit_link, .-jit_link\n");

/* a0 up to a multiple of 5: by taking away as much as fits. */
static void compile_round_up(void) {
  round_up = code_end;
  emit(addi(T0, ZERO, 5));
  emit(addi(A0, A0, 4));
  emit(0x025567b3); /* rem a5, a0, t0 */
  emit(0x40f50533); /* sub a0, a0, a5 */
  emit(RET);
}

/* a0: how many, a1: of which item. */
static till *compile_till(void) {
  u32 *calls[ITEMS];
  u32 *start = code_end;
  emit_prologue();
  for (u32 item = 0; item < ITEMS; item++) {
    emit(addi(T0, ZERO, (i32)item));
    emit(bne(A1, T0, 8));
    calls[item] = emit(0);
  }
  emit_epilogue();
  for (u32 item = 0; item < ITEMS; item++) {
    *calls[item] = jal(RA, calls[item], code_end);
    emit(addi(T0, ZERO, (i32)item));
    emit(jal(ZERO, code_end, jit_link));
  }
  sync_code();
  return (till *)(u64)start;
}

static i64 price_in_c(const struct rule *rule, i64 quantity) {
  return (quantity * rule->price + rule->fee + 4) / 5 * 5;
}

NOINLINE static void price_order(till *price, u32 item, i64 quantity) {
  i64 compiled = price(quantity, item);
  if (compiled == price_in_c(&rules[item], quantity)) return;
  say_number(quantity);
  say_char(' ');
  say(rules[item].name);
  tell(": compiled code says", compiled);
  tell("it should be", price_in_c(&rules[item], quantity));
  exit(1);
}

int main(void) {
  compile_round_up();
  till *price = compile_till();
  for (u32 order = 0; order < 3 * ITEMS; order++) price_order(price, order / 3, order % 3 + 1);
  say("all prices are right\n");
  return 0;
}
