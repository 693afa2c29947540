/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers of the Linux system calls that the plugin follows, by guest ISA. */
#ifndef BACKTRAIL_NUMBERS_H
#define BACKTRAIL_NUMBERS_H
#include "classify.h"

/* -1: there is none, or it takes its arguments in another way. mmap2 counts its offset in units of
   4096 bytes. */
struct numbers {
  int64_t mmap, munmap, rt_sigaction, rt_sigreturn, execve, execveat, clone, fork, vfork;
  int64_t mmap2, sigreturn, exit_group;
};

/* Never NULL; all -1 for an ISA that is not known. */
const struct numbers *numbers_of(const struct guest *guest);

#endif
