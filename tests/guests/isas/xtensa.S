# Xtensa: windowed calls until the registers run out, calls without, loops, branches, jumps.
  .text
  .globl _start
_start:
  movi a2, 12
  call0 plain
  mov a10, a2
  call8 deep
  movi a5, 30
1:addi a5, a5, -1
  bnez a5, 1b
  movi a6, 7
  loop a6, 2f
  addi a5, a5, 1
  nop
2:movi a6, 5
  loopnez a6, 3f
  addi a5, a5, 1
3:movi a6, 0
  loopgtz a6, 4f
  addi a5, a5, 1
4:beqi a6, 1, 5f
  nop
5:bltui a6, 4, 6f
  nop
6:beqz a6, 7f
  nop
7:j 8f
  nop
8:movi a7, 1
  slli a7, a7, 16
  addmi a7, a7, 0x100
  callx0 a7
  movi a7, 1
  slli a7, a7, 16
  addmi a7, a7, 0x300
  jx a7
  .org 0x100
plain:
  bgeui a2, 10, 10f
  ret
10:bltu a2, a1, 11f
  nop
11:ret
  .org 0x200
deep:
  entry a1, 32
  beqz a2, 12f
  addi a10, a2, -1
  call8 deep
  addi a2, a10, 1
12:retw
  .org 0x300
  movi a10, 3
  movi a8, 1
  slli a8, a8, 16
  addmi a8, a8, 0x200
  callx8 a8
  movi a6, 0
  movi a2, 118
  syscall
