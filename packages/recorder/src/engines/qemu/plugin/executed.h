/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exec: another program takes the place of this one, in the same process. Where that is QEMU again,
 * it loads this plugin with what QEMU_PLUGIN in the environment says, which names the ring of the
 * run's first process. The ring of its own is made before, by the image that it replaces.
 */
#ifndef BACKTRAIL_EXECUTED_H
#define BACKTRAIL_EXECUTED_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a process is that finds the ring of the run's first process. */
enum image {
  IMAGE_FIRST,      /* that one: the ring is its own */
  IMAGE_EXECUTED,   /* another one, and a ring was made for it: at *path */
  IMAGE_UNRECORDED, /* another one, or the run is over */
};
enum image executed_image(const char *root, char *path, size_t size);

/* Call once from install: rings are to be made for what this image executes. */
void executed_install(void);
/* A system call begins that, if it succeeds, replaces this image; and it has failed. */
void executed_begins(void);
void executed_failed(void);

#endif
