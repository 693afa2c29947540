/*
 * Signals of every origin: a timer into tight loops, raise(), on another stack, from within a
 * handler, one right after the return from another, a fault that the handler mends so that the
 * instruction runs again, one that it jumps out of; all this with SA_SIGINFO, and the first three
 * and the mended fault without it. Each handler keeps the pc of the
 * interrupted instruction; they are printed at the end, one `number pc` a line, in the order in
 * which handlers were entered.
 * Build: gcc -O1 -static -o signals signals.c
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__x86_64__)
#define PC(context) ((uintptr_t)(context)->uc_mcontext.gregs[REG_RIP])
#elif defined(__i386__)
#define PC(context) ((uintptr_t)(context)->uc_mcontext.gregs[REG_EIP])
#elif defined(__arm__)
#define PC(context) ((uintptr_t)(context)->uc_mcontext.arm_pc)
#elif defined(__riscv)
#define PC(context) ((uintptr_t)(context)->uc_mcontext.__gregs[0])
#elif defined(__aarch64__)
#define PC(context) ((uintptr_t)(context)->uc_mcontext.pc)
#endif

enum { ENTRIES = 4096, TICKS = 60 };
static struct {
  int number;
  uintptr_t pc;
} entries[ENTRIES];
static volatile int entered, ticks;
static char *page;
static sigjmp_buf home;
static volatile unsigned work;

static void note(int number, void *context) {
  if (entered < ENTRIES) {
    entries[entered].number = number;
    entries[entered].pc = PC((ucontext_t *)context);
  }
  entered++;
}

static void on_tick(int number, siginfo_t *info, void *context) {
  (void)info;
  note(number, context);
  ticks++;
}

static void on_user(int number, siginfo_t *info, void *context) {
  (void)info;
  note(number, context);
  if (number == SIGUSR1) raise(SIGUSR2);
}

/* Makes a system call, so that a return from another handler is not taken for this one's. */
static void on_pending(int number, siginfo_t *info, void *context) {
  (void)info;
  note(number, context);
  getppid();
}

static void on_fault(int number, siginfo_t *info, void *context) {
  note(number, context);
  if (info->si_addr == page + 64) mprotect(page, 4096, PROT_READ | PROT_WRITE);
  else siglongjmp(home, 1);
}

/*
 * Without SA_SIGINFO a handler is given the number only. Where the context is all the same: x86-64
 * and RISC-V pass it anyway, on AArch64 it lies behind a siginfo of 128 bytes above the stack
 * pointer at entry, on Arm at it; on i386 registers lie from 64 bytes above it, 76 into a context.
 */
#if defined(__aarch64__)
#define PLAIN_CONTEXT(passed) ((char *)__builtin_dwarf_cfa() + 128 + 0 * (passed != 0))
#elif defined(__arm__)
#define PLAIN_CONTEXT(passed) ((char *)__builtin_dwarf_cfa() + 0 * (passed != 0))
#elif defined(__i386__)
#define PLAIN_CONTEXT(passed) ((char *)__builtin_dwarf_cfa() - 4 + 64 - 76 + 0 * (passed != 0))
#else
#define PLAIN_CONTEXT(passed) (passed)
#endif

static void on_plain(int number, siginfo_t *info, void *context) {
  (void)info;
  note(number, PLAIN_CONTEXT(context));
  ticks++;
  if (number == SIGSEGV) mprotect(page, 4096, PROT_READ | PROT_WRITE);
}

static void handle_plainly(int number, int flags) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = (void (*)(int))(void (*)(void))on_plain;
  action.sa_flags = flags;
  sigaction(number, &action, NULL);
}

static void handle(int number, void (*handler)(int, siginfo_t *, void *), int flags) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = handler;
  if (handler == on_pending) sigfillset(&action.sa_mask);
  action.sa_flags = SA_SIGINFO | SA_RESTART | flags;
  sigaction(number, &action, NULL);
}

__attribute__((noinline)) static unsigned step(unsigned x) { return x * 3 + 1; }

/* Two signals wait while blocked: the second comes when the handler of the first returns. */
static void pend(void) {
  sigset_t both;
  sigemptyset(&both);
  sigaddset(&both, SIGHUP);
  sigaddset(&both, SIGTERM);
  sigprocmask(SIG_BLOCK, &both, NULL);
  raise(SIGHUP);
  raise(SIGTERM);
  sigprocmask(SIG_UNBLOCK, &both, NULL);
}

/* Loops of one block, of calls, of indirect calls, until enough ticks came. */
static void spin(void) {
  unsigned (*volatile pointer)(unsigned) = step;
  int end = TICKS / 3;
  while (ticks < end) work++;
  while (ticks < 2 * end) work = step(work);
  while (ticks < 3 * end) work = pointer(work);
}

int main(void) {
  static char stack[64 * 1024];
  stack_t other = {.ss_sp = stack, .ss_size = sizeof stack};
  struct itimerval every = {{0, 700}, {0, 700}}, never = {{0, 0}, {0, 0}};
  sigaltstack(&other, NULL);
  handle(SIGALRM, on_tick, 0);
  handle(SIGUSR1, on_user, 0);
  handle(SIGUSR2, on_user, SA_ONSTACK);
  handle(SIGHUP, on_pending, 0);
  handle(SIGTERM, on_pending, 0);
  handle(SIGSEGV, on_fault, SA_ONSTACK);
  page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i < 5; i++) {
    raise(SIGUSR1);
    kill(getpid(), SIGUSR2);
    pend();
    mprotect(page, 4096, PROT_NONE);
    page[64] = (char)i; /* mended by the handler, runs again */
    mprotect(page, 4096, PROT_NONE);
    if (sigsetjmp(home, 1) == 0) page[65] = 1; /* the handler does not come back */
  }
  setitimer(ITIMER_REAL, &every, NULL);
  spin();
  pause();
  setitimer(ITIMER_REAL, &never, NULL);
  handle_plainly(SIGALRM, SA_RESTART);
  handle_plainly(SIGUSR1, 0);
  handle_plainly(SIGUSR2, SA_ONSTACK);
  handle_plainly(SIGSEGV, SA_ONSTACK);
  for (int i = 0; i < 5; i++) {
    raise(SIGUSR1);
    kill(getpid(), SIGUSR2);
    mprotect(page, 4096, PROT_NONE);
    work++; /* a log tells of a block whose first instruction faults, a trace of what ran */
    page[64] = (char)i;
  }
  ticks = 0;
  setitimer(ITIMER_REAL, &every, NULL);
  spin();
  setitimer(ITIMER_REAL, &never, NULL);
  on_user(0, NULL, &(ucontext_t){0}); /* a handler called as a plain function is no signal */
  for (int i = 0; i < entered && i < ENTRIES; i++) {
    if (entries[i].number) printf("%d %lx\n", entries[i].number, (unsigned long)entries[i].pc);
  }
  return 0;
}
