/*
 * Blocks of awkward shape: more instructions in a row than a block holds (512), straight code over
 * a page end, a branch as the last thing on a page and its target as the first on the next, where
 * the ISA has such an instruction one that lies across a page end, a jump to the next instruction,
 * a block that jumps to itself and one that jumps into its own middle.
 * Build: gcc -O1 -static -o shapes shapes.c
 */
#include <stdio.h>

#if defined(__x86_64__)
#define ADD_ONE "add $1, %eax\n"
#define FIRST "mov %edi, %eax\n"
#define RETURN "ret\n"
#define WIDE ".byte 0x81, 0xc0, 0x02, 0x00, 0x00, 0x00\n" /* add $2, %eax in six bytes */
#define PAD(bytes) ".fill " #bytes ", 1, 0x90\n"
#define PAD_TO_JUMP PAD(28)
#define JUMP(label) "jmp " label "\n"
#define COUNT_DOWN(label) "sub $1, %edi\n jnz " label "\n"
#define PREPARE ""
#elif defined(__riscv)
#define PREPARE ".option norelax\n"
#define ADD_ONE "addi a1, a1, 1\n"
#define FIRST "li a1, 0\n"
#define RETURN "mv a0, a1\n ret\n"
#define WIDE ".option push\n .option norvc\n addi a1, a1, 2\n .option pop\n"
#define PAD(bytes) ".rept " #bytes " / 2\n c.nop\n .endr\n"
#define PAD_TO_JUMP PAD(28)
#define JUMP(label) "j " label "\n"
#define COUNT_DOWN(label) "addi a0, a0, -1\n bnez a0, " label "\n"
#elif defined(__aarch64__)
#define PREPARE ""
#define ADD_ONE "add w1, w1, #1\n"
#define FIRST "mov w1, #0\n"
#define RETURN "mov w0, w1\n ret\n"
#define WIDE "add w1, w1, #2\n"
#define PAD(bytes) ".rept " #bytes " / 4\n nop\n .endr\n"
#define PAD_TO_JUMP PAD(24)
#define JUMP(label) "b " label "\n"
#define COUNT_DOWN(label) "subs w0, w0, #1\n b.ne " label "\n"
#endif

int straight(int), page_end(int), across(int), page_jump(int);
int next_jump(int), self(int), middle(int);

__asm__(
    ".text\n" PREPARE
    ".balign 4096\n straight:\n" FIRST ".rept 1700\n" ADD_ONE ".endr\n" RETURN
    /* Straight code that runs over a page end between two instructions. */
    ".balign 4096\n" PAD(4080) "page_end:\n" FIRST PAD(48) ADD_ONE RETURN
    /* An instruction whose bytes lie on both pages, after others in its block. */
    ".balign 4096\n" PAD(4060) "across:\n" FIRST PAD(32) WIDE ADD_ONE RETURN
    /* The branch ends the page, its target begins the next. */
    ".balign 4096\n" PAD(4064) "page_jump:\n" FIRST PAD_TO_JUMP JUMP("3f")
    "3:\n" COUNT_DOWN("3b") ADD_ONE RETURN
    "next_jump:\n" FIRST JUMP("4f") "4:\n" ADD_ONE JUMP("5f") "5:\n" RETURN
    ".balign 64\n self:\n" FIRST "6:\n" COUNT_DOWN("6b") RETURN
    ".balign 64\n middle:\n" FIRST ADD_ONE "7:\n" ADD_ONE ADD_ONE COUNT_DOWN("7b") RETURN);

int main(void) {
  int sum = 0;
  for (int i = 1; i < 6; i++) {
    sum += straight(i) + page_end(i) + across(i) + page_jump(i);
    sum += next_jump(i) + self(i) + middle(i);
  }
  printf("%d\n", sum);
  return 0;
}
