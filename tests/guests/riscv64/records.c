/* Records, texts and small procedures in the proportions that synthetic benchmarks of old had. */
#include "tiny.h"

enum colour { RED, GREEN, BLUE, WHITE };

struct item {
  struct item *next;
  enum colour colour;
  i32 price;
  i32 stock;
  char title[32];
};

static struct item first_item, second_item;
static i32 totals[64];
static i32 table[32][32];
static char last_letter;

NOINLINE enum colour next_colour(enum colour colour) {
  switch (colour) {
    case RED: return GREEN;
    case GREEN: return last_letter == 'Z' ? RED : BLUE;
    case BLUE: return WHITE;
    default: return RED;
  }
}

NOINLINE void copy_text(char *to, const char *from) {
  while ((*to++ = *from++) != 0) {}
}

NOINLINE int comes_later(const char *left, const char *right) {
  int at = 2;
  char found = 'A';
  while (at <= 2) {
    if (left[at] == right[at + 1]) {
      found = 'B';
      at++;
    } else {
      at += 3;
    }
  }
  if (found >= 'W' && found < 'Z') at = 7;
  return compare_texts(left, right) > 0 ? (at += 7, 1) : 0;
}

NOINLINE void add_price(i32 one, i32 other, i32 *sum) { *sum = other + one + 2; }

NOINLINE void fill_totals(i32 *list, i32 rows[32][32], i32 place, i32 value) {
  i32 at = place + 5;
  list[at] = value;
  list[at + 1] = list[at];
  list[at + 30] = at;
  for (i32 column = at; column <= at + 1; column++) rows[at & 31][column & 31] = at;
  rows[at & 31][(at - 1) & 31]++;
  rows[(at + 20) & 31][at & 31] = list[at];
}

NOINLINE void update(struct item *item) {
  struct item *next = item->next;
  *next = first_item;
  item->stock = 5;
  next->stock = item->stock;
  next->next = item->next;
  add_price(next->price, 10, &next->price);
  if (next->colour == RED) {
    next->stock = 6;
    next->colour = next_colour(item->colour);
    add_price(next->stock, 10, &next->stock);
  } else {
    *item = *next;
  }
}

NOINLINE u64 once(i64 run, u64 sum) {
  char local[32];
  i32 one = 2, other = 3, result = 0;
  copy_text(local, run & 1 ? "RECORDS OF SOMETHING, 2'ND" : "RECORDS OF SOMETHING, 3'RD");
  enum colour colour = comes_later(first_item.title, local) ? GREEN : BLUE;
  while (one < other) {
    result = 5 * one - other;
    add_price(one, other, &result);
    one++;
  }
  fill_totals(totals, table, one + (i32)(run & 15), result);
  update(&first_item);
  for (char letter = 'A'; letter <= 'C'; letter++) {
    last_letter = letter;
    if (colour == next_colour((enum colour)(letter & 3))) {
      copy_text(local, "RECORDS OF SOMETHING, 1'ST");
      other = (i32)run;
    }
  }
  other = other * one;
  one = other / (result | 1);
  other = 7 * (other - one) - one;
  first_item.colour = next_colour(first_item.colour);
  sum = mix(sum, (u64)other + (u64)first_item.stock + (u64)second_item.price);
  return mix(sum, (u64)(totals[12] + table[8][7]) + (u8)local[23]);
}

int main(int argc, char **argv) {
  i64 iterations = argument(argc, argv, 1, 3000);
  u64 sum = 0;
  first_item.next = &second_item;
  first_item.price = 40;
  copy_text(first_item.title, "RECORDS OF SOMETHING, 2'ND");
  for (i64 run = 0; run < iterations; run++) {
    sum = once(run, sum);
    first_item.price &= 1023;
    first_item.next = &second_item;
  }
  tell_hex("records", sum);
  return 0;
}
