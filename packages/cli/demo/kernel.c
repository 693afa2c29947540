/*
 * A kernel of one file, on the bare machine: the third program of `demo --files`. It serves
 * requests; each has a timer that gives it up if it takes too long. The timer interrupt runs timers
 * whose time has come.
 *
 * Whatever goes wrong in the kernel comes to panic(), which tells what is being served and clears
 * the table of jobs for a new start. Where it went wrong it does not tell.
 */
#include "bare.h"

enum { TICK = 500, TIMEOUT_TICKS = 4, CELLS = 4, NAME_BYTES = 16 };

struct request {
  const char *name;
  /* How long it takes, and whether its answer is known already. */
  unsigned ticks;
  int is_cached;
};

struct timer {
  struct timer *next;
  unsigned when;
  struct job *job;
};

struct job {
  struct timer timer;
  const struct request *request;
  int is_late;
};

static const struct request requests[] = {
    {"read block 7", 2, 0},  {"read block 8", 3, 0},   {"write block 7", 1, 0},
    {"read block 7", 1, 1},  {"write block 9", 1, 0},  {"read block 3", 2, 0},
    {"write block 3", 2, 0}, {"flush all", 3, 0},
};

static struct job cells[CELLS];
static struct timer *timers;
static const struct request *serving;
static volatile unsigned ticks;

/* In turn, so that a cell rests before it is used again. */
NOINLINE static struct job *take_cell(void) {
  static unsigned turn;
  return &cells[turn++ % CELLS];
}

NOINLINE static void free_cell(struct job *job) { memset(job, 0, sizeof *job); }

/* Interrupts are off in both: the list belongs to the interrupt handler, too. */
NOINLINE static void start_timer(struct job *job, unsigned when) {
  csr_clear(mstatus, MSTATUS_MIE);
  job->timer = (struct timer){timers, when, job};
  timers = &job->timer;
  csr_set(mstatus, MSTATUS_MIE);
}

NOINLINE static void stop_timer(struct timer *timer) {
  csr_clear(mstatus, MSTATUS_MIE);
  struct timer **at = &timers;
  while (*at != timer) at = &(*at)->next;
  *at = timer->next;
  csr_set(mstatus, MSTATUS_MIE);
}

NOINLINE static void wait_ticks(unsigned count) {
  unsigned until = ticks + count;
  while (ticks != until) asm volatile("wfi");
}

NOINLINE static void answer(const struct job *job) {
  print(job->request->name);
  print(job->is_late ? ": late\n" : ": done\n");
}

NOINLINE static void serve(const struct request *request) {
  struct job *job = take_cell();
  job->request = serving = request;
  start_timer(job, ticks + TIMEOUT_TICKS);
  wait_ticks(1);
  if (request->is_cached) {
    answer(job);
    free_cell(job);
    return;
  }
  wait_ticks(request->ticks);
  answer(job);
  stop_timer(&job->timer);
  free_cell(job);
}

/* In the timer interrupt. */
NOINLINE static void run_timers(void) {
  for (struct timer *timer = timers; timer != 0; timer = timer->next) {
    if (timer->when <= ticks) timer->job->is_late = 1;
  }
}

NOINLINE static void panic(void) {
  print("panic while serving ");
  print(serving->name);
  print("\n");
  timers = 0;
  for (unsigned i = 0; i < CELLS; i++) free_cell(&cells[i]);
  finish(1);
}

NOINLINE static void on_tick(void) {
  ticks++;
  MTIMECMP += TICK;
  run_timers();
}

struct frame *on_trap(struct frame *frame) {
  if (csr_read(mcause) == (INTERRUPT | 7)) {
    on_tick();
  } else {
    panic();
  }
  return frame;
}

int main(void) {
  csr_write(mtvec, trap_entry);
  csr_write(mie, 1 << 7);
  MTIMECMP = MTIME + TICK;
  csr_set(mstatus, MSTATUS_MIE);
  for (unsigned i = 0; i < sizeof requests / sizeof requests[0]; i++) serve(&requests[i]);
  print("idle\n");
  return 0;
}
