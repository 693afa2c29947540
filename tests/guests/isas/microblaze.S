# MicroBlaze: branches with and without slots, long ones behind imm, calls, returns, registers.
  .text
  .globl _start
_start:
  addik r5, r0, 200
1:brlid r15, twice
  nop
  addik r5, r5, -1
  bneid r5, 1b
  addik r6, r6, 1
  beqi r5, 2f
  nop
2:addik r7, r0, twice
  brald r15, r7
  nop
  addik r7, r0, 4f
  bra r7
  nop
4:addik r7, r0, 12
6:brd r7
  addik r6, r6, 1
  nop
5:addik r7, r0, 8
  beq r5, r7
  nop
  bned r5, r7
  nop
  brid 7f
  nop
  nop
7:bri 8f
  nop
8:brlid r15, page
  nop
  bralid r15, twice
  nop
  addik r5, r0, 0
  addik r12, r0, 1
  brki r14, 8
twice:
  addik r8, r5, -100
  bgti r8, 9f
  rtsd r15, 8
  addik r6, r6, 2
9:addk r9, r15, r0
  brlid r15, leaf
  nop
  addk r15, r9, r0
  rtsd r15, 8
  nop
leaf:
  rtsd r15, 8
  nop
  .org 0xff8
page:
  nop
  rtsd r15, 8
  addik r6, r6, 3
