/*
 * Threads: made, joined, waiting with and without time, woken in order, sent signals, cancelled.
 * Build: riscv64-linux-gnu-gcc -O1 -static -pthread -o threads threads.c
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static int turn, word;
static atomic_int ready, order;
static __thread int own = 5;

static long futex(int *at, int op, int value, void *time, int *other, int third) {
  return syscall(SYS_futex, at, op | FUTEX_PRIVATE_FLAG, value, time, other, third);
}

static void *take_turns(void *given) {
  int id = (int)(long)given;
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

static void turns(void) {
  pthread_t threads[3];
  void *results[3];
  for (long i = 0; i < 3; i++) pthread_create(&threads[i], NULL, take_turns, (void *)i);
  for (int i = 0; i < 3; i++) pthread_join(threads[i], &results[i]);
  for (int i = 0; i < 3; i++) printf("joined %ld\n", (long)results[i]);
}

static int own_word[4];

static void *wait_word(void *given) {
  long result = futex(&own_word[(long)given], FUTEX_WAIT, 0, NULL, NULL, 0);
  printf("thread %ld woken %ld as number %d\n", (long)given, result, atomic_fetch_add(&order, 1));
  return NULL;
}

/* First come, first served; then by way of another word. */
static void wakes(void) {
  pthread_t threads[4];
  int other = 0;
  for (long i = 0; i < 4; i++) {
    pthread_create(&threads[i], NULL, wait_word, (void *)i);
    /* Once it waits it is made to wait at the common word, so the order is known. */
    while (futex(&own_word[i], FUTEX_CMP_REQUEUE, 0, (void *)1, &word, 0) != 1) sched_yield();
  }
  long result = futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0);
  pthread_join(threads[0], NULL);
  printf("wake %ld\n", result);
  result = futex(&word, FUTEX_CMP_REQUEUE, 1, (void *)1, &other, 0);
  pthread_join(threads[1], NULL);
  printf("requeue %ld\n", result);
  printf("requeue %ld", futex(&word, FUTEX_CMP_REQUEUE, 1, (void *)1, &other, 3));
  printf(" errno %d\n", errno);
  result = futex(&other, FUTEX_WAKE, 10, NULL, NULL, 0);
  pthread_join(threads[2], NULL);
  printf("wake other %ld\n", result);
  result = futex(&word, FUTEX_WAKE, 10, NULL, NULL, 0);
  pthread_join(threads[3], NULL);
  printf("wake %ld\n", result);
  struct timespec soon = {0, 1000000};
  printf("value %ld", futex(&word, FUTEX_WAIT, 7, NULL, NULL, 0));
  printf(" errno %d\n", errno);
  printf("time %ld", futex(&word, FUTEX_WAIT, 0, &soon, NULL, 0));
  printf(" errno %d\n", errno);
  printf("bits %ld", futex(&word, FUTEX_WAIT_BITSET, 0, &soon, NULL, 1));
  printf(" errno %d\n", errno);
  printf("bits %ld", futex(&word, FUTEX_WAIT_BITSET, 0, &soon, NULL, 0));
  printf(" errno %d\n", errno);
  soon.tv_nsec = -1;
  printf("bad time %ld", futex(&word, FUTEX_WAIT, 0, &soon, NULL, 0));
  printf(" errno %d\n", errno);
}

static void on_signal(int number) { printf("%d on own %d\n", number, own), ready = 100; }

static void *get_signal(void *given) {
  (void)given;
  own = 77;
  ready = 50;
  while (ready != 100) sched_yield();
  return NULL;
}

static void *never_end(void *given) {
  (void)given;
  for (;;) pause();
  return NULL;
}

static void signals(void) {
  pthread_t thread;
  void *result;
  signal(SIGUSR1, on_signal);
  pthread_create(&thread, NULL, get_signal, NULL);
  while (ready != 50) sched_yield();
  printf("kill %d\n", pthread_kill(thread, SIGUSR1));
  pthread_join(thread, NULL);
  pthread_create(&thread, NULL, never_end, NULL);
  usleep(1000);
  printf("cancel %d\n", pthread_cancel(thread));
  pthread_join(thread, &result);
  printf("cancelled %d\n", result == PTHREAD_CANCELED);
}

static void *wait_all(void *given) {
  sem_t *semaphore = given;
  int serial = pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD;
  atomic_fetch_add(&order, serial);
  sem_post(semaphore);
  return NULL;
}

static void together(void) {
  pthread_t threads[3];
  sem_t semaphore;
  struct timespec until;
  order = 0;
  sem_init(&semaphore, 0, 0);
  pthread_barrier_init(&barrier, NULL, 3);
  for (int i = 0; i < 3; i++) pthread_create(&threads[i], NULL, wait_all, &semaphore);
  for (int i = 0; i < 3; i++) sem_wait(&semaphore);
  for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
  printf("serial %d\n", order);
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_nsec = (until.tv_nsec + 5000000) % 1000000000;
  printf("timed %d errno %d\n", sem_timedwait(&semaphore, &until), errno);
  pthread_mutexattr_t robust;
  pthread_mutex_t mutex;
  pthread_mutexattr_init(&robust);
  pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(&mutex, &robust);
  pthread_create(&threads[0], NULL, (void *(*)(void *))pthread_mutex_lock, &mutex);
  pthread_join(threads[0], NULL);
  printf("owner died %d\n", pthread_mutex_lock(&mutex) == EOWNERDEAD);
}

static void *last(void *given) {
  (void)given;
  usleep(10000);
  puts("last");
  exit(9);
}

int main(void) {
  pthread_t thread;
  setvbuf(stdout, NULL, _IOLBF, 4096);
  turns();
  wakes();
  signals();
  together();
  printf("kill none %ld", syscall(SYS_tgkill, getpid(), 1 << 30, 0));
  printf(" errno %d\n", errno);
  pthread_create(&thread, NULL, last, NULL);
  pthread_exit(NULL);
}
