# LoongArch: calls, returns, conditions, jumps through registers.
  .text
  .globl _start
_start:
  addi.d $a0, $zero, 200
1:bl twice
  addi.d $a0, $a0, -1
  bnez $a0, 1b
  lu12i.w $t0, 0x10
  addi.d $t0, $t0, 0x100
  jirl $ra, $t0, 0
  pcaddi $t0, 0
  jirl $zero, $t0, 12
  nop
  b 2f
  nop
2:beqz $a0, 3f
  nop
3:fcmp.ceq.d $fcc0, $fa0, $fa0
  bcnez $fcc0, 4f
  nop
4:bceqz $fcc0, 5f
  nop
5:beq $a0, $a0, 6f
  nop
6:bl 7f
7:jirl $zero, $ra, 8
  nop
  ori $a0, $zero, 0
  ori $a7, $zero, 93
  syscall 0
  .org 0x100
twice:
  addi.d $t2, $zero, 100
  bltu $t2, $a0, 8f
  jirl $zero, $ra, 0
8:or $t3, $ra, $zero
  bl leaf
  or $ra, $t3, $zero
  jirl $zero, $ra, 0
leaf:
  jirl $zero, $ra, 0
