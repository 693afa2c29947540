/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CRIS (ETRAX FS Designer's Reference, chapter 1; v32 and v10 agree in this): how long instructions
 * are. What they do to control is not told.
 */
#include "classify.h"

enum { MODE_IMMEDIATE = 3, PC = 15, SIZE_OTHER = 3, SIZE_LONG = 2 };

/* Bytes of an immediate whose size is not in the usual bits. */
static size_t other_immediate(uint32_t w) {
  if ((w & 0x0fff) == 0x0dff) return 2; /* branches, far */
  bool to_special = (w & 0x0ff0) == 0x0e30;
  unsigned special = w >> 12;
  /* P0, P1 and P4 are of one byte or two; one is padded to two. */
  return to_special && (special <= 1 || special == 4) ? 2 : 4;
}

size_t cris_bytes(const uint8_t *code, size_t size) {
  if (size < 2) return 0;
  uint32_t w = half(code);
  if ((w >> 10 & 3) != MODE_IMMEDIATE || (w & 15) != PC) return 2;
  unsigned how = w >> 4 & 3;
  if (how == SIZE_OTHER) return 2 + other_immediate(w);
  return how == SIZE_LONG ? 6 : 4;
}
