# Nios II: calls, returns, conditions, jumps through registers.
  .text
  .set noat
  .globl _start
_start:
  movi r4, 200
1:call twice
  addi r4, r4, -1
  bne r4, zero, 1b
  movhi r5, %hi(twice)
  ori r5, r5, %lo(twice)
  callr r5
  movhi r5, %hi(2f)
  ori r5, r5, %lo(2f)
  jmp r5
  nop
2:br 3f
  nop
3:jmpi 4f
  nop
4:beq r4, zero, 5f
  nop
5:movi r4, 0
  movi r2, 93
  trap
twice:
  movi r6, 100
  bltu r6, r4, 6f
  ret
6:mov r7, ra
  call leaf
  mov ra, r7
  ret
leaf:
  ret
