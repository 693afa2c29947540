/* Quicksort of records through a comparator, as qsort of the C library is called. */
#include "tiny.h"

enum { RECORDS = 1500 };
struct record {
  u32 key;
  u16 group;
  char name[10];
};
static struct record records[RECORDS];
typedef int compare(const void *, const void *);

NOINLINE int by_key(const void *left, const void *right) {
  const struct record *a = left, *b = right;
  return a->key < b->key ? -1 : a->key > b->key;
}

NOINLINE int by_name(const void *left, const void *right) {
  const struct record *a = left, *b = right;
  int order = compare_texts(a->name, b->name);
  return order != 0 ? order : by_key(left, right);
}

NOINLINE int by_group(const void *left, const void *right) {
  const struct record *a = left, *b = right;
  return a->group != b->group ? a->group - b->group : by_name(left, right);
}

static void swap(u8 *a, u8 *b, size_t size) {
  for (; size > 0; size--, a++, b++) {
    u8 kept = *a;
    *a = *b;
    *b = kept;
  }
}

NOINLINE void quick_sort(u8 *base, size_t count, size_t size, compare *order) {
  while (count > 1) {
    u8 *low = base, *high = base + (count - 1) * size;
    swap(base, base + count / 2 * size, size);
    while (low < high) {
      while (low < high && order(high, base) >= 0) high -= size;
      while (low < high && order(low, base) <= 0) low += size;
      if (low < high) swap(low, high, size);
    }
    swap(base, low, size);
    size_t left = (size_t)(low - base) / size;
    size_t right = count - left - 1;
    if (left < right) {
      quick_sort(base, left, size, order);
      base = low + size;
      count = right;
    } else {
      quick_sort(low + size, right, size, order);
      count = left;
    }
  }
}

int main(int argc, char **argv) {
  static compare *const orders[] = {by_key, by_name, by_group};
  i64 iterations = argument(argc, argv, 1, 3);
  u64 state = 5, sum = 0;
  for (i64 i = 0; i < iterations; i++) {
    for (u32 r = 0; r < RECORDS; r++) {
      u64 bits = chance(&state);
      records[r].key = (u32)bits;
      records[r].group = (u16)(bits >> 32 & 31);
      for (u32 c = 0; c < 9; c++) records[r].name[c] = (char)('a' + (bits >> (c + 36) & 3));
      records[r].name[9] = 0;
    }
    compare *order = orders[i % 3];
    quick_sort((u8 *)records, RECORDS, sizeof records[0], order);
    for (u32 r = 1; r < RECORDS; r++) {
      if (order(&records[r - 1], &records[r]) > 0) exit(1);
      sum = mix(sum, records[r].key);
    }
  }
  tell_hex("quick", sum);
  return 0;
}
