/*
 * Clocks and timers: relations between times, never times themselves.
 * Build: riscv64-linux-gnu-gcc -O1 -static -o times times.c
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

enum { MS = 1000000 };
static volatile int ticks, value;

static long long now(int clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void on_tick(int number, siginfo_t *info, void *context) {
  (void)number, (void)context;
  ticks++;
  if (info->si_code == SI_TIMER) value = info->si_value.sival_int;
}

static void wait_ticks(int wanted) {
  while (ticks < wanted) {
  }
}

static void clocks(void) {
  struct timespec t = {0, 3 * MS}, bad = {0, 2000000000}, left = {9, 9};
  long long before = now(CLOCK_MONOTONIC);
  printf("nanosleep %d\n", nanosleep(&t, NULL));
  printf("slept %d\n", now(CLOCK_MONOTONIC) - before >= 3 * MS);
  printf("bad %d", nanosleep(&bad, NULL));
  printf(" errno %d\n", errno);
  clock_gettime(CLOCK_MONOTONIC, &t);
  t.tv_nsec += 2 * MS;
  if (t.tv_nsec >= 1000000000) t.tv_sec++, t.tv_nsec -= 1000000000;
  printf("absolute %d\n", clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, &left));
  printf("reached %d left %ld\n",
         now(CLOCK_MONOTONIC) >= t.tv_sec * 1000000000LL + t.tv_nsec, (long)left.tv_sec);
  printf("past %d\n", clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &(struct timespec){1, 0}, 0));
  printf("cpu %d\n", clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &(struct timespec){0, 1}, 0));
  int all[] = {0, 1, 2, 3, 4, 5, 6, 7, 11};
  for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) {
    struct timespec resolution;
    int result = clock_getres(all[i], &resolution);
    printf("clock %d %d runs %d\n", all[i], result, now(all[i]) <= now(all[i]));
  }
  printf("clock 12 %d", clock_gettime(12, &t));
  printf(" errno %d\n", errno);
  struct timeval day;
  gettimeofday(&day, NULL);
  printf("day %d\n", day.tv_sec - time(NULL) <= 0 && day.tv_usec < 1000000);
}

static void timers(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_tick;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGALRM, &action, NULL);
  sigaction(SIGVTALRM, &action, NULL);
  sigaction(SIGUSR1, &action, NULL);
  struct itimerval every = {{0, 50}, {0, 50}}, was, never = {{0, 0}, {0, 0}};
  printf("setitimer %d\n", setitimer(ITIMER_REAL, &every, NULL));
  wait_ticks(3);
  printf("stop %d", setitimer(ITIMER_REAL, &never, &was));
  printf(" interval %ld left %d\n", (long)was.it_interval.tv_usec, was.it_value.tv_usec <= 50);
  getitimer(ITIMER_REAL, &was);
  printf("stopped %ld %ld\n", (long)was.it_value.tv_sec, (long)was.it_value.tv_usec);
  ticks = 0;
  every.it_interval.tv_usec = 0;
  printf("virtual %d\n", setitimer(ITIMER_VIRTUAL, &every, NULL));
  wait_ticks(1);
  printf("bad %d", setitimer(7, &every, NULL));
  printf(" errno %d\n", errno);
  every.it_value.tv_usec = 1000000;
  printf("bad %d", setitimer(ITIMER_REAL, &every, NULL));
  printf(" errno %d\n", errno);
  printf("alarm %u\n", alarm(100));
  printf("alarm %u\n", alarm(0));
  timer_t timer;
  struct sigevent event;
  memset(&event, 0, sizeof event);
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGUSR1;
  event.sigev_value.sival_int = 1234;
  ticks = 0;
  printf("timer %d\n", timer_create(CLOCK_MONOTONIC, &event, &timer));
  struct itimerspec spec = {{0, 0}, {0, MS / 20}}, current;
  printf("settime %d\n", timer_settime(timer, 0, &spec, NULL));
  wait_ticks(1);
  printf("value %d overrun %d\n", value, timer_getoverrun(timer));
  printf("gettime %d", timer_gettime(timer, &current));
  printf(" left %ld\n", (long)current.it_value.tv_nsec);
  printf("delete %d\n", timer_delete(timer));
  printf("delete %d", syscall(SYS_timer_delete, 0));
  printf(" errno %d\n", errno);
  struct rusage usage;
  printf("rusage %d\n", getrusage(RUSAGE_SELF, &usage));
  printf("rusage %d", getrusage(5, &usage));
  printf(" errno %d\n", errno);
  struct tms tms;
  printf("times %d\n", times(&tms) >= 0);
}

int main(void) {
  clocks();
  timers();
  return 0;
}
