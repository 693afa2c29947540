/*
 * What a small program needs of Linux, without a C library: a start, system calls, printing, the
 * few functions that the compiler calls by itself. Include it in the one source of the program.
 *
 * Benchmarks are built for the machine itself from the same source; so the part up to "signals"
 * knows x86-64 and AArch64 besides RISC-V.
 */
#ifndef TINY_H
#define TINY_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;
typedef int i32;
typedef long i64;
typedef u64 size_t;

#define NULL ((void *)0)
#define NOINLINE __attribute__((noinline))
#define MAYBE __attribute__((unused)) static
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#if defined(__x86_64__)
enum { SYS_write = 1, SYS_exit_group = 231 };
#else
/* The numbers of all newer kinds of machine: include/uapi/asm-generic/unistd.h. */
enum {
  SYS_write = 64,
  SYS_exit_group = 94,
  SYS_setitimer = 103,
  SYS_kill = 129,
  SYS_sigaltstack = 132,
  SYS_rt_sigaction = 134,
  SYS_rt_sigprocmask = 135,
  SYS_getpid = 172,
  SYS_munmap = 215,
  SYS_clone = 220,
  SYS_mmap = 222,
  SYS_mprotect = 226,
  SYS_wait4 = 260,
};
#endif

MAYBE i64 syscall6(i64 number, i64 a, i64 b, i64 c, i64 d, i64 e, i64 f) {
#if defined(__riscv)
  register i64 a7 __asm__("a7") = number;
  register i64 a0 __asm__("a0") = a;
  register i64 a1 __asm__("a1") = b;
  register i64 a2 __asm__("a2") = c;
  register i64 a3 __asm__("a3") = d;
  register i64 a4 __asm__("a4") = e;
  register i64 a5 __asm__("a5") = f;
  __asm__ volatile("ecall"
                   : "+r"(a0)
                   : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5)
                   : "memory");
  return a0;
#elif defined(__aarch64__)
  register i64 x8 __asm__("x8") = number;
  register i64 x0 __asm__("x0") = a;
  register i64 x1 __asm__("x1") = b;
  register i64 x2 __asm__("x2") = c;
  register i64 x3 __asm__("x3") = d;
  register i64 x4 __asm__("x4") = e;
  register i64 x5 __asm__("x5") = f;
  __asm__ volatile("svc 0"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                   : "memory");
  return x0;
#else
  register i64 r10 __asm__("r10") = d;
  register i64 r8 __asm__("r8") = e;
  register i64 r9 __asm__("r9") = f;
  i64 result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
#endif
}

MAYBE i64 syscall3(i64 number, i64 a, i64 b, i64 c) { return syscall6(number, a, b, c, 0, 0, 0); }

/* ---- printing: a line at a time ---------------------------------------------------------- */

static char line[512];
static u32 line_length;

MAYBE NOINLINE void flush(void) {
  u32 done = 0;
  while (done < line_length) {
    i64 written = syscall3(SYS_write, 1, (i64)(line + done), line_length - done);
    if (written <= 0) break;
    done += (u32)written;
  }
  line_length = 0;
}

MAYBE NOINLINE void say_char(char c) {
  line[line_length++] = c;
  if (c == '\n' || line_length == sizeof line) flush();
}

MAYBE NOINLINE void say(const char *text) {
  while (*text != 0) say_char(*text++);
}

MAYBE NOINLINE void say_number(i64 value) {
  char digits[20];
  u32 count = 0;
  u64 rest = value < 0 ? -(u64)value : (u64)value;
  do {
    digits[count++] = (char)('0' + rest % 10);
    rest /= 10;
  } while (rest != 0);
  if (value < 0) say_char('-');
  while (count > 0) say_char(digits[--count]);
}

MAYBE NOINLINE void say_hex(u64 value) {
  int shift = 60;
  while (shift > 0 && value >> shift == 0) shift -= 4;
  say("0x");
  for (; shift >= 0; shift -= 4) say_char("0123456789abcdef"[value >> shift & 15]);
}

/* One result: a name and a number. */
MAYBE void tell(const char *name, i64 value) {
  say(name);
  say(": ");
  say_number(value);
  say_char('\n');
}

MAYBE void tell_hex(const char *name, u64 value) {
  say(name);
  say(": ");
  say_hex(value);
  say_char('\n');
}

__attribute__((noreturn, unused)) static void exit(int status) {
  flush();
  for (;;) syscall3(SYS_exit_group, status, 0, 0);
}

/* ---- what the compiler calls by itself ---------------------------------------------------- */

/* Without this it would see that memcpy copies memory, and call memcpy. */
#define PLAIN_LOOP __attribute__((optimize("no-tree-loop-distribute-patterns")))

PLAIN_LOOP void *memcpy(void *to, const void *from, size_t size) {
  u8 *at = to;
  const u8 *source = from;
  while (size >= 8 && (((u64)at | (u64)source) & 7) == 0) {
    *(u64 *)at = *(const u64 *)source;
    at += 8;
    source += 8;
    size -= 8;
  }
  while (size-- > 0) *at++ = *source++;
  return to;
}

PLAIN_LOOP void *memmove(void *to, const void *from, size_t size) {
  if ((u64)to - (u64)from >= size) return memcpy(to, from, size);
  while (size-- > 0) ((u8 *)to)[size] = ((const u8 *)from)[size];
  return to;
}

PLAIN_LOOP void *memset(void *to, int value, size_t size) {
  u8 *at = to;
  while (size-- > 0) *at++ = (u8)value;
  return to;
}

PLAIN_LOOP int memcmp(const void *left, const void *right, size_t size) {
  const u8 *a = left, *b = right;
  for (; size > 0; size--, a++, b++)
    if (*a != *b) return *a < *b ? -1 : 1;
  return 0;
}

/* ---- texts and chance ---------------------------------------------------------------------- */

MAYBE size_t length_of(const char *text) {
  const char *end = text;
  while (*end != 0) end++;
  return (size_t)(end - text);
}

MAYBE int compare_texts(const char *left, const char *right) {
  while (*left != 0 && *left == *right) left++, right++;
  return (u8)*left - (u8)*right;
}

/* argv[place] as a number, decimal or 0x…; `otherwise` if there are not so many. */
MAYBE i64 argument(int argc, char **argv, int place, i64 otherwise) {
  if (place >= argc) return otherwise;
  const char *text = argv[place];
  int isHex = text[0] == '0' && text[1] == 'x';
  i64 value = 0;
  for (text += isHex ? 2 : 0; *text != 0; text++) {
    int digit = *text <= '9' ? *text - '0' : (*text | 32) - 'a' + 10;
    value = value * (isHex ? 16 : 10) + digit;
  }
  return value;
}

/* xorshift64*: S. Vigna, "An experimental exploration of Marsaglia's xorshift generators". */
MAYBE u64 chance(u64 *state) {
  u64 x = *state;
  x ^= x >> 12;
  x ^= x << 25;
  x ^= x >> 27;
  *state = x;
  return x * 0x2545f4914f6cdd1d;
}

/* One more value into a checksum: FNV-1a's step on whole words, turned. */
MAYBE u64 mix(u64 sum, u64 value) {
  sum = (sum ^ value) * 0x100000001b3;
  return sum ^ sum >> 29;
}

/* ---- the start ------------------------------------------------------------------------------ */

/* With or without arguments, as the program likes. */
int main();

#if defined(__riscv) && defined(__PIE__)
struct dynamic {
  i64 tag;
  u64 value;
};
extern __attribute__((visibility("hidden"))) const struct dynamic _DYNAMIC[];
extern __attribute__((visibility("hidden"))) u8 __ehdr_start[];

/* Its own loader: adds where it lies to each word that holds an address (DT_RELA, DT_RELASZ). */
static void relocate(void) {
  u64 base = (u64)__ehdr_start, table = 0, size = 0;
  for (const struct dynamic *at = _DYNAMIC; at->tag != 0; at++) {
    if (at->tag == 7) table = base + at->value;
    if (at->tag == 8) size = at->value;
  }
  for (const u64 *at = (const u64 *)table; size >= 24; size -= 24, at += 3)
    if ((u32)at[1] == 3) *(u64 *)(base + at[0]) = base + at[2];
}
#else
static void relocate(void) {}
#endif

__attribute__((noreturn, used)) static void start(i64 *stack) {
  relocate();
  exit(main((int)stack[0], (char **)(stack + 1)));
}

#if defined(__riscv)
__asm__(".globl _start\n.type _start, @function\n_start:\n"
        ".option push\n.option norelax\nla gp, __global_pointer$\n.option pop\n"
        "mv a0, sp\nandi sp, sp, -16\ncall start\n.size _start, .-_start\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n_start:\nmov x0, sp\nbl start\n");
#else
__asm__(".globl _start\n_start:\nmov %rsp, %rdi\nand $-16, %rsp\ncall start\n");
#endif

/* ---- signals and memory: RISC-V only -------------------------------------------------------- */

#if defined(__riscv)

enum { SIGILL = 4, SIGTRAP = 5, SIGBUS = 7, SIGFPE = 8, SIGUSR1 = 10, SIGSEGV = 11 };
enum { SIGUSR2 = 12, SIGALRM = 14 };
enum { SA_SIGINFO = 4, SA_ONSTACK = 0x08000000, SA_RESTART = 0x10000000 };
enum { SA_NODEFER = 0x40000000 };
enum { PROT_NONE = 0, PROT_READ = 1, PROT_WRITE = 2, PROT_EXEC = 4 };
enum { MAP_PRIVATE = 2, MAP_FIXED = 16, MAP_ANONYMOUS = 32, MAP_NORESERVE = 0x4000 };
enum { PAGE = 4096 };

struct siginfo {
  i32 number, error, code, pad;
  u64 address;
  u8 rest[104];
};

/* arch/riscv/include/uapi/asm/{ucontext,ptrace}.h: x[0] is the pc. */
struct ucontext {
  u64 flags;
  struct ucontext *link;
  void *stack;
  i32 stack_flags;
  size_t stack_size;
  u64 mask;
  u8 unused[128 - sizeof(u64)];
  __attribute__((aligned(16))) u64 x[32];
  u64 f[32];
  u32 fcsr;
};

struct sigaction {
  void (*handler)(int, struct siginfo *, struct ucontext *);
  u64 flags;
  u64 mask;
};

struct stack {
  void *start;
  i32 flags;
  size_t size;
};

struct timer {
  struct {
    i64 seconds, microseconds;
  } interval, value;
};

typedef void handler(int, struct siginfo *, struct ucontext *);

/* On RISC-V the kernel brings its own return from a handler. */
MAYBE void on_signal(int number, handler *handle, u64 flags, u64 mask) {
  struct sigaction action = {handle, flags | SA_SIGINFO, mask};
  if (syscall6(SYS_rt_sigaction, number, (i64)&action, 0, 8, 0, 0) != 0) exit(99);
}

MAYBE void signal_stack(void *start, size_t size) {
  struct stack stack = {start, 0, size};
  if (syscall3(SYS_sigaltstack, (i64)&stack, 0, 0) != 0) exit(98);
}

MAYBE void raise_here(int number) {
  syscall3(SYS_kill, syscall3(SYS_getpid, 0, 0, 0), number, 0);
}

/* A page address or -errno. */
MAYBE i64 map(u64 address, size_t size, int protection, int flags) {
  return syscall6(SYS_mmap, (i64)address, (i64)size, protection,
                  MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
}

MAYBE i64 protect(u64 address, size_t size, int protection) {
  return syscall3(SYS_mprotect, (i64)address, (i64)size, protection);
}

#endif
#endif
