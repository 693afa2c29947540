# OpenRISC: calls, returns, conditions, jumps through registers, a slot in the next page.
  .text
  .globl _start
_start:
  l.addi r3, r0, 200
1:l.jal twice
  l.nop
  l.addi r3, r3, -1
  l.sfne r3, r0
  l.bf 1b
  l.addi r4, r4, 1
  l.movhi r5, hi(twice)
  l.ori r5, r5, lo(twice)
  l.jalr r5
  l.nop
  l.sfeq r3, r0
  l.bnf 1b
  l.nop
  l.movhi r5, hi(2f)
  l.ori r5, r5, lo(2f)
  l.jr r5
  l.addi r4, r4, 1
  l.nop
2:l.jal 3f
  l.nop
3:l.j 4f
  l.nop
  l.nop
4:l.jal page
  l.nop
  l.addi r3, r0, 0
  l.ori r11, r0, 93
  l.sys 1
  l.nop
twice:
  l.sfgtui r3, 100
  l.bf 5f
  l.addi r4, r4, 1
  l.jr r9
  l.addi r4, r4, 2
5:l.ori r6, r9, 0
  l.jal leaf
  l.nop
  l.jr r6
  l.nop
leaf:
  l.jr r9
  l.nop
  .org 0x1ff8
page:
  l.nop
  l.jr r9
  l.addi r4, r4, 3
