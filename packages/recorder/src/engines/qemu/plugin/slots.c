/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where QEMU puts a delay slot:
 *   behind its branch, in one block. At the end of a page into the next block: then the branch goes
 *   to the second, and of the first may be nothing left (MIPS, SuperH, OpenRISC, MicroBlaze).
 *   SPARC and PA-RISC: often into a block of its own, or of its own and what follows where the
 *   branch was not taken, or into none, where it is skipped. Then the branch takes the slot from
 *   the guest's memory, and the block that has it goes without.
 */
#include "slots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest.h"

static struct block **passed; /* by vCPU: as slots_leave(), or NULL */
static uint32_t slots;

bool slots_install(uint32_t vcpu_slots) {
  slots = vcpu_slots;
  passed = calloc(slots, sizeof *passed);
  return passed != NULL;
}

void slots_vcpu_started(unsigned index) { passed[index] = NULL; }

void slots_forget_all(void) { memset(passed, 0, slots * sizeof *passed); }

void slots_leave(unsigned index, struct block *b) { passed[index] = b; }

static bool has_slot_at(const struct block *b, uint32_t index) {
  if (b->sizes[index] != slot_bytes(&guest)) return false;
  uint64_t pc = block_instruction(b, index);
  return has_slot(&guest, b->code + (pc - b->start), pc);
}

/* A branch whose slot is nullified if it is taken, as it always is; QEMU translates it still. */
static bool never_runs_slot(const struct block *b, uint32_t index) {
  struct code code = block_code(b);
  enum ending ending = classify(&guest, &code, index).ending;
  return guest.isa == ISA_HPPA && ending != END_SEQUENTIAL && ending != END_TRAP;
}

static void leave_branch(struct block *b, size_t slot, char *line) {
  uint32_t n = b->instructions;
  b->before_text = line ? line + 1 : b->text;
  if (line) *line = '\0';
  memcpy(&b->before_slot, b->code + (b->last - b->start), slot);
  b->end = b->last;
  b->instructions = n - 1;
  if (n >= 2) b->last -= b->sizes[n - 2];
}

void slots_join(struct block *b) {
  uint32_t n = b->instructions;
  size_t slot = slot_bytes(&guest);
  char *line = b->text ? strrchr(b->text, '\n') : NULL; /* before the last one */
  if (slot == 0) return;
  if (n >= 2 && has_slot_at(b, n - 2)) {
    if (line) *line = ';';
    b->sizes[n - 2] = (uint8_t)(2 * slot);
    b->instructions = n - 1;
    b->last = b->end - 2 * slot;
  } else if (n >= 2 && never_runs_slot(b, n - 2)) {
    if (line) *line = '\0';
    b->instructions = n - 1;
    b->end = b->last;
    b->last -= b->sizes[n - 2];
  } else if (has_slot_at(b, n - 1)) {
    if (!slots_stand_apart(&guest)) {
      leave_branch(b, slot, line);
    } else if (guest_peek(b->end, b->code + (b->end - b->start), slot) == slot) {
      b->sizes[n - 1] = (uint8_t)(2 * slot);
      b->end += slot;
    }
  }
}

/* Of a branch and its slot; NULL where one is not known. Blocks are never freed, nor is text. */
static char *joined_text(const char *branch, const char *slot) {
  size_t size = branch && slot ? strlen(branch) + strlen(slot) + 2 : 0;
  char *text = size > 0 ? malloc(size) : NULL;
  if (text) snprintf(text, size, "%s;%s", branch, slot);
  return text;
}

static void join_next(const struct block *p, struct block *b) {
  size_t slot = slot_bytes(&guest);
  if (p->before_slot == 0 || b->number != RING_NO_NUMBER || b->start != p->end + slot) return;
  b->text = joined_text(p->before_text, b->text);
  b->start = p->end;
  b->last = b->start;
  b->instructions = 1;
  b->sizes[0] = (uint8_t)(2 * slot);
  memmove(b->code + slot, b->code, slot);
  memcpy(b->code, &p->before_slot, slot);
  b->end = b->start + 2 * slot;
  struct code code = block_code(b);
  block_set_ending(b, classify(&guest, &code, 0));
}

static void trim(const struct block *p, struct block *b) {
  size_t slot = slot_bytes(&guest);
  if (slot == 0 || !slots_stand_apart(&guest) || b->number != RING_NO_NUMBER) return;
  if (p->instructions == 0 || p->sizes[p->instructions - 1] != 2 * slot) return;
  /* Where the branch leads to its own slot that is run once more. */
  bool is_slot = b->start == p->end - slot && b->sizes[0] == slot && p->taken != b->start;
  if (!is_slot) return;
  if (b->text) {
    char *line = strchr(b->text, '\n');
    b->text = line ? line + 1 : NULL; /* of a block, never freed */
  }
  b->instructions--;
  b->start += slot;
  b->code += slot;
  b->sizes++;
}

void slots_arrive(unsigned index, const struct block *p, struct block *b) {
  join_next(passed[index] ? passed[index] : p, b);
  passed[index] = NULL;
  trim(p, b);
}
