/*
 * What C libraries do each in their own way: threads, signals, sorting, numbers as text, regular
 * expressions, time, memory, streams over pipes and files. Linked with musl.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <regex.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static int turn;
static __thread int own = 5;

static void *take_turns(void *given) {
  int id = (int)(long)given;
  pthread_barrier_wait(&barrier);
  for (int round = 0; round < 3; round++) {
    pthread_mutex_lock(&lock);
    while (turn % 3 != id) pthread_cond_wait(&changed, &lock);
    printf("round %d thread %d own %d\n", round, id, own);
    own += id;
    turn++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
  }
  return (void *)(long)(own * 10);
}

static void threads(void) {
  pthread_t threads[3];
  void *results[3];
  pthread_barrier_init(&barrier, NULL, 3);
  for (long i = 0; i < 3; i++) pthread_create(&threads[i], NULL, take_turns, (void *)i);
  for (int i = 0; i < 3; i++) pthread_join(threads[i], &results[i]);
  for (int i = 0; i < 3; i++) printf("joined %ld\n", (long)results[i]);
}

static sigjmp_buf back;
static volatile sig_atomic_t seen;

static void on_fault(int number, siginfo_t *info, void *context) {
  (void)context;
  printf("signal %d at %p\n", number, info->si_addr);
  siglongjmp(back, 1);
}

static void on_signal(int number) { seen += number; }

static void signals(void) {
  struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &action, NULL);
  if (sigsetjmp(back, 1) == 0) *(volatile int *)0x10 = 1;
  signal(SIGUSR1, on_signal);
  raise(SIGUSR1);
  kill(getpid(), SIGUSR1);
  printf("seen %d\n", (int)seen);
}

static int by_value(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

static void library(void) {
  int values[100];
  unsigned state = 1;
  for (int i = 0; i < 100; i++) values[i] = (state = state * 1103515245 + 12345) >> 16 & 1023;
  qsort(values, 100, sizeof *values, by_value);
  printf("%d %d %d\n", values[0], values[50], values[99]);
  regex_t pattern;
  regmatch_t match[2];
  regcomp(&pattern, "([a-z]+)[0-9]", REG_EXTENDED);
  printf("regex %d", regexec(&pattern, "  abc7", 2, match, 0));
  printf(" %d-%d\n", (int)match[1].rm_so, (int)match[1].rm_eo);
  regfree(&pattern);
  printf("%.17g %a %Lg %e\n", 0.1, M_PI, 1.0L / 3, exp(1));
  int number;
  char word[20];
  printf("scanf %d: %d %s\n", sscanf("42 words", "%d %19s", &number, word), number, word);
  time_t day = 86400 * 365;
  struct tm parts;
  char text[40];
  strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", gmtime_r(&day, &parts));
  puts(text);
  void *blocks[50];
  for (int i = 0; i < 50; i++) memset(blocks[i] = malloc((size_t)i * i * 100 + 1), i, 1);
  for (int i = 0; i < 50; i += 2) free(blocks[i]);
  for (int i = 1; i < 50; i += 2) blocks[i] = realloc(blocks[i], 200000);
  printf("malloc %d\n", *(char *)blocks[49]);
}

static void files(void) {
  int ends[2];
  char line[80];
  pipe(ends);
  FILE *out = fdopen(ends[1], "w"), *in = fdopen(ends[0], "r");
  fprintf(out, "through a pipe\n");
  fclose(out);
  printf("%s", fgets(line, sizeof line, in));
  printf("missing %p %s\n", (void *)fopen("/nowhere/x", "r"), strerror(errno));
  int count = 0, byte;
  while ((byte = getchar()) != EOF) count += byte == 'a';
  printf("stdin %d\n", count);
}

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "threads") == 0) {
    threads();
    return 0;
  }
  printf("%d arguments, last %s, %s\n", argc, argv[argc - 1], getenv("HOME") ? "HOME" : "no HOME");
  signals();
  library();
  files();
  return 3;
}
