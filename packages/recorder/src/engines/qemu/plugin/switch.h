/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recording that begins later than the guest, and ends before it. While it is off no block has a
 * callback of ours; to change that, all translations are thrown away.
 */
#ifndef BACKTRAIL_SWITCH_H
#define BACKTRAIL_SWITCH_H
#include <stdbool.h>
#include <stdint.h>

#include "qemu_api.h"

/* Call once from install, after the ring is attached. `start`: NULL, `paused`, or addresses
   0x… joined by `+`, of a program relative to its first byte of code, which the file has at `text`
   (NULL: as they are). What is wrong, or NULL. */
const char *switch_install(const char *start, const char *text);

/* Of a block that is being translated: whether it is to be recorded. If not, but recording is to
   begin where it has an instruction: *awaited. */
bool switch_records(const void *tb, bool *awaited);
/* An awaited block runs: recording begins with it. */
void switch_go_on(void);
/* All translations are gone. True if that was for us. */
bool switch_flushed(void);
/* In a forked child: whoever waited for a word to begin or end was not copied. */
void switch_forked(void);

#endif
