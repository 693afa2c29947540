/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Host terms. QEMU's code buffer is read, never written. Offsets and encodings are those that
 * docs/qemu.md lists as checked; where they do not hold, the answer is "unknown".
 */
#include <string.h>

#include "block.h"
#include "qemu_api.h"

/*
 * In TranslationBlock, in 64-bit words: tc.ptr, and tc.size behind it. Alike in QEMU 7.2, 10.0 and
 * 11.1, but in 7.2 one earlier where the guest's addresses are of 32 bits: pc and cs_base are, too.
 * Read at the wrong one, a size is never below 2^32 or an address never near the code.
 */
static const int tb_code_words[] = {4, 3};
enum { UNWIND_WORDS_MAX = 3, SURE_INSTRUCTIONS = 4 };

bool host_code(uintptr_t host_pc, uint64_t *start, uint32_t *size) {
  const uint64_t *tb = qemu.tcg_tb_lookup ? qemu.tcg_tb_lookup(host_pc) : NULL;
  *start = 0;
  *size = 0;
  for (size_t i = 0; tb && i < sizeof tb_code_words / sizeof *tb_code_words; i++) {
    uint64_t code = tb[tb_code_words[i]], bytes = tb[tb_code_words[i] + 1];
    if (host_pc < code || host_pc - code >= bytes || bytes > UINT32_MAX) continue;
    *start = code;
    *size = (uint32_t)bytes;
    return true;
  }
  return false;
}

#if defined(__x86_64__)

static int64_t sleb128(const uint8_t **at) {
  int64_t value = 0;
  unsigned shift = 0;
  uint8_t byte;
  do {
    byte = *(*at)++;
    value |= (int64_t)(byte & 0x7f) << shift;
    shift += 7;
  } while ((byte & 0x80) && shift < 64);
  if (shift < 64 && (byte & 0x40)) value |= -((int64_t)1 << shift);
  return value;
}

/*
 * QEMU's unwind table lies behind the host code: for each guest instruction sleb128 deltas of its
 * data words (the first is the pc) and of the host offset where its code ends. How many words
 * there are depends on guest and version: the count with which every pc of a long block fits.
 */
static bool range_with(const struct block *b, int words, uint64_t *low, uint64_t *high) {
  const uint8_t *at = (const uint8_t *)(b->host_pc + b->host_size);
  uint64_t pc = b->start, expected = b->start, begin = 0, end = 0;
  for (uint32_t i = 0; i < b->instructions; i++) {
    pc += (uint64_t)sleb128(&at);
    for (int word = 1; word < words; word++) sleb128(&at);
    begin = end;
    end += (uint64_t)sleb128(&at);
    if (pc != expected || end < begin || end > b->host_size) return false;
    expected += b->sizes[i];
  }
  *low = b->host_pc + begin;
  *high = b->host_pc + end;
  return true;
}

static bool last_instruction_range(const struct block *b, uint64_t *low, uint64_t *high) {
  static int words_known; /* guarded by the ring lock */
  if (words_known) return range_with(b, words_known, low, high);
  if (b->instructions < SURE_INSTRUCTIONS) {
    *low = b->host_pc;
    *high = b->host_pc + b->host_size;
    return true;
  }
  for (int words = 1; words <= UNWIND_WORDS_MAX; words++) {
    if (!range_with(b, words, low, high)) continue;
    words_known = words;
    return true;
  }
  return false;
}

/* goto_tb: `jmp rel32` whose displacement QEMU patches in place, hence 4-byte aligned. */
static uint64_t patched_jump(const struct block *from, uint64_t target) {
  uint64_t end = from->host_pc + from->host_size;
  for (uint64_t at = from->host_pc; at + 5 <= end; at++) {
    int32_t displacement;
    if (*(const uint8_t *)at != 0xe9 || (at + 1) % 4 != 0) continue;
    memcpy(&displacement, (const void *)(at + 1), sizeof displacement);
    if (at + 5 + (int64_t)displacement == target) return at;
  }
  return 0;
}

/* Whether a near call ends at `at`: direct, or through a word beside the code. */
static bool call_ends(const struct block *from, uint64_t at) {
  const uint8_t *code = (const uint8_t *)at;
  if (at - from->host_pc >= 5 && code[-5] == 0xe8) return true;
  return at - from->host_pc >= 6 && code[-6] == 0xff && code[-5] == 0x15;
}

/*
 * goto_ptr: `jmp *%rax` at the end of the last instruction's code, right after the call that asks
 * where to go. Without the call the two bytes may be part of a displacement.
 */
static uint64_t register_jump(const struct block *from) {
  uint64_t low, high;
  if (!last_instruction_range(from, &low, &high)) return 0;
  for (uint64_t at = high; at >= low + 2; at--) {
    const uint8_t *code = (const uint8_t *)(at - 2);
    if (code[0] == 0xff && code[1] == 0xe0 && call_ends(from, at - 2)) return at - 2;
  }
  return 0;
}

uint64_t host_source(const struct block *from, const struct block *to, uint8_t *how) {
  *how = RING_NO_CODE;
  if (!from->host_pc || !to->host_pc) return 0;
  uint64_t at = patched_jump(from, to->host_pc);
  *how = HOST_HOW_DIRECT_JUMP;
  if (!at) {
    at = register_jump(from);
    *how = at ? HOST_HOW_INDIRECT_JUMP : HOST_HOW_MAIN_LOOP;
  }
  return at;
}

#else /* other hosts: the jump cannot be told, the target can */

uint64_t host_source(const struct block *from, const struct block *to, uint8_t *how) {
  (void)from;
  (void)to;
  *how = RING_NO_CODE;
  return 0;
}

#endif
