# CRIS v32: calls, returns, conditions, jumps through registers.
  .text
  .globl _start
_start:
  moveq 20,$r3
1:subq 1,$r3
  cmpq 0,$r3
  bne 1b
  addq 1,$r4
  bsr sub
  nop
  move.d 0x10100,$r5
  jsr $r5
  nop
  ba 2f
  nop
  nop
2:moveq 0,$r10
  moveq 1,$r9
  break 13
sub: ret
  nop
  .org 0x100
  ret
  addq 1,$r4
