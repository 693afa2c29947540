/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trampolines.h"

#define BEGIN(name, type) \
  ".text\n.globl " name "\n.hidden " name "\n.type " name "," type "\n" name ":\n"
#define END(name, to) ".size " name ", .-" name "\n.hidden " to "\n"

#if defined(__x86_64__)
__asm__(
    BEGIN("backtrail_slow", "@function")
    "  mov %rbp, %r8\n  mov (%rsp), %r9\n  jmp backtrail_slow_at\n"
    END("backtrail_slow", "backtrail_slow_at")
    BEGIN("backtrail_on_relative_block", "@function")
    "  mov %rbp, %rdx\n  jmp backtrail_on_block_at\n"
    END("backtrail_on_relative_block", "backtrail_on_block_at")
    BEGIN("backtrail_on_filtered_block", "@function")
    "  mov %rbp, %rdx\n  mov (%rsp), %rcx\n  jmp backtrail_on_filtered_block_at\n"
    END("backtrail_on_filtered_block", "backtrail_on_filtered_block_at"));
#elif defined(__aarch64__)
__asm__(
    BEGIN("backtrail_slow", "%function")
    "  mov x4, x19\n  mov x5, x30\n  b backtrail_slow_at\n"
    END("backtrail_slow", "backtrail_slow_at")
    BEGIN("backtrail_on_relative_block", "%function")
    "  mov x2, x19\n  b backtrail_on_block_at\n"
    END("backtrail_on_relative_block", "backtrail_on_block_at")
    BEGIN("backtrail_on_filtered_block", "%function")
    "  mov x2, x19\n  mov x3, x30\n  b backtrail_on_filtered_block_at\n"
    END("backtrail_on_filtered_block", "backtrail_on_filtered_block_at"));
#else
#error "backtrail's plugin knows x86-64 and AArch64 hosts only"
#endif
