/*
 * Four threads at a time that compute, take a lock, and wait for each other; then two more, whose
 * places in the emulator were used before.
 * Build: gcc -O1 -static -pthread -o threads threads.c
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

enum { THREADS = 4, ROUNDS = 40 };
static pthread_barrier_t barrier;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int turns;
static long sum;

__attribute__((noinline)) static long collatz(long n) {
  long steps = 0;
  for (; n != 1; steps++) n = n % 2 ? 3 * n + 1 : n / 2;
  return steps;
}

static void *work(void *given) {
  long id = (long)given;
  if (id < THREADS) pthread_barrier_wait(&barrier);
  for (int i = 1; i <= ROUNDS; i++) {
    long steps = collatz(id * ROUNDS + i);
    atomic_fetch_add(&turns, 1);
    pthread_mutex_lock(&lock);
    sum += steps;
    pthread_mutex_unlock(&lock);
  }
  if (id < THREADS) pthread_barrier_wait(&barrier);
  return NULL;
}

int main(void) {
  pthread_t threads[THREADS];
  pthread_barrier_init(&barrier, NULL, THREADS);
  for (long i = 1; i < THREADS; i++) pthread_create(&threads[i], NULL, work, (void *)i);
  work((void *)0);
  for (long i = 1; i < THREADS; i++) pthread_join(threads[i], NULL);
  for (long i = 0; i < 2; i++) {
    pthread_create(&threads[0], NULL, work, (void *)(THREADS + i));
    pthread_join(threads[0], NULL);
  }
  printf("%ld %d\n", sum, turns);
  return 0;
}
