/*
 * Reads 32-bit words from standard input and has the CPU run each, all registers 0 but t4, which is
 * its address. Writes one byte for each: the signal it raised at that address, +128 if elsewhere.
 * Behind each word, and all around it, is c.ebreak, so control always comes back by a signal, if
 * the word is not a jump to itself or a system call.
 *
 *   riscv64-linux-gnu-gcc -march=rv64gc -nostdlib -static legality.fixture.S -o legality
 */
#define PAGE 0x40000000
#define PAGE_BYTES 8192
#define WORD 0x40001000
#define UC_PC 176

  .option norelax
  .globl _start
_start:
  la a0, alternate_stack
  li a1, 0
  li a7, 132 /* sigaltstack */
  ecall
  la s0, signals
1: lbu a0, 0(s0)
  beqz a0, 2f
  la a1, action
  li a2, 0
  li a3, 8
  li a7, 134 /* rt_sigaction */
  ecall
  addi s0, s0, 1
  j 1b
2: li a0, PAGE
  li a1, PAGE_BYTES
  li a2, 7 /* read, write, execute */
  li a3, 0x32 /* private, fixed, anonymous */
  li a4, -1
  li a5, 0
  li a7, 222 /* mmap */
  ecall
  li t0, PAGE
  li t1, PAGE + PAGE_BYTES
  li t2, 0x9002 /* c.ebreak */
3: sh t2, 0(t0)
  addi t0, t0, 2
  bne t0, t1, 3b

  la s0, words
4: li a0, 0
  mv a1, s0
  li a2, 65536
  li a7, 63 /* read */
  ecall
  add s0, s0, a0
  bgtz a0, 4b
  la t0, end
  sd s0, 0(t0)

next:
  la t0, at
  ld t1, 0(t0)
  la t2, end
  ld t2, 0(t2)
  bgeu t1, t2, done
  lw t3, 0(t1)
  li t4, WORD
  sh t3, 0(t4)
  srli t3, t3, 16
  sh t3, 2(t4)
  fence.i
  fsrmi 0
  .irp r, ra,sp,gp,tp,t0,t1,t2,s0,s1,a0,a1,a2,a3,a4,a5,a6,a7
  li \r, 0
  .endr
  .irp r, s2,s3,s4,s5,s6,s7,s8,s9,s10,s11,t3,t5,t6
  li \r, 0
  .endr
  jr t4

done:
  la s0, results
  la t0, result_end
  ld s1, 0(t0)
5: bgeu s0, s1, 6f
  li a0, 1
  mv a1, s0
  sub a2, s1, s0
  li a7, 64 /* write */
  ecall
  add s0, s0, a0
  j 5b
6: li a0, 0
  li a7, 94 /* exit_group */
  ecall

/* a0 signal, a2 ucontext. Returns to next, by rt_sigreturn. */
handler:
  ld t0, UC_PC(a2)
  li t1, WORD
  beq t0, t1, 7f
  ori a0, a0, 0x80
7: la t0, result_end
  ld t1, 0(t0)
  sb a0, 0(t1)
  addi t1, t1, 1
  sd t1, 0(t0)
  la t0, at
  ld t1, 0(t0)
  addi t1, t1, 4
  sd t1, 0(t0)
  la t0, next
  sd t0, UC_PC(a2)
  ret

  .data
  .balign 8
action: .quad handler, 0x08000000 /* SA_ONSTACK */, 0
alternate_stack: .quad stack, 0, 65536
at: .quad words
end: .quad words
result_end: .quad results
signals: .byte 4, 5, 7, 8, 11, 0 /* ILL, TRAP, BUS, FPE, SEGV */

  .bss
  .balign 16
stack: .skip 65536
words: .skip 2097152
results: .skip 524288
