/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "windows.h"

#include <stdlib.h>
#include <string.h>

#include "qemu_api.h"

/* By vCPU: of the block that noted its end last, how many instructions had run before it. */
static uint64_t *ends_noted;
static uint32_t slots;

bool windows_install(uint32_t vcpu_slots) {
  slots = vcpu_slots;
  ends_noted = malloc(slots * sizeof *ends_noted);
  if (!ends_noted) return false;
  windows_forget_all();
  return true;
}

void windows_vcpu_started(unsigned index) {
  if (index < slots) ends_noted[index] = UINT64_MAX;
}

void windows_forget_all(void) { memset(ends_noted, 0xff, slots * sizeof *ends_noted); }

bool windows_may_run_again(const struct block *b) {
  if (guest.isa == ISA_XTENSA) return true; /* any instruction, and any may end a loop */
  if (!has_windows(&guest)) return false;
  switch (b->ending) {
    case END_JUMP:
    case END_BRANCH:
    case END_CALL: {
      int at = block_index(b, b->taken);
      return at >= 0 && moves_window(&guest, b->code + (b->taken - b->start));
    }
    case END_INDIRECT_JUMP:
    case END_INDIRECT_CALL:
    case END_RETURN:
      return true;
    default:
      return false;
  }
}

static void on_end(unsigned index, void *data) {
  (void)data;
  if (index < slots) ends_noted[index] = ring.vcpus[index].instructions;
}

void windows_note_end(void *tb) {
  /* The slot, where there is one: a `return` of SPARC V9 may itself find no room. */
  void *last = qemu.tb_get_insn(tb, qemu.tb_n_insns(tb) - 1);
  qemu.register_vcpu_insn_exec_cb(last, on_end, 0, NULL);
}

/* Of Xtensa the last one may be it: QEMU makes a block that ends so and never runs twice, but where
   it is a retw, which nothing tells from a return to another retw. */
bool windows_run_again(const struct ring_vcpu *v, unsigned index, const struct block *p,
                       uint64_t pc, const struct block *b) {
  if (!p->notes_end) return false;
  if (guest.isa == ISA_XTENSA && pc == p->last) return b != p || is_indirect(p->ending);
  return ends_noted[index] != v->instructions;
}

void windows_recounted(unsigned index, uint64_t from, uint64_t to) {
  if (index < slots && ends_noted[index] == from) ends_noted[index] = to;
}
