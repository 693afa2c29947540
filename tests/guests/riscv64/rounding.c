/*
 * Floating point in all rounding modes: results, accrued flags, conversions, classes. Values that
 * matter are crossed with each other; what comes out is told as a checksum for each operation.
 */
#include "tiny.h"

static const u64 doubles[] = {
    0x0000000000000000, 0x8000000000000000, 0x3ff0000000000000, 0xbff0000000000000,
    0x3ff0000000000001, 0x3fefffffffffffff, 0x4000000000000000, 0x3fe0000000000000,
    0x7fefffffffffffff, 0xffefffffffffffff, 0x0010000000000000, 0x000fffffffffffff,
    0x0000000000000001, 0x8000000000000001, 0x7ff0000000000000, 0xfff0000000000000,
    0x7ff8000000000000, 0x7ff4000000000000, 0xfff8000000000123, 0x41dfffffffc00000,
    0xc1e0000000000000, 0x41efffffffe00000, 0x43e0000000000000, 0xc3e0000000000000,
    0x43f0000000000000, 0x36a0000000000000, 0x380fffffe0000000, 0x47efffffe0000000,
    0x47effffff0000000, 0x3ca0000000000000, 0x4330000000000001, 0x3ff8000000000000,
};

static const u32 singles[] = {
    0x00000000, 0x80000000, 0x3f800000, 0xbf800000, 0x3f800001, 0x3f7fffff, 0x40000000,
    0x7f7fffff, 0xff7fffff, 0x00800000, 0x007fffff, 0x00000001, 0x80000001, 0x7f800000,
    0xff800000, 0x7fc00000, 0x7fa00000, 0xffc00123, 0x4effffff, 0xcf000000, 0x4f800000,
    0x5f000000, 0xdf000000, 0x33800000, 0x4b000001, 0x3fc00000,
};

static const u64 integers[] = {
    0, 1, -1ul, 0x7fffffff, 0x80000000, 0xffffffff, 0x7fffffffffffffff, 0x8000000000000000,
    0x20000000000001, 0x1000001, 0xfffffffffffffbff, 0x123456789abcdef,
};

static u64 sum;
static u32 all_flags;

static double as_double(u64 bits) {
  double value;
  __asm__("fmv.d.x %0, %1" : "=f"(value) : "r"(bits));
  return value;
}

/* As a single of 32 bits, or as whatever else 64 bits hold: no box, so a NaN. */
static float as_single(u64 bits) {
  float value;
  if (bits >> 32 == 0) __asm__("fmv.w.x %0, %1" : "=f"(value) : "r"(bits));
  else __asm__("fmv.d.x %0, %1" : "=f"(value) : "r"(bits));
  return value;
}

static u64 bits_of(double value) {
  u64 bits;
  __asm__("fmv.x.d %0, %1" : "=r"(bits) : "f"(value));
  return bits;
}

static u64 bits_of_single(float value) {
  u64 bits;
  __asm__("fmv.x.d %0, %1" : "=r"(bits) : "f"(value));
  return bits;
}

static void set_mode(u32 mode) { __asm__ volatile("fsrm %0\nfsflags x0" ::"r"(mode) : "memory"); }

/* The result, and which flags it raised. */
static void add(u64 result) {
  u32 flags;
  __asm__ volatile("frflags %0\nfsflags x0" : "=r"(flags)::"memory");
  sum = mix(mix(sum, result), flags);
  all_flags |= flags;
}

#define OF_DOUBLES(a, b)                                                                  \
  for (u32 i_ = 0; i_ < COUNT(doubles); i_++)                                             \
    for (u32 j_ = 0; j_ < COUNT(doubles); j_++) {                                         \
      double a = as_double(doubles[i_]), b = as_double(doubles[j_]);
#define OF_SINGLES(a, b)                                                                  \
  for (u32 i_ = 0; i_ < COUNT(singles); i_++)                                             \
    for (u32 j_ = 0; j_ < COUNT(singles); j_++) {                                         \
      float a = as_single(singles[i_]), b = as_single(singles[j_]);

/* Written as assembly, so that no compiler folds them or moves them over a change of the mode. */
#define BINARY_D(name)                                                                    \
  static NOINLINE void name##_d(void) {                                                   \
    OF_DOUBLES(a, b)                                                                      \
      double c;                                                                           \
      __asm__ volatile(#name ".d %0, %1, %2" : "=f"(c) : "f"(a), "f"(b) : "memory");      \
      add(bits_of(c));                                                                    \
    }                                                                                     \
  }
#define BINARY_S(name)                                                                    \
  static NOINLINE void name##_s(void) {                                                   \
    OF_SINGLES(a, b)                                                                      \
      float c;                                                                            \
      __asm__ volatile(#name ".s %0, %1, %2" : "=f"(c) : "f"(a), "f"(b) : "memory");      \
      add(bits_of_single(c));                                                             \
    }                                                                                     \
  }
#define BINARY(name) BINARY_D(name) BINARY_S(name)

BINARY(fadd)
BINARY(fsub)
BINARY(fmul)
BINARY(fdiv)
BINARY(fmin)
BINARY(fmax)
BINARY(fsgnj)
BINARY(fsgnjn)
BINARY(fsgnjx)

#define COMPARE(name)                                                                     \
  static NOINLINE void name(void) {                                                       \
    u64 c;                                                                                \
    OF_DOUBLES(a, b)                                                                      \
      __asm__ volatile(#name ".d %0, %1, %2" : "=r"(c) : "f"(a), "f"(b) : "memory");      \
      add(c);                                                                             \
    }                                                                                     \
    OF_SINGLES(a, b)                                                                      \
      __asm__ volatile(#name ".s %0, %1, %2" : "=r"(c) : "f"(a), "f"(b) : "memory");      \
      add(c);                                                                             \
    }                                                                                     \
  }

COMPARE(feq)
COMPARE(flt)
COMPARE(fle)

#define FUSED(name)                                                                       \
  static NOINLINE void name(void) {                                                       \
    for (u32 k = 0; k < COUNT(doubles); k += 5) {                                         \
      double d = as_double(doubles[k]);                                                   \
      OF_DOUBLES(a, b)                                                                    \
        double c;                                                                         \
        __asm__ volatile(#name ".d %0, %1, %2, %3"                                        \
                         : "=f"(c) : "f"(a), "f"(b), "f"(d) : "memory");                  \
        add(bits_of(c));                                                                  \
      }                                                                                   \
    }                                                                                     \
    for (u32 k = 0; k < COUNT(singles); k += 5) {                                         \
      float d = as_single(singles[k]);                                                    \
      OF_SINGLES(a, b)                                                                    \
        float c;                                                                          \
        __asm__ volatile(#name ".s %0, %1, %2, %3"                                        \
                         : "=f"(c) : "f"(a), "f"(b), "f"(d) : "memory");                  \
        add(bits_of_single(c));                                                           \
      }                                                                                   \
    }                                                                                     \
  }

FUSED(fmadd)
FUSED(fmsub)
FUSED(fnmadd)
FUSED(fnmsub)

#define TO_INTEGER(type)                                                                  \
  for (u32 i = 0; i < COUNT(doubles); i++) {                                              \
    double a = as_double(doubles[i]);                                                     \
    for (u32 half = 0; half < 2; half++, a = a + 0.5) {                                   \
      u64 c;                                                                              \
      __asm__ volatile("fsflags x0\nfcvt." type ".d %0, %1" : "=r"(c) : "f"(a) : "memory"); \
      add(c);                                                                             \
    }                                                                                     \
  }                                                                                       \
  for (u32 i = 0; i < COUNT(singles); i++) {                                              \
    u64 c;                                                                                \
    float a = as_single(singles[i]);                                                      \
    __asm__ volatile("fcvt." type ".s %0, %1" : "=r"(c) : "f"(a) : "memory");             \
    add(c);                                                                               \
  }

static NOINLINE void to_integers(void) {
  TO_INTEGER("w")
  TO_INTEGER("wu")
  TO_INTEGER("l")
  TO_INTEGER("lu")
}

#define FROM_INTEGER(type)                                                                \
  for (u32 i = 0; i < COUNT(integers); i++) {                                             \
    double d;                                                                             \
    float s;                                                                              \
    __asm__ volatile("fcvt.d." type " %0, %1" : "=f"(d) : "r"(integers[i]) : "memory");   \
    add(bits_of(d));                                                                      \
    __asm__ volatile("fcvt.s." type " %0, %1" : "=f"(s) : "r"(integers[i]) : "memory");   \
    add(bits_of_single(s));                                                               \
  }

static NOINLINE void from_integers(void) {
  FROM_INTEGER("w")
  FROM_INTEGER("wu")
  FROM_INTEGER("l")
  FROM_INTEGER("lu")
}

static NOINLINE void roots_and_classes(void) {
  for (u32 i = 0; i < COUNT(doubles); i++) {
    double a = as_double(doubles[i]), c;
    float s;
    u64 class;
    __asm__ volatile("fsqrt.d %0, %1" : "=f"(c) : "f"(a) : "memory");
    add(bits_of(c));
    __asm__ volatile("fclass.d %0, %1" : "=r"(class) : "f"(a) : "memory");
    add(class);
    __asm__ volatile("fcvt.s.d %0, %1" : "=f"(s) : "f"(a) : "memory");
    add(bits_of_single(s));
  }
  for (u32 i = 0; i < COUNT(singles); i++) {
    float a = as_single(singles[i]), c;
    double d;
    u64 class;
    __asm__ volatile("fsqrt.s %0, %1" : "=f"(c) : "f"(a) : "memory");
    add(bits_of_single(c));
    __asm__ volatile("fclass.s %0, %1" : "=r"(class) : "f"(a) : "memory");
    add(class);
    __asm__ volatile("fcvt.d.s %0, %1" : "=f"(d) : "f"(a) : "memory");
    add(bits_of(d));
  }
}

/* Bits that are no single at all: every instruction of singles must read them as a NaN. */
static NOINLINE void unboxed(void) {
  for (u32 i = 2; i < COUNT(doubles); i++) {
    float a = as_single(doubles[i]), one = 1, c;
    u64 bits;
    __asm__ volatile("fadd.s %0, %1, %2" : "=f"(c) : "f"(a), "f"(one) : "memory");
    add(bits_of_single(c));
    __asm__ volatile("fsgnj.s %0, %1, %2" : "=f"(c) : "f"(a), "f"(one) : "memory");
    add(bits_of_single(c));
    __asm__ volatile("fclass.s %0, %1" : "=r"(bits) : "f"(a) : "memory");
    add(bits);
    __asm__ volatile("fmv.x.w %0, %1" : "=r"(bits) : "f"(a) : "memory");
    add(bits);
    __asm__ volatile("fmax.s %0, %1, %2" : "=f"(c) : "f"(a), "f"(one) : "memory");
    add(bits_of_single(c));
  }
}

/* The mode in the instruction itself, whatever frm says. */
static NOINLINE void static_modes(void) {
  double a = 1, b = 3, c;
  __asm__ volatile("fdiv.d %0, %1, %2, rne" : "=f"(c) : "f"(a), "f"(b) : "memory");
  add(bits_of(c));
  __asm__ volatile("fdiv.d %0, %1, %2, rtz" : "=f"(c) : "f"(a), "f"(b) : "memory");
  add(bits_of(c));
  __asm__ volatile("fdiv.d %0, %1, %2, rdn" : "=f"(c) : "f"(a), "f"(b) : "memory");
  add(bits_of(c));
  __asm__ volatile("fdiv.d %0, %1, %2, rup" : "=f"(c) : "f"(a), "f"(b) : "memory");
  add(bits_of(c));
  __asm__ volatile("fdiv.d %0, %1, %2, rmm" : "=f"(c) : "f"(a), "f"(b) : "memory");
  add(bits_of(c));
}

static const struct {
  const char *name;
  void (*run)(void);
} parts[] = {
    {"fadd.d", fadd_d},     {"fadd.s", fadd_s},     {"fsub.d", fsub_d},
    {"fsub.s", fsub_s},     {"fmul.d", fmul_d},     {"fmul.s", fmul_s},
    {"fdiv.d", fdiv_d},     {"fdiv.s", fdiv_s},     {"fmin.d", fmin_d},
    {"fmin.s", fmin_s},     {"fmax.d", fmax_d},     {"fmax.s", fmax_s},
    {"fsgnj.d", fsgnj_d},   {"fsgnj.s", fsgnj_s},   {"fsgnjn.d", fsgnjn_d},
    {"fsgnjn.s", fsgnjn_s}, {"fsgnjx.d", fsgnjx_d}, {"fsgnjx.s", fsgnjx_s},
    {"feq", feq},           {"flt", flt},           {"fle", fle},
    {"fmadd", fmadd},       {"fmsub", fmsub},       {"fnmadd", fnmadd},
    {"fnmsub", fnmsub},     {"to integers", to_integers},
    {"from integers", from_integers},               {"roots and classes", roots_and_classes},
    {"unboxed", unboxed},   {"static modes", static_modes},
};

int main(void) {
  static const char *const modes[] = {"rne", "rtz", "rdn", "rup", "rmm"};
  for (u32 mode = 0; mode < COUNT(modes); mode++) {
    say(modes[mode]);
    say_char('\n');
    for (u32 i = 0; i < COUNT(parts); i++) {
      set_mode(mode);
      sum = all_flags = 0;
      parts[i].run();
      say("  ");
      say(parts[i].name);
      say(": ");
      say_hex(sum);
      tell(", flags", all_flags);
    }
  }
  return 0;
}
