/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Translated blocks and edges as the plugin knows them: found, numbered, logged. */
#ifndef BACKTRAIL_BLOCK_H
#define BACKTRAIL_BLOCK_H
#include <stdbool.h>
#include <stdint.h>

#include "classify.h"
#include "ring_writer.h"

/* In place of an edge: what follows is no transfer although the block did not end (x86 rep). */
#define NO_TRANSFER RING_NO_NUMBER
/* In place of an edge that was found after recording stopped. */
#define NOT_RECORDED (RING_NO_NUMBER - 1)
/* In place of an edge: this pair was not seen. */
#define NOT_LINKED (RING_NO_NUMBER - 2)

/*
 * What it means when one block runs after another: the number of an edge, or one of the words
 * above. A block's first two successors stand in the block itself and never change, so that a
 * thread that sees the one sees the other. Further ones, and those of blocks that were translated
 * anew, are entries of one 64-bit word: number of the block that runs next in the high half, the
 * meaning in the low half.
 */
#define ENTRY_NONE 0xfffffffeffffffffull /* no block has this number, nor has one that never ran */

struct links {
  uint64_t mask; /* entries - 1, a power of two; an entry's place is its block number & mask */
  uint64_t entry[];
};

/* Whether a filter lets it be recorded; without one, unknown for ever. */
enum place { PLACE_UNKNOWN, PLACE_INSIDE, PLACE_OUTSIDE };

struct block {
  /* Hot, one cache line: read once per executed block. */
  struct block *next; /* ran after it with no transfer */
  const struct block *to[2]; /* published after to_edge */
  uint32_t to_edge[2];
  struct links *many; /* or NULL */
  uint32_t instructions;
  uint32_t number; /* RING_NO_NUMBER until it first ran */
  /* Cold. */
  uint64_t start, last, end, taken;
  uint8_t ending;  /* enum ending */
  uint32_t before_slot; /* the branch whose delay slot is in the next page, left to that; or 0 */
  char *before_text;    /* its line of text, or NULL */
  bool passes;     /* of an ending that else always leaves: this one is conditional */
  bool is_handler; /* a handler of signals or traps starts here */
  bool has_other_mode; /* of a whole machine: its code is not read as that of the guest's ISA */
  bool notes_end;  /* when its last instruction runs; see plugin.c */
  bool sets_vectors; /* of a whole machine: where traps go may be another place after it */
  bool sets_space;   /* of a whole machine: the address space may be another one after it */
  uint8_t privilege; /* of a whole machine: set before it runs first; else RING_NO_CODE */
  uint8_t place;     /* enum place */
  bool is_plain;     /* outside of a filter: nothing is to be done but to note that it runs */
  uint64_t host_pc;
  uint32_t host_size;
  uint8_t *sizes; /* of each instruction, then the code bytes */
  uint8_t *code;
  char *text; /* a line for each instruction as QEMU writes it, or NULL: not kept */
  struct block *same_bucket, *older;
  struct block *elsewhere; /* the same translation at another address, a list */
};

extern struct block nowhere; /* what a vCPU comes from */
extern struct guest guest;
extern bool keeps_text; /* of each block, as QEMU disassembles it; set as below */
extern bool keeps_host_code; /* of each block, as bytes; set before the first one runs */

/* In a forked child with a ring of its own: no block has run yet, and no edge is known. */
void block_forget_all(void);
/* A new block from QEMU's description; with the ring locked. NULL: no memory. */
struct block *block_translate(void *tb);
/* What can be told of it in the mode in which it is about to run first. env: QEMU's CPU state. */
void block_set_mode(struct block *b, const uint8_t *env);
/* The same code as QEMU runs it at pc, another address of the same page. Takes the ring lock. */
struct block *block_elsewhere(struct block *b, uint64_t pc);
struct code block_code(const struct block *b);
void block_set_ending(struct block *b, struct ending_of found);
/* The address of its instruction number `index`. */
uint64_t block_instruction(const struct block *b, uint32_t index);
/* Which of its instructions is at pc, or -1. */
int block_index(const struct block *b, uint64_t pc);
/* Gives it a number and logs it when it runs first on v, between transfers seq - 1 and seq;
   host_pc: inside its host code. */
void block_first_run(const struct ring_vcpu *v, uint64_t seq, struct block *b, uintptr_t host_pc);
/* A handler of signals or traps starts at pc: flags the blocks there, forgets links to them. */
void block_flag_handler(uint64_t pc);
/* Drops the last instruction: QEMU 7.2 lists one that it rolled back at a page end. */
void block_drop_last(struct block *b);

/* From now on `to` running after `from` means this edge, or one of the two words above it. Ring
   locked. */
void block_link(struct block *from, const struct block *to, uint32_t edge);
/* What was linked, or NOT_LINKED. */
uint32_t block_linked(const struct block *from, const struct block *to);

/* The same among those that do not stand in `from` itself. */
static inline uint32_t block_many_linked(const struct block *from, const struct block *to) {
  const struct links *many = __atomic_load_n(&from->many, __ATOMIC_ACQUIRE);
  if (!many) return NOT_LINKED;
  uint64_t entry = __atomic_load_n(&many->entry[to->number & many->mask], __ATOMIC_RELAXED);
  return entry >> 32 == to->number ? (uint32_t)entry : NOT_LINKED;
}

/* The kind of a jump that such an ending is, or RING_NO_CODE. */
uint8_t ending_kind(enum ending ending);

struct edge {
  uint64_t source, target;
  struct block *from, *to; /* NULL: none ran there */
  uint8_t cause, kind;     /* RING_NO_CODE: cannot be told */
  bool has_source;
};

/* The number of this edge, new or known, or NOT_RECORDED. Ring locked. */
uint32_t edge_number(const struct edge *edge);

/* host.c: where control left `from` towards `to` in host code; 0 where no direct jump exists. */
uint64_t host_source(const struct block *from, const struct block *to, uint8_t *how);
/* host.c: start and size of the host code that holds host_pc; false where QEMU does not tell. */
bool host_code(uintptr_t host_pc, uint64_t *start, uint32_t *size);

#endif
