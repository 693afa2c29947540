/* Recursion without an end, until the stack has one. */
#include "tiny.h"

struct tree {
  struct tree *left, *right;
  u32 value;
};

static struct tree nodes[7];

/* Some for each call, so that the end comes after 30,000 of them. */
enum { ROOM = 192 };

NOINLINE u64 visit_right(const struct tree *tree, u64 path);

NOINLINE u64 visit_left(const struct tree *tree, u64 path) {
  u8 room[ROOM];
  __asm__ volatile("" ::"r"(room) : "memory");
  if (tree == NULL) return path;
  u64 sum = visit_right(tree->left, mix(path, tree->value));
  return sum + visit_right(tree->right, sum);
}

NOINLINE u64 visit_right(const struct tree *tree, u64 path) {
  u8 room[ROOM];
  __asm__ volatile("" ::"r"(room) : "memory");
  if (tree == NULL) return path;
  u64 sum = visit_left(tree->right, mix(path, tree->value + 1));
  return sum + visit_left(tree->left, sum);
}

int main(void) {
  for (u32 i = 0; i < COUNT(nodes); i++) {
    nodes[i].value = i;
    nodes[i].left = 2 * i + 1 < COUNT(nodes) ? &nodes[2 * i + 1] : NULL;
    nodes[i].right = 2 * i + 2 < COUNT(nodes) ? &nodes[2 * i + 2] : NULL;
  }
  tell_hex("sum of a tree", visit_left(nodes, 1));
  nodes[5].left = &nodes[2];
  say("now one that is none\n");
  tell_hex("not reached", visit_left(nodes, 1));
  return 0;
}
