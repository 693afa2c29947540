/* Threads of the C library: a queue with a condition, counters with and without locks, barrier. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORKERS = 4, ITEMS = 200, ROUNDS = 500 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t not_empty = PTHREAD_COND_INITIALIZER;
static pthread_cond_t not_full = PTHREAD_COND_INITIALIZER;
static int queue[8];
static unsigned first, used;

static long plain;
static atomic_long atomic;
static __thread long own;
static pthread_barrier_t barrier;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int once_count;

static void at_first(void) { once_count++; }

static void put(int item) {
  pthread_mutex_lock(&lock);
  while (used == 8) pthread_cond_wait(&not_full, &lock);
  queue[(first + used++) % 8] = item;
  pthread_cond_signal(&not_empty);
  pthread_mutex_unlock(&lock);
}

static int take(void) {
  pthread_mutex_lock(&lock);
  while (used == 0) pthread_cond_wait(&not_empty, &lock);
  int item = queue[first];
  first = (first + 1) % 8;
  used--;
  pthread_cond_signal(&not_full);
  pthread_mutex_unlock(&lock);
  return item;
}

static void *consume(void *number) {
  long sum = 0;
  for (int item; (item = take()) >= 0;) sum += item;
  (void)number;
  return (void *)sum;
}

static void *count(void *number) {
  pthread_once(&once, at_first);
  for (int i = 0; i < ROUNDS; i++) {
    own += (long)number;
    atomic_fetch_add(&atomic, 1);
    pthread_mutex_lock(&lock);
    plain++;
    pthread_mutex_unlock(&lock);
  }
  pthread_barrier_wait(&barrier);
  return (void *)(own + (plain == WORKERS * ROUNDS));
}

static long run(void *(*work)(void *)) {
  pthread_t threads[WORKERS];
  long sum = 0;
  for (long i = 0; i < WORKERS; i++) {
    if (pthread_create(&threads[i], NULL, work, (void *)i) != 0) exit(1);
  }
  if (work == consume) {
    for (int i = 0; i < ITEMS; i++) put(i);
    for (int i = 0; i < WORKERS; i++) put(-1);
  }
  for (int i = 0; i < WORKERS; i++) {
    void *result;
    pthread_join(threads[i], &result);
    sum += (long)result;
  }
  return sum;
}

int main(void) {
  pthread_barrier_init(&barrier, NULL, WORKERS);
  printf("taken: %ld\n", run(consume));
  printf("counted: %ld\n", run(count));
  printf("plain %ld, atomic %ld, once %d\n", plain, atomic_load(&atomic), once_count);
  return 0;
}
