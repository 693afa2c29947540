# Where every sample begins: at 0x80000000, in machine mode, as QEMU's virt board starts with
# -bios none. Sets up what C needs, calls main(), and gives its result to the test finisher.

  # Else the linker notes the name of a temporary file.
  .file "start.S"
  .section .text.start, "ax"
  .globl _start
  .type _start, @function
_start:
  .option push
  .option norelax
  la gp, __global_pointer$
  .option pop
  la sp, stack_top
  la t0, bss_start
  la t1, bss_end
1:
  bgeu t0, t1, 2f
  sd zero, 0(t0)
  addi t0, t0, 8
  j 1b
2:
  call main
  call finish
  .size _start, . - _start

# Trap entry of samples that handle traps in C: all integer registers go into a frame on the stack,
# then on_trap(frame) is called, and its result is the frame to go on with: another one is another
# task. The frame: x1 to x31 at 8 * number, the address to go on at at 0, mstatus at 256.
  .macro save
  sd ra, 8(sp)
  .irp n, 3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
  sd x\n, 8*\n(sp)
  .endr
  .endm

  .macro restore
  ld ra, 8(sp)
  .irp n, 3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
  ld x\n, 8*\n(sp)
  .endr
  ld sp, 16(sp)
  .endm

  .text
  .align 2
  .globl trap_entry
  .type trap_entry, @function
trap_entry:
  addi sp, sp, -272
  save
  addi t0, sp, 272
  sd t0, 16(sp)
  csrr t0, mepc
  sd t0, 0(sp)
  csrr t0, mstatus
  sd t0, 256(sp)
  mv a0, sp
  call on_trap
  mv sp, a0
  .globl trap_return
trap_return:
  ld t0, 0(sp)
  csrw mepc, t0
  ld t0, 256(sp)
  csrw mstatus, t0
  restore
  mret
  .size trap_entry, . - trap_entry

# The same for supervisor mode. sscratch holds the kernel's stack while a task of user mode runs,
# and 0 while the kernel runs.
  .align 2
  .globl supervisor_entry
  .type supervisor_entry, @function
  .weak on_supervisor_trap
supervisor_entry:
  csrrw sp, sscratch, sp
  bnez sp, 1f
  csrrw sp, sscratch, sp
1:
  addi sp, sp, -272
  save
  csrrw t0, sscratch, zero
  bnez t0, 2f
  addi t0, sp, 272
2:
  sd t0, 16(sp)
  csrr t0, sepc
  sd t0, 0(sp)
  csrr t0, sstatus
  sd t0, 256(sp)
  mv a0, sp
  call on_supervisor_trap
  ld t0, 0(sp)
  csrw sepc, t0
  ld t0, 256(sp)
  csrw sstatus, t0
  andi t0, t0, 0x100
  bnez t0, 3f
  addi t0, sp, 272
  csrw sscratch, t0
3:
  restore
  sret
  .size supervisor_entry, . - supervisor_entry
