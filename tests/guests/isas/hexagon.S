# Hexagon: packets with calls, returns, conditions, a hardware loop, jumps through registers.
  .text
  .globl _start
_start:
  { r3 = #200 }
1:{ call 2f }
  { r3 = add(r3, #-1) }
  { p0 = cmp.eq(r3, #1) }
  { if (!p0) jump 1b }
  { p0 = cmp.gt(r3, #0); if (p0.new) jump:t 3f }
  { nop }
3:{ loop0(4f, #5) }
4:{ r4 = add(r4, #1)
    nop }:endloop0
  { r5 = ##65536 }
  { r5 = add(r5, #0x300) }
  { callr r5 }
  { r5 = ##65536 }
  { r5 = add(r5, #0x400) }
  { jumpr r5 }
2:{ p1 = cmp.gt(r3, #100) }
  { if (p1) jumpr r31 }
  { r7 = r31
    call 5f }
  { jumpr r7 }
5:{ jumpr r31 }
  .org 0x200
  { allocframe(#8) }
  { call 5b }
  { dealloc_return }
  .org 0x300
  { jump 6f }
  { nop }
6:{ r0 = #0
    r6 = #93 }
  { trap0(#1) }
