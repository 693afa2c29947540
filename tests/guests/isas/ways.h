/* How each instruction set starts, ends, and what it alone can do to control. */
#ifndef WAYS_H
#define WAYS_H

int ways(void);

#define ENDLESS __builtin_unreachable()

#if defined(__i386__)
__attribute__((naked)) void _start(void) {
  __asm__("call ways\n movl %eax, %ebx\n movl $1, %eax\n int $0x80\n hlt");
}
/* loop, jecxz, a call to the next instruction, ret with an operand, enter by ret, rep. */
static void peculiar(unsigned n) {
  __asm__ volatile(
      "movl %0, %%ecx\n incl %%ecx\n"
      "1: loop 1b\n"
      "movl %0, %%ecx\n jecxz 2f\n nop\n"
      "2: call 3f\n"
      "3: popl %%eax\n"
      "pushl $7\n call 4f\n jmp 5f\n"
      "4: ret $4\n"
      "5: pushl $6f\n ret\n hlt\n"
      "6: movl %0, %%ecx\n leal buffer, %%edi\n xorl %%eax, %%eax\n cld\n rep stosb\n"
      "movl $7f, %%eax\n jmp *%%eax\n hlt\n"
      "7: jmp *table\n hlt\n"
      ".data\n table: .long 8f\n buffer: .space 16\n .text\n"
      "8:\n"
      : : "r"(n) : "eax", "ecx", "edi", "memory", "cc");
}

#elif defined(__arm__)
__attribute__((naked)) void _start(void) {
  __asm__("bl ways\n mov r7, #1\n svc #0\n");
}
#if defined(__thumb__)
/* cbz, tbb, it blocks around branches, calls and returns, bx pc into A32 and back. */
static void peculiar(unsigned n) {
  __asm__ volatile(
      ".syntax unified\n"
      "mov r4, %0\n"
      "cbz r4, 1f\n nop\n"
      "1: and r1, r4, #1\n tbb [pc, r1]\n"
      "2: .byte (3f - 2b) / 2, (4f - 2b) / 2\n"
      "3: nop\n"
      "4: cmp r4, #2\n it eq\n beq.n 5f\n nop\n"
      "5: cmp r4, #3\n ittt eq\n addeq r1, #1\n addeq r1, #2\n bleq 9f\n"
      "cmp r4, #4\n bl 10f\n"
      "bl 11f\n"
      "b.w 12f\n"
      ".balign 4\n"
      "9: bx lr\n"
      "10: itt ne\n addne r1, #1\n bxne lr\n push {r3, lr}\n pop {r3, pc}\n"
      ".balign 4\n"
      "11: bx pc\n nop\n .arm\n a32_return: bx lr\n .thumb\n"
      "thumb_call: 12: blx 13f\n b 14f\n"
      ".balign 4\n .arm\n a32_condition: 13: cmp r4, #1\n bxls lr\n bx lr\n .thumb\n"
      "thumb_end: 14: adr r1, 15f\n orr r1, #1\n mov pc, r1\n nop\n .balign 4\n"
      "15: nop\n"
      : : "r"(n) : "r1", "r4", "lr", "memory", "cc");
}
#else
/* Any instruction may be conditional, and any may write the pc. */
static void peculiar(unsigned n) {
  __asm__ volatile(
      "mov r4, %0\n cmp r4, #2\n"
      "addls pc, pc, r4, lsl #2\n b 4f\n b 1f\n b 2f\n b 3f\n"
      "1: nop\n 2: nop\n 3: nop\n"
      "4: cmp r4, #3\n bleq 9f\n"
      "cmp r4, #4\n bl 10f\n"
      "cmp r4, #1\n bl 11f\n"
      "adr r1, 5f\n str r1, [sp, #-4]!\n cmp r4, #5\n ldrne pc, [sp], #4\n add sp, sp, #4\n"
      "5: adr r1, 6f\n mov pc, r1\n nop\n"
      "6: mov lr, pc\n ldr pc, 12f\n"
      "blx 13f\n"
      "b 14f\n"
      "9: mov pc, lr\n"
      "10: addeq r1, r1, #1\n bxeq lr\n bx lr\n"
      "11: push {r3, lr}\n popls {r3, pc}\n pop {r3, lr}\n bx lr\n"
      "12: .word 10b\n"
      ".thumb\n 13: bx lr\n nop\n .arm\n"
      "14: nop\n"
      : : "r"(n) : "r1", "r4", "lr", "memory", "cc");
}
#endif

#elif defined(__powerpc__)
#if defined(__powerpc64__)
__asm__(
#if defined(_CALL_ELF) && _CALL_ELF == 2
    ".text\n.globl _start\n_start:\n"
    "bcl 20, 31, 1f\n 1: mflr 12\n"
    "addis 2, 12, (.TOC. - 1b)@ha\n addi 2, 2, (.TOC. - 1b)@l\n"
#else
    ".section .opd, \"aw\"\n.balign 8\n.globl _start\n_start: .quad 1f, .TOC.@tocbase, 0\n"
    ".text\n1:\n"
#endif
    "stdu 1, -112(1)\n bl ways\n nop\n li 0, 1\n sc\n");
#else
__asm__(".text\n.globl _start\n_start: stwu 1, -32(1)\n bl ways\n li 0, 1\n sc\n");
#endif
/* Counting branches, conditional returns and calls, a call to the next instruction. */
static void peculiar(unsigned n) {
  __asm__ volatile(
      "addi 9, %0, 1\n mtctr 9\n"
      "1: bdnz 1b\n"
      "bcl 20, 31, 2f\n 2: mflr 9\n"
      "cmpwi %0, 2\n beql 10f\n"
      "bl 11f\n bl 12f\n"
      "bcl 20, 31, 3f\n 3: mflr 9\n addi 9, 9, 13f - 3b\n mtctr 9\n bctrl\n"
      "cmpwi %0, 3\n beqctrl\n"
      "mtlr 9\n blrl\n"
      "bcl 20, 31, 4f\n 4: mflr 9\n addi 9, 9, 14f - 4b\n mtctr 9\n bctr\n"
      "10: blr\n"
      "11: cmpwi %0, 1\n beqlr\n bgtlr\n blr\n"
      "12: cmpwi %0, 4\n bne 10b\n blr\n"
      "13: blr\n"
      "14: nop\n"
      : : "b"(n) : "9", "lr", "ctr", "memory", "cr0");
}

#elif defined(__mips__)
__asm__(
    ".text\n.globl __start\n.ent __start\n__start:\n.set noreorder\n"
#if defined(_ABIN32) && _MIPS_SIM == _ABIN32
    "addiu $29, $29, -64\n jal ways\n nop\n move $4, $2\n li $2, 6058\n syscall\n"
#elif defined(__mips64)
    "daddiu $29, $29, -64\n dla $25, ways\n jalr $25\n nop\n move $4, $2\n li $2, 5058\n syscall\n"
#else
    "addiu $29, $29, -32\n jal ways\n nop\n move $4, $2\n li $2, 4001\n syscall\n"
#endif
    ".set reorder\n.end __start\n");
/* Branches that link, branches whose slot is skipped where they are not taken, work in slots. */
static void peculiar(unsigned n) {
  __asm__ volatile(
      ".set push\n .set noreorder\n .set noat\n .set nomacro\n"
      "move $8, %0\n"
      "1: bgtz $8, 1b\n addiu $8, $8, -1\n"
      "move $8, %0\n"
      "2: bgtzl $8, 2b\n addiu $8, $8, -1\n"
      "beql %0, $0, 3f\n addiu $9, $0, 1\n nop\n"
      "3: bal 8f\n addiu $9, $0, 2\n"
      "bgezal %0, 8f\n nop\n"
      "beqzl $0, 4f\n addiu $9, $0, 3\n nop\n"
      "4: bltzal $0, 8f\n nop\n"
      "bal 5f\n nop\n"
      "5: b 6f\n nop\n"
      "8: jr $31\n addiu $9, $9, 1\n"
      "6: bal 9f\n nop\n"
      "9: addiu $25, $31, 7f - 9b\n jalr $8, $25\n nop\n"
      "jal slot_page\n nop\n jal slot_alone\n nop\n"
      "b 10f\n nop\n"
      "7: jr $8\n nop\n"
      "10:\n .set pop\n"
      /* Linked so that its fourth instruction is the last of a page: the slot is in the next. */
      ".pushsection .slot, \"ax\"\n .set push\n .set noreorder\n"
      "slot_page: nop\n nop\n nop\n slot_alone: jr $31\n addiu $9, $9, 1\n"
      ".set pop\n .popsection\n"
      : : "r"(n) : "$8", "$9", "$25", "$31", "memory");
}

#elif defined(__s390x__)
__asm__(
    ".text\n.globl _start\n_start: aghi %r15, -160\n brasl %r14, ways\n"
    "lghi %r1, 1\n svc 0\n");
/* Counting branches, branches that compare, that link, through registers and on conditions. */
static void peculiar(unsigned n) {
  __asm__ volatile(
      "lgr %%r1, %0\n ahi %%r1, 1\n"
      "1: brct %%r1, 1b\n"
      "lgr %%r1, %0\n ahi %%r1, 1\n larl %%r2, 2f\n"
      "2: bctr %%r1, %%r2\n"
      "crje %%r1, %0, 3f\n nopr\n"
      "3: cgijne %0, 3, 4f\n nopr\n"
      "4: bras %%r14, 9f\n"
      "larl %%r2, 9f\n basr %%r14, %%r2\n"
      "basr %%r3, 0\n"
      "brasl %%r14, 10f\n"
      "chi %0, 2\n jge 5f\n nopr\n"
      "5: jg 6f\n nopr\n"
      "9: br %%r14\n"
      "10: chi %0, 3\n ber %%r14\n bhr %%r14\n br %%r14\n"
      "6: larl %%r2, 7f\n b 0(%%r2)\n nopr\n"
      "7: larl %%r2, 8f\n br %%r2\n nopr\n"
      "8: nopr\n"
      : : "d"(n) : "1", "2", "3", "14", "memory", "cc");
}

#elif defined(__riscv)
__asm__(
    ".text\n.globl _start\n_start: .option push\n .option norelax\n la gp, __global_pointer$\n"
    ".option pop\n call ways\n li a7, 93\n ecall\n");
static void peculiar(unsigned n) {
  __asm__ volatile(
      "jal t0, 1f\n j 2f\n"
      "1: jr t0\n"
      "2: la t1, 3f\n jr t1\n nop\n"
      "3: beqz %0, 4f\n nop\n"
      "4: jal ra, 5f\n"
      "5:\n"
      : : "r"(n) : "t0", "t1", "ra", "memory");
}

#elif defined(__sparc__)
#if defined(__arch64__)
__asm__(
    ".text\n.globl _start\n_start: add %sp, -192, %sp\n"
    "call ways\n nop\n mov 1, %g1\n ta 0x6d\n");
#else
__asm__(
    ".text\n.globl _start\n_start: add %sp, -96, %sp\n"
    "call ways\n nop\n mov 1, %g1\n ta 0x10\n");
#endif
/* Slots that are skipped where the branch is not taken, or always. */
static void peculiar(unsigned n) {
  __asm__ volatile(
      "mov %0, %%g1\n"
      "1: subcc %%g1, 1, %%g1\n bg 1b\n add %%g2, 1, %%g2\n"
      "mov %0, %%g1\n"
      "2: subcc %%g1, 1, %%g1\n bg,a 2b\n add %%g2, 1, %%g2\n"
      "ba,a 3f\n nop\n"
      "3: ba 4f\n add %%g2, 1, %%g2\n"
      "4: bn 5f\n nop\n"
      "5: bn,a 6f\n nop\n"
      "6: nop\n"
      : : "r"(n) : "g1", "g2", "memory", "cc");
}

#elif defined(__m68k__)
__asm__(".text\n.globl _start\n_start: jbsr ways\n move.l %d0, %d1\n moveq #1, %d0\n trap #0\n");
static void peculiar(unsigned n) {
  __asm__ volatile(
      "move.l %0, %%d1\n"
      "1: dbra %%d1, 1b\n"
      "bsr.w 3f\n"
      "lea 3f, %%a0\n jsr (%%a0)\n"
      "lea 2f, %%a0\n jmp (%%a0)\n"
      "3: rts\n"
      "2: nop\n"
      : : "d"(n) : "d1", "a0", "memory", "cc");
}

#elif defined(__sh__)
__asm__(
    ".text\n.globl _start\n.balign 4\n_start: mov.l 1f, r0\n jsr @r0\n nop\n"
    "mov r0, r4\n mov #1, r3\n trapa #17\n nop\n .balign 4\n 1: .long ways\n");
/* Branches with and without a slot. */
static void peculiar(unsigned n) {
  __asm__ volatile(
      "mov %0, r1\n add #1, r1\n"
      "1: dt r1\n bf 1b\n"
      "mov %0, r1\n add #1, r1\n"
      "2: dt r1\n bf/s 2b\n add #1, r2\n"
      "bsr 4f\n nop\n"
      "tst %0, %0\n bt 3f\n nop\n"
      "3: bra 5f\n nop\n"
      "4: rts\n add #1, r2\n"
      "5: nop\n"
      : : "r"(n) : "r1", "r2", "pr", "memory", "t");
}

#elif defined(__hppa__)
__asm__(
    ".text\n.globl _start\n_start: .proc\n .callinfo\n .entry\n"
    "ldil L%$global$, %r27\n ldo R%$global$(%r27), %r27\n ldo 64(%r30), %r30\n"
    "bl ways, %r2\n nop\n copy %r28, %r26\n ldi 1, %r20\n ble 0x100(%sr2, %r0)\n nop\n"
    ".exit\n .procend\n .data\n .globl $global$\n$global$: .word 0\n .text\n");
/* Slots that are nullified, branches that are, and a call to behind its slot. */
static void peculiar(unsigned n) {
  __asm__ volatile(
      "copy %0, %%r19\n"
      "1: addib,> -1, %%r19, 1b\n ldo 1(%%r20), %%r20\n"
      "copy %0, %%r19\n"
      "2: addib,>,n -1, %%r19, 2b\n ldo 1(%%r20), %%r20\n"
      "comib,=,n 2, %0, 3f\n ldo 1(%%r20), %%r20\n"
      "3: comib,= 3, %0, 4f\n nop\n"
      "4: b,n 5f\n nop\n"
      "5: comiclr,= 4, %0, %%r0\n b 6f\n ldo 1(%%r20), %%r20\n"
      "comiclr,<> 5, %0, %%r0\n b,n 6f\n nop\n"
      "6: bl 7f, %%r2\n nop\n b 8f\n nop\n"
      "7: comib,<> 1, %0, 9f\n nop\n bv,n %%r0(%%r2)\n nop\n"
      "9: bv %%r0(%%r2)\n ldo 1(%%r20), %%r20\n"
      "8: bl 10f, %%r31\n nop\n"
      "10: ldo 16(%%r31), %%r31\n bv %%r0(%%r31)\n nop\n nop\n nop\n"
      "bb,<,n %0, 31, 11f\n ldo 1(%%r20), %%r20\n"
      "11: movib,tr 1, %%r19, 12f\n nop\n nop\n"
      "12: nop\n"
      : : "r"(n) : "r2", "r19", "r20", "r31", "memory");
}

#elif defined(__alpha__)
__asm__(
    ".text\n.globl _start\n.ent _start\n_start: br $27, 1f\n 1: ldgp $29, 0($27)\n"
    "lda $30, -32($30)\n jsr $26, ways\n mov $0, $16\n lda $0, 1($31)\n callsys\n.end _start\n");
/* A call by a branch, a jump that is one, branches on low bits. */
static void peculiar(unsigned n) {
  __asm__ volatile(
      "blbs %0, 1f\n nop\n"
      "1: bsr $26, 3f\n br 2f\n"
      "2: br $1, 4f\n"
      "4: lda $1, 5f - 4b($1)\n jmp $31, ($1)\n nop\n"
      "3: beq %0, 6f\n ret $31, ($26)\n"
      "6: ret $31, ($26)\n"
      "5: fbeq $f31, 7f\n nop\n"
      "7: nop\n"
      : : "r"(n) : "$1", "$26", "memory");
}

#elif defined(__aarch64__)
__asm__(
    ".text\n.globl _start\n_start: bl ways\n mov x8, #93\n svc #0\n");
/* Branches on bits, a call to the next instruction. */
static void peculiar(unsigned n) {
  __asm__ volatile(
      "tbz %w0, #0, 1f\n nop\n"
      "1: cbz %w0, 2f\n nop\n"
      "2: bl 3f\n"
      "3: adr x1, 4f\n br x1\n nop\n"
      "4: nop\n"
      : : "r"(n) : "x1", "x30", "memory");
}

#elif defined(__loongarch__)
__asm__(".text\n.globl _start\n_start: bl ways\n li.w $a7, 93\n syscall 0\n");
static void peculiar(unsigned n) { (void)n; }
#endif
#endif
