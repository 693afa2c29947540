/*
 * A mix of what a small core does all day: a linked list that is searched, reversed and sorted, a
 * matrix, a state machine that reads numbers, and a CRC over it all.
 */
#include "tiny.h"

NOINLINE u16 crc16(u16 crc, u16 value) {
  for (int bit = 0; bit < 16; bit++, value >>= 1)
    crc = (crc ^ value) & 1 ? crc >> 1 ^ 0xa001 : crc >> 1;
  return crc;
}

/* ---- list ------------------------------------------------------------------------------------ */

enum { NODES = 200 };
struct node {
  struct node *next;
  i32 value;
  i32 place;
};
static struct node nodes[NODES];

typedef int node_order(const struct node *, const struct node *);
NOINLINE int by_value(const struct node *a, const struct node *b) { return a->value - b->value; }
NOINLINE int by_place(const struct node *a, const struct node *b) { return a->place - b->place; }

NOINLINE struct node *find(struct node *list, i32 value) {
  while (list != NULL && (list->value & 127) != value) list = list->next;
  return list;
}

NOINLINE struct node *reverse(struct node *list) {
  struct node *done = NULL;
  while (list != NULL) {
    struct node *next = list->next;
    list->next = done;
    done = list;
    list = next;
  }
  return done;
}

NOINLINE struct node *merge(struct node *a, struct node *b, node_order *order) {
  struct node head, *last = &head;
  while (a != NULL && b != NULL) {
    struct node **smaller = order(a, b) <= 0 ? &a : &b;
    last->next = *smaller;
    last = *smaller;
    *smaller = last->next;
  }
  last->next = a != NULL ? a : b;
  return head.next;
}

NOINLINE struct node *merge_sort(struct node *list, u32 count, node_order *order) {
  if (count < 2) {
    if (list != NULL) list->next = NULL;
    return list;
  }
  struct node *second = list;
  for (u32 i = 0; i < count / 2; i++) second = second->next;
  struct node *left = merge_sort(list, count / 2, order);
  return merge(left, merge_sort(second, count - count / 2, order), order);
}

NOINLINE u16 run_list(u32 seed, u16 crc) {
  u64 state = seed + 1;
  for (u32 i = 0; i < NODES; i++) {
    nodes[i].next = i + 1 < NODES ? &nodes[i + 1] : NULL;
    nodes[i].value = (i32)(chance(&state) & 0x7fff);
    nodes[i].place = (i32)i;
  }
  struct node *list = nodes;
  for (i32 value = 0; value < 32; value++) {
    struct node *found = find(list, value);
    crc = crc16(crc, found != NULL ? (u16)found->value : 0xffff);
    list = reverse(list);
  }
  list = merge_sort(list, NODES, by_value);
  for (struct node *at = list; at != NULL; at = at->next) crc = crc16(crc, (u16)at->value);
  list = merge_sort(list, NODES, by_place);
  return crc16(crc, (u16)list->value);
}

/* ---- matrix ---------------------------------------------------------------------------------- */

enum { SIDE = 12 };
static i32 left_matrix[SIDE][SIDE], product[SIDE][SIDE];
static short right_matrix[SIDE][SIDE];

NOINLINE u16 run_matrix(i32 seed, u16 crc) {
  for (i32 i = 0; i < SIDE; i++)
    for (i32 j = 0; j < SIDE; j++) {
      left_matrix[i][j] = seed + i * j;
      right_matrix[i][j] = (short)(seed - i + j);
    }
  for (i32 i = 0; i < SIDE; i++)
    for (i32 j = 0; j < SIDE; j++) {
      i32 sum = 0;
      for (i32 k = 0; k < SIDE; k++) {
        i32 term = left_matrix[i][k] * right_matrix[k][j];
        sum += (term >> 2 & 15) * (term >> 5 & 127);
      }
      product[i][j] = sum;
    }
  i32 total = 0, previous = 0;
  for (i32 i = 0; i < SIDE; i++)
    for (i32 j = 0; j < SIDE; j++) {
      i32 value = product[i][j];
      total = total + value > 4096 ? 0 : total + (value > previous ? 10 : 1);
      previous = value;
    }
  return crc16(crc, (u16)total);
}

/* ---- state machine --------------------------------------------------------------------------- */

enum state { START, SIGN, WHOLE, DOT, FRACTION, EXPONENT, POWER, DONE, WRONG, STATES };

NOINLINE enum state step(enum state state, char c) {
  int digit = c >= '0' && c <= '9';
  switch (state) {
    case START: return digit ? WHOLE : c == '+' || c == '-' ? SIGN : c == '.' ? DOT : WRONG;
    case SIGN: return digit ? WHOLE : c == '.' ? DOT : WRONG;
    case WHOLE: return digit ? WHOLE : c == '.' ? FRACTION : c == 'e' ? EXPONENT : WRONG;
    case DOT: return digit ? FRACTION : WRONG;
    case FRACTION: return digit ? FRACTION : c == 'e' ? EXPONENT : WRONG;
    case EXPONENT: return digit || c == '+' || c == '-' ? POWER : WRONG;
    case POWER: return digit ? POWER : WRONG;
    default: return WRONG;
  }
}

NOINLINE u16 run_states(const char *text, u16 crc) {
  u32 ends[STATES] = {0};
  while (*text != 0) {
    enum state state = START;
    for (; *text != 0 && *text != ','; text++)
      if (state != WRONG) state = step(state, *text);
    ends[state]++;
    if (*text == ',') text++;
  }
  for (u32 i = 0; i < STATES; i++) crc = crc16(crc, (u16)ends[i]);
  return crc;
}

int main(int argc, char **argv) {
  static char text[] = "5012,1234,-874,+122,35.54400,.1234500,-110.700,+0.64400,5.500e+3,"
                       "-.123e-2,-87e+832,+0.6e-12,T0.3e-1F,-T.T++Tq,1T3.4e4z,34.0e-T^";
  i64 iterations = argument(argc, argv, 1, 20);
  u16 crc = 0;
  for (i64 i = 0; i < iterations; i++) {
    crc = run_list((u32)i, crc);
    crc = run_matrix((i32)(i & 31), crc);
    text[i % (sizeof text - 1)] ^= 1;
    crc = run_states(text, crc);
    text[i % (sizeof text - 1)] ^= 1;
  }
  tell_hex("core", crc);
  return 0;
}
