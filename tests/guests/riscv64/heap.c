/* Heapsort of 64-bit keys, its order given by a function pointer. */
#include "tiny.h"

enum { KEYS = 2048 };
static i64 keys[KEYS];
typedef int order(i64, i64);

NOINLINE int ascending(i64 a, i64 b) { return a < b; }
NOINLINE int descending(i64 a, i64 b) { return a > b; }

NOINLINE void sift(i64 *heap, u32 at, u32 count, order *before) {
  i64 key = heap[at];
  for (u32 child; (child = 2 * at + 1) < count; at = child) {
    if (child + 1 < count && before(heap[child], heap[child + 1])) child++;
    if (!before(key, heap[child])) break;
    heap[at] = heap[child];
  }
  heap[at] = key;
}

NOINLINE void heap_sort(i64 *array, u32 count, order *before) {
  for (u32 at = count / 2; at-- > 0;) sift(array, at, count, before);
  for (u32 end = count; end-- > 1;) {
    i64 first = array[0];
    array[0] = array[end];
    array[end] = first;
    sift(array, 0, end, before);
  }
}

int main(int argc, char **argv) {
  i64 iterations = argument(argc, argv, 1, 3);
  u64 state = 11, sum = 0;
  for (i64 i = 0; i < iterations; i++) {
    order *before = i & 1 ? descending : ascending;
    for (u32 k = 0; k < KEYS; k++) keys[k] = (i64)chance(&state);
    heap_sort(keys, KEYS, before);
    for (u32 k = 1; k < KEYS; k++)
      if (before(keys[k], keys[k - 1])) exit(1);
    sum = mix(sum, (u64)keys[KEYS / 2]);
  }
  tell_hex("heap", sum);
  return 0;
}
