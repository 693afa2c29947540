/*
 * Two threads that wait for ever, until an alarm kills both. It finds the first, the other having
 * waited last.
 * Build: gcc -O1 -static -pthread -o deadlock deadlock.c
 */
#include <pthread.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *wait_for_ever(void *none) {
  pthread_mutex_lock(&lock);
  return none;
}

int main(void) {
  pthread_t thread;
  pthread_mutex_lock(&lock);
  alarm(1);
  pthread_create(&thread, NULL, wait_for_ever, NULL);
  pthread_join(thread, NULL);
  return 0;
}
