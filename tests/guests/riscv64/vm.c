/* An interpreter of its own byte code: a jump table that goes elsewhere each time. */
#include "tiny.h"

enum { PUSH, LOAD, STORE, ADD, SUB, MUL, MOD, LESS, JUMP, UNLESS, DUP, DROP, XOR, CALL, RET, HALT };

/*
 * total = 0; i = 0; while (i < n) { total = mixed(total, i * i % 97); i = i + 1 } and mixed(a, b)
 * is a * 31 ^ b. Variables: 0 n, 1 i, 2 total, 3 and 4 those of the function.
 */
static const u8 program[] = {
    PUSH, 0, STORE, 2, PUSH, 0, STORE, 1,                        /*  0 */
    LOAD, 1, LOAD, 0, LESS, UNLESS, 39,                          /*  8 */
    LOAD, 2, LOAD, 1, DUP, MUL, PUSH, 97, MOD, CALL, 42,         /* 15 */
    STORE, 2, LOAD, 1, PUSH, 1, ADD, STORE, 1, DUP, DROP, JUMP, 8, /* 26 */
    LOAD, 2, HALT,                                               /* 39 */
    STORE, 4, STORE, 3, LOAD, 3, PUSH, 31, MUL, LOAD, 4, XOR, RET, /* 42 */
};

NOINLINE i64 interpret(const u8 *code, i64 n) {
  i64 stack[16], variables[5] = {n, 0, 0, 0, 0};
  u32 returns[8], depth = 0;
  i64 *top = stack;
  *top = 0;
  for (u32 pc = 0;;) {
    switch (code[pc++]) {
      case PUSH: *++top = code[pc++]; break;
      case LOAD: *++top = variables[code[pc++]]; break;
      case STORE: variables[code[pc++]] = *top--; break;
      case ADD: top--; *top += top[1]; break;
      case SUB: top--; *top -= top[1]; break;
      case MUL: top--; *top = (i64)((u64)*top * (u64)top[1]); break;
      case MOD: top--; *top %= top[1]; break;
      case LESS: top--; *top = *top < top[1]; break;
      case XOR: top--; *top ^= top[1]; break;
      case JUMP: pc = code[pc]; break;
      case UNLESS: pc = *top-- ? pc + 1 : code[pc]; break;
      case DUP: top++; *top = top[-1]; break;
      case DROP: top--; break;
      case CALL: returns[depth++] = pc + 1; pc = code[pc]; break;
      case RET: pc = returns[--depth]; break;
      default: return *top;
    }
  }
}

int main(int argc, char **argv) {
  tell_hex("vm", (u64)interpret(program, argument(argc, argv, 1, 3000)));
  return 0;
}
