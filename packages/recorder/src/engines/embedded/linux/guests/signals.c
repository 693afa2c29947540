/*
 * What a program can observe of signals. Prints nothing that differs between machines: no absolute
 * addresses, no numbers of processes. The first argument says which part runs.
 * Build: riscv64-linux-gnu-gcc -O1 -static -o signals signals.c
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

typedef void handler(int, siginfo_t *, void *);
static char other[64 * 1024] __attribute__((aligned(16)));
static sigjmp_buf home;
static volatile int count;
static int ends[2];

static void handle(int number, handler *function, int flags) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = function;
  action.sa_flags = SA_SIGINFO | flags;
  sigaction(number, &action, NULL);
}

static uint64_t mask(void) {
  uint64_t now = 0;
  syscall(SYS_rt_sigprocmask, 0, NULL, &now, 8);
  return now;
}

/* Without the two highest: qemu-riscv64 has no signals 63 and 64. */
static void print_mask(const char *what) {
  printf("%s mask %lx\n", what, (unsigned long)mask() << 2 >> 2);
}

/* Where everything lies, from the interrupted stack pointer and from the frame. */
static void on_frame(int number, siginfo_t *info, void *given) {
  ucontext_t *context = given;
  uintptr_t frame = (uintptr_t)info, sp = context->uc_mcontext.__gregs[REG_SP];
  uint32_t *code = __builtin_return_address(0);
  int aligned = frame % 16 == 0;
  int on_other = frame >= (uintptr_t)other && frame < (uintptr_t)(other + sizeof other);
  printf("%d code %d aligned %d context %ld pc %ld other %d below %ld\n", number, info->si_code,
         aligned, (long)((uintptr_t)context - frame),
         (long)((char *)&context->uc_mcontext - (char *)context), on_other,
         on_other ? (long)((uintptr_t)(other + sizeof other) - frame) : (long)(sp - frame));
  printf("flags %lx link %d stack %d %d %zu mask %lx\n", context->__uc_flags,
         context->uc_link != NULL, context->uc_stack.ss_sp == other, context->uc_stack.ss_flags,
         context->uc_stack.ss_size, *(unsigned long *)&context->uc_sigmask);
  printf("return %08x %08x\n", code[0], code[1]);
  print_mask("handler");
}

static void frames(void) {
  stack_t stack = {.ss_sp = other, .ss_size = sizeof other}, before;
  handle(SIGUSR1, on_frame, 0);
  handle(SIGUSR2, on_frame, SA_ONSTACK | SA_NODEFER);
  raise(SIGUSR1);
  raise(SIGUSR2);
  printf("sigaltstack %d\n", sigaltstack(&stack, &before));
  printf("before %d %zu\n", before.ss_flags, before.ss_size);
  raise(SIGUSR1);
  raise(SIGUSR2);
  sigaltstack(NULL, &before);
  printf("after %d %zu\n", before.ss_flags, before.ss_size);
  stack.ss_size = 100;
  printf("small %d %d\n", sigaltstack(&stack, NULL), errno);
  stack.ss_flags = 8;
  printf("flags %d %d\n", sigaltstack(&stack, NULL), errno);
  stack.ss_flags = SS_DISABLE;
  printf("disable %d\n", sigaltstack(&stack, NULL));
  sigaltstack(NULL, &before);
  printf("disabled %d %zu\n", before.ss_flags, before.ss_size);
}

/* The handler changes what comes back: registers, floating point, fcsr. */
static void on_change(int number, siginfo_t *info, void *given) {
  ucontext_t *context = given;
  (void)number, (void)info;
  printf("s2 %lx fs2 %lx fcsr %x\n", context->uc_mcontext.__gregs[18],
         (unsigned long)context->uc_mcontext.__fpregs.__d.__f[18],
         context->uc_mcontext.__fpregs.__d.__fcsr);
  context->uc_mcontext.__gregs[18] += 1;
  context->uc_mcontext.__fpregs.__d.__f[18] += 1;
  context->uc_mcontext.__fpregs.__d.__fcsr = 0x21;
  context->uc_mcontext.__gregs[REG_PC] += 4;
}

static void registers(void) {
  unsigned long x, f, fcsr;
  handle(SIGILL, on_change, 0);
  __asm__ volatile(
      "li s2, 0x1234\n fmv.d.x fs2, s2\n li t0, 3\n fscsr t0\n .4byte 0\n"
      "mv %0, s2\n fmv.x.d %1, fs2\n frcsr %2"
      : "=r"(x), "=r"(f), "=r"(fcsr)::"s2", "fs2", "t0", "memory");
  printf("after %lx %lx %lx\n", x, f, fcsr);
}

/* Faults: what is told, and the handler goes on behind the instruction. */
static uintptr_t expected;
static void on_fault(int number, siginfo_t *info, void *given) {
  ucontext_t *context = given;
  uintptr_t pc = context->uc_mcontext.__gregs[REG_PC];
  long address = (long)((uintptr_t)info->si_addr - (expected ? expected : pc));
  printf("%d code %d address %ld\n", number, info->si_code, address);
  context->uc_mcontext.__gregs[REG_PC] += number == SIGTRAP ? 2 : 4;
}

#define TRY(text, address) \
  expected = (uintptr_t)(address); \
  __asm__ volatile(".option push\n.option norvc\nmv a5, %0\n" text "\n.option pop" \
                   ::"r"(address) : "a0", "a5", "memory")

static void faults(void) {
  char *page = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  static char unaligned[32] __attribute__((aligned(16)));
  int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP};
  for (int i = 0; i < 4; i++) handle(signals[i], on_fault, 0);
  munmap(page + 4096, 4096);
  mprotect(page, 4096, PROT_READ);
  mprotect(page + 8192, 4096, PROT_NONE);
  TRY("sd a0, 0(a5)", page + 8);
  TRY("lw a0, 0(a5)", page + 4096 + 12);
  TRY("lb a0, 0(a5)", page + 8192 + 1);
  TRY("ld a0, 0(a5)", page + 4096 - 4);
  TRY("lw a0, 0(a5)", 0L);
  TRY("lw a0, 0(a5)", 24L);
  TRY("amoadd.d a0, a0, (a5)", unaligned + 1);
  TRY("amoadd.w a0, a0, (a5)", unaligned + 2);
  TRY("lr.d a0, (a5)", unaligned + 4);
  TRY("lr.w a0, (a5)", unaligned + 2);
  TRY("ld a0, 0(a5)", unaligned + 3);
  expected = 0;
  __asm__ volatile(".4byte 0");
  __asm__ volatile("csrr a0, 0x300" ::: "a0");
  __asm__ volatile("csrw 0xc00, a0" ::: "a0");
  __asm__ volatile("ebreak");
  __asm__ volatile("mret");
  __asm__ volatile("wfi");
  puts("end");
}

/* A jump to where nothing is: the fault is at the target. */
static void on_wild(int number, siginfo_t *info, void *given) {
  ucontext_t *context = given;
  uintptr_t pc = context->uc_mcontext.__gregs[REG_PC];
  printf("%d code %d same %d\n", number, info->si_code, (uintptr_t)info->si_addr == pc);
  siglongjmp(home, 1);
}

static void wild(void) {
  char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  void (*volatile none)(void) = (void (*)(void))(page + 4096);
  void (*volatile data)(void) = (void (*)(void))page;
  munmap(page + 4096, 4096);
  handle(SIGSEGV, on_wild, SA_NODEFER);
  if (sigsetjmp(home, 1) == 0) none();
  if (sigsetjmp(home, 1) == 0) data();
  print_mask("end");
}

static void on_order(int number, siginfo_t *info, void *given) {
  (void)given;
  printf("%d code %d value %d\n", number, info->si_code,
         info->si_code == SI_QUEUE ? info->si_value.sival_int : -1);
}

/* What waits while it is blocked, in which order it comes, and how much of it. */
static void pending(void) {
  sigset_t all, none, now;
  sigfillset(&all);
  sigemptyset(&none);
  for (int number = 34; number < 38; number++) handle(number, on_order, 0);
  handle(SIGUSR1, on_order, 0);
  handle(SIGUSR2, on_order, 0);
  sigprocmask(SIG_BLOCK, &all, NULL);
  for (int i = 0; i < 3; i++) {
    sigqueue(getpid(), 36, (union sigval){.sival_int = i});
    sigqueue(getpid(), SIGUSR2, (union sigval){.sival_int = i});
    raise(SIGUSR1);
    sigqueue(getpid(), 34, (union sigval){.sival_int = 10 + i});
  }
  sigpending(&now);
  for (int number = 1; number < 64; number++) {
    if (sigismember(&now, number)) printf("pending %d\n", number);
  }
  signal(SIGUSR1, SIG_IGN);
  sigpending(&now);
  printf("ignored %d\n", sigismember(&now, SIGUSR1));
  struct timespec zero = {0, 0};
  siginfo_t info;
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, 36);
  printf("timedwait %d value %d\n", sigtimedwait(&one, &info, &zero), info.si_value.sival_int);
  sigemptyset(&one);
  sigaddset(&one, 40);
  int result = sigtimedwait(&one, &info, &zero);
  printf("timedwait %d %d\n", result, result < 0 ? errno : 0);
  printf("suspend %d\n", sigsuspend(&none));
  print_mask("end");
}

/* Another mask while the call waits: what is blocked in the handlers, what afterwards. */
static void on_masked(int number, siginfo_t *info, void *given) {
  (void)info;
  printf("%d saved %lx\n", number, *(unsigned long *)&((ucontext_t *)given)->uc_sigmask);
  print_mask("handler");
}

static void suspended(void) {
  unsigned long blocked = 0x4a00, term = 0x4000, none = 0;
  struct timespec zero = {0, 0};
  handle(SIGUSR1, on_masked, 0);
  handle(SIGUSR2, on_masked, 0);
  handle(SIGTERM, on_masked, 0);
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &blocked, NULL, 8);
  raise(SIGUSR1), raise(SIGUSR2), raise(SIGTERM);
  printf("sigsuspend %ld\n", syscall(SYS_rt_sigsuspend, &term, 8));
  printf("ppoll %ld\n", syscall(SYS_ppoll, NULL, 0, &zero, &term, 8));
  raise(SIGUSR1);
  printf("ppoll %ld", syscall(SYS_ppoll, NULL, 0, &zero, &term, 8));
  printf(" errno %d\n", errno);
  pipe(ends);
  write(ends[1], "x", 1);
  raise(SIGUSR1);
  struct pollfd ready = {.fd = ends[0], .events = POLLIN};
  printf("ppoll %ld\n", syscall(SYS_ppoll, &ready, 1, &zero, &none, 8));
  struct { const void *mask; size_t bytes; } six = {&none, 8};
  fd_set set;
  FD_ZERO(&set);
  FD_SET(ends[0], &set);
  printf("pselect %ld\n", syscall(SYS_pselect6, ends[0] + 1, &set, NULL, NULL, NULL, &six));
  FD_ZERO(&set);
  printf("pselect %ld\n", syscall(SYS_pselect6, 0, &set, NULL, NULL, NULL, &six));
  print_mask("end");
}

static void on_count(int number, siginfo_t *info, void *given) {
  (void)info, (void)given;
  count++;
  printf("%d count %d\n", number, count);
  if (count < 4 && number == SIGUSR1) raise(SIGUSR1);
  printf("%d leaves\n", number);
}

/* Deferred, not deferred, reset. */
static void nesting(void) {
  handle(SIGUSR1, on_count, 0);
  raise(SIGUSR1);
  count = 0;
  handle(SIGUSR1, on_count, SA_NODEFER);
  raise(SIGUSR1);
  count = 10;
  handle(SIGUSR2, on_count, SA_RESETHAND);
  raise(SIGUSR2);
  struct sigaction now;
  sigaction(SIGUSR2, NULL, &now);
  printf("default %d\n", now.sa_handler == SIG_DFL);
  print_mask("end");
}

static void on_alarm(int number, siginfo_t *info, void *given) {
  (void)given;
  printf("%d code %d\n", number, info->si_code);
}

static void on_write(int number, siginfo_t *info, void *given) {
  (void)given;
  printf("%d code %d\n", number, info->si_code);
  if (count++ > 0) write(ends[1], "x", 1);
  else setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 30000}}, NULL);
}

/* Calls that a handler interrupts: some begin again, some do not. */
static void interrupted(void) {
  struct itimerval soon = {{0, 0}, {0, 30000}};
  struct timespec long_time = {5, 0}, left;
  char byte = 0;
  pipe(ends);
  handle(SIGALRM, on_alarm, 0);
  setitimer(ITIMER_REAL, &soon, NULL);
  printf("read %zd", read(ends[0], &byte, 1));
  printf(" errno %d\n", errno);
  handle(SIGALRM, on_alarm, SA_RESTART);
  setitimer(ITIMER_REAL, &soon, NULL);
  int slept = nanosleep(&long_time, &left);
  printf("nanosleep %d errno %d left %d\n", slept, errno, left.tv_sec == 4);
  setitimer(ITIMER_REAL, &soon, NULL);
  printf("pause %d errno %d\n", pause(), errno);
  handle(SIGALRM, on_write, SA_RESTART);
  setitimer(ITIMER_REAL, &soon, NULL);
  printf("read %zd", read(ends[0], &byte, 1));
  printf(" byte %c\n", byte);
  handle(SIGPIPE, on_alarm, 0);
  close(ends[0]);
  printf("write %zd errno %d\n", write(ends[1], "x", 1), errno);
}

/* A handler that has no room on its stack. */
static void on_overflow(int number, siginfo_t *info, void *given) {
  (void)given;
  printf("%d code %d\n", number, info->si_code);
  fflush(stdout);
  _exit(7);
}

__attribute__((noinline)) static int deep(int n) {
  volatile char room[4096];
  room[0] = (char)n;
  return n < 1 << 20 ? deep(n + 1) + room[0] : 0;
}

static void overflow(void) {
  stack_t stack = {.ss_sp = other, .ss_size = sizeof other};
  sigaltstack(&stack, NULL);
  handle(SIGSEGV, on_overflow, SA_ONSTACK);
  fflush(stdout);
  deep(0);
}

/* Ways to die; the parent sees the signal. */
static void die(const char *how) {
  sigset_t all;
  sigfillset(&all);
  if (strcmp(how, "abort") == 0) abort();
  if (strcmp(how, "kill") == 0) kill(getpid(), SIGKILL);
  if (strcmp(how, "term") == 0) raise(SIGTERM);
  if (strcmp(how, "stopped") == 0) raise(SIGCHLD), raise(SIGURG), raise(SIGWINCH), _exit(3);
  if (strcmp(how, "real-time") == 0) raise(SIGRTMIN + 3);
  if (strcmp(how, "blocked") == 0) sigprocmask(SIG_BLOCK, &all, NULL), *(volatile int *)8 = 1;
  if (strcmp(how, "ignored") == 0) signal(SIGSEGV, SIG_IGN), *(volatile int *)8 = 1;
  if (strcmp(how, "illegal") == 0) __asm__ volatile(".4byte 0");
  if (strcmp(how, "trap") == 0) __asm__ volatile("ebreak");
  if (strcmp(how, "overflow") == 0) deep(0);
  if (strcmp(how, "pipe") == 0) pipe(ends), close(ends[0]), write(ends[1], "x", 1);
  if (strcmp(how, "alarm") == 0) alarm(1), pause();
  if (strcmp(how, "stack") == 0) {
    handle(SIGUSR1, on_order, 0);
    __asm__ volatile("li sp, 64\n li a7, 172\n ecall\n li a1, 10\n li a7, 129\n ecall"
                     ::: "a0", "a1", "a7", "memory");
  }
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*run)(void);
  } parts[] = {{"frames", frames},   {"registers", registers}, {"faults", faults},
               {"wild", wild},       {"pending", pending},     {"nesting", nesting},
               {"suspended", suspended},
               {"interrupted", interrupted}, {"overflow", overflow}};
  for (unsigned i = 0; argc == 2 && i < sizeof parts / sizeof parts[0]; i++) {
    if (strcmp(argv[1], parts[i].name) == 0) parts[i].run();
  }
  if (argc == 3) die(argv[2]);
  return 0;
}
