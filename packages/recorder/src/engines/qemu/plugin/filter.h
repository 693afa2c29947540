/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which code is recorded. What lies outside is not: of the transfers there one is left for each
 * visit, with cause `filtered` (outside.c). Without a filter nothing here is ever called.
 */
#ifndef BACKTRAIL_FILTER_H
#define BACKTRAIL_FILTER_H
#include "block.h"

/*
 * Rules joined by `+`, each of them one of
 *   a LOW : HIGH   addresses (hex) from LOW to before HIGH
 *   p LOW : HIGH   the same of the program as its file has them
 *   m NAME         files whose path or name matches a pattern, as hex digits of its bytes
 *   l N            privilege level N
 *   k LOW : HIGH   addresses that are recorded whatever else is said
 *   K LOW : HIGH   the same of the program
 *   h              so are all handlers of signals and traps
 * and all but k, K and h with a `!` before it: what is not to be. text: as switch_install(). What
 * is wrong, or NULL.
 */
const char *filter_install(const char *rules, const char *text, bool whole_machine);
bool has_filter(void);
/* Files were mapped or unmapped. */
void filter_maps_changed(void);
/* Whether a block is outside or inside, for ever; unknown if that is only told where it runs. */
enum place filter_place(struct block *b);
/* Whether a block that is about to run is recorded. env: QEMU's CPU state. */
bool filter_passes(struct block *b, const uint8_t *env);

#endif
