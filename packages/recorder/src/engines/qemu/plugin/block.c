/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "block.h"

#include <stdlib.h>
#include <string.h>

#include "guest.h"
#include "machine.h"
#include "qemu_api.h"
#include "slots.h"
#include "windows.h"

enum { HIDDEN_MAX = 16 /* bytes of an instruction */ };
enum { LINE = 64 /* of the host's cache */ };
enum { BUCKETS = 1 << 16, EDGES_FIRST = 1 << 14, EDGES_MAX = 1 << 26 };
enum { LINKS_FIRST = 8, LINKS_MAX = 1024 };

struct block nowhere = {.number = RING_NO_NUMBER, .ending = END_UNKNOWN};
struct guest guest;
bool keeps_host_code;
bool keeps_text;

/* By start address, to find the blocks a handler starts. All blocks hang on `newest`: a block may
   be named as prev or successor for as long as the guest runs, so none is ever freed. */
static struct block *buckets[BUCKETS];
static struct block *newest;
static uint32_t block_count;

/* Where handlers of signals or traps start; one that was replaced stays, it may still run. */
static uint64_t *handlers;
static size_t handler_count;

static struct block **bucket_of(uint64_t pc) {
  return &buckets[(pc * 0x9e3779b97f4a7c15ull) >> 48];
}

static bool is_handler(uint64_t pc) {
  for (size_t i = 0; i < handler_count; i++) {
    if (handlers[i] == pc) return true;
  }
  return false;
}

struct code block_code(const struct block *b) {
  return (struct code){b->code, b->sizes, b->instructions, b->start};
}

void block_set_ending(struct block *b, struct ending_of found) {
  b->ending = (uint8_t)found.ending;
  b->passes = found.passes;
  b->taken = found.taken;
}

static void set_thumb(struct block *b, bool thumb) {
  uint8_t *size = &b->sizes[b->instructions - 1];
  bool is_half = half(b->code + (b->last - b->start)) >> 11 < 0x1d;
  if (thumb && *size == 4 && is_half) {
    /* QEMU 7.2 looks at what crosses into the next page, and counts that in. */
    *size = 2;
    b->end = b->last + 2;
  }
  struct code code = block_code(b);
  block_set_ending(b, classify_arm(&code, code.count - 1, thumb));
}

void block_set_mode(struct block *b, const uint8_t *env) {
  if (guest.isa == ISA_ARM) set_thumb(b, guest_in_thumb(env));
  b->privilege = (uint8_t)machine_privilege(env);
}

/* Of an instruction that QEMU does not show. */
static size_t hidden_size(uint64_t pc) {
  uint8_t code[HIDDEN_MAX];
  if (!hides_code(&guest)) return 0;
  return hidden_bytes(&guest, code, guest_peek(pc, code, sizeof code));
}

/* Size of an instruction. Where QEMU has looked beyond it, the next one tells. */
static size_t size_of(void *tb, size_t index, size_t count) {
  void *insn = qemu.tb_get_insn(tb, index);
  size_t size = qemu.insn_size(insn);
  if (size == 0) size = hidden_size(qemu.insn_vaddr(insn));
  if (index + 1 == count) return size;
  uint64_t apart = qemu.insn_vaddr(qemu.tb_get_insn(tb, index + 1)) - qemu.insn_vaddr(insn);
  return apart > 0 && apart < size ? (size_t)apart : size;
}

/* A line for each instruction, as long as it comes (a packet of Hexagon comes in several); NULL
   where QEMU cannot tell, or there is no memory. */
static char *text_of(void *tb, size_t count) {
  char *text = NULL;
  size_t length = 0;
  for (size_t i = 0; i < count; i++) {
    char *line = qemu.insn_disas(qemu.tb_get_insn(tb, i));
    size_t bytes = line ? strlen(line) : 0;
    for (char *end = line; end && (end = strchr(end, '\n'));) *end = ' ';
    char *grown = realloc(text, length + bytes + 2);
    if (!grown) {
      free(text);
      free(line);
      return NULL;
    }
    text = grown;
    if (i > 0) text[length++] = '\n';
    if (bytes > 0) memcpy(text + length, line, bytes);
    length += bytes;
    text[length] = '\0';
    free(line);
  }
  return text;
}

static void enlist(struct block *b) {
  struct block **bucket = bucket_of(b->start);
  b->is_handler = is_handler(b->start);
  b->same_bucket = *bucket;
  *bucket = b;
  b->older = newest;
  newest = b;
}

struct block *block_translate(void *tb) {
  size_t n = qemu.tb_n_insns(tb), bytes = 0;
  for (size_t i = 0; i < n; i++) bytes += size_of(tb, i, n);
  size_t size_all = (sizeof(struct block) + n + bytes + SLOT_MAX + LINE - 1) / LINE * LINE;
  struct block *b = n == 0 ? NULL : aligned_alloc(LINE, size_all);
  if (!b) return NULL;
  memset(b, 0, sizeof *b);
  b->sizes = (uint8_t *)(b + 1);
  b->code = b->sizes + n;
  b->instructions = (uint32_t)n;
  b->number = RING_NO_NUMBER;
  b->start = qemu.tb_vaddr(tb);
  void *first = qemu.tb_get_insn(tb, 0);
  guest_note_base(qemu.insn_vaddr(first), qemu.insn_haddr(first));
  uint8_t *at = b->code;
  size_t size = 0;
  for (size_t i = 0; i < n; i++) {
    size = size_of(tb, i, n);
    b->sizes[i] = (uint8_t)size;
    void *insn = qemu.tb_get_insn(tb, i);
    if (qemu.insn_size(insn) > 0) {
      qemu_insn_bytes(insn, at, size);
    } else {
      guest_peek(qemu.insn_vaddr(insn), at, size);
    }
    at += size;
  }
  b->end = b->start + bytes;
  b->last = b->end - size;
  struct guest mode = guest;
  mode.isa = machine_mode(guest.isa);
  b->has_other_mode = mode.isa != guest.isa;
  if ((keeps_text || mode.isa != guest.isa) && qemu.insn_disas) b->text = text_of(tb, n);
  slots_join(b);
  struct code code = block_code(b);
  if (code.count > 0) block_set_ending(b, classify(&mode, &code, code.count - 1));
  b->notes_end = windows_may_run_again(b);
  b->privilege = RING_NO_CODE;
  b->sets_vectors = machine_sets_vectors(b);
  b->sets_space = machine_sets_space(b);
  enlist(b);
  return b;
}

static struct block *known_elsewhere(struct block *b, uint64_t pc) {
  for (struct block *at = b; at; at = __atomic_load_n(&at->elsewhere, __ATOMIC_ACQUIRE)) {
    if (at->start == pc) return at;
  }
  return NULL;
}

struct block *block_elsewhere(struct block *b, uint64_t pc) {
  struct block *known = known_elsewhere(b, pc);
  if (known) return known;
  ring_lock();
  known = known_elsewhere(b, pc);
  struct block *copy = known ? NULL : aligned_alloc(LINE, (sizeof *b + LINE - 1) / LINE * LINE);
  if (copy) {
    uint64_t apart = pc - b->start;
    *copy = *b;
    copy->start = pc;
    copy->last += apart;
    copy->end += apart;
    copy->taken += apart;
    copy->number = RING_NO_NUMBER;
    copy->place = PLACE_UNKNOWN;
    copy->is_plain = false;
    copy->host_pc = 0;
    copy->next = NULL;
    copy->to[0] = copy->to[1] = NULL;
    copy->many = NULL;
    enlist(copy);
    __atomic_store_n(&b->elsewhere, copy, __ATOMIC_RELEASE); /* copy goes on with the list */
  }
  ring_unlock();
  if (!known && !copy) ring_stop(RING_STOP_NO_SPACE);
  return known ? known : copy ? copy : b;
}

uint8_t ending_kind(enum ending ending) {
  static const uint8_t kinds[] = {
      [END_UNKNOWN] = RING_NO_CODE,
      [END_SEQUENTIAL] = RING_NO_CODE,
      [END_BRANCH] = KIND_BRANCH,
      [END_JUMP] = KIND_JUMP,
      [END_INDIRECT_JUMP] = KIND_INDIRECT_JUMP,
      [END_CALL] = KIND_CALL,
      [END_INDIRECT_CALL] = KIND_INDIRECT_CALL,
      [END_RETURN] = KIND_RETURN,
      [END_TRAP_RETURN] = KIND_TRAP_RETURN,
      [END_SYSCALL] = RING_NO_CODE,
      [END_TRAP] = RING_NO_CODE,
      [END_REPEAT] = RING_NO_CODE,
  };
  return kinds[ending];
}

uint64_t block_instruction(const struct block *b, uint32_t index) {
  uint64_t pc = b->start;
  for (uint32_t i = 0; i < index; i++) pc += b->sizes[i];
  return pc;
}

int block_index(const struct block *b, uint64_t pc) {
  uint64_t at = b->start;
  for (uint32_t i = 0; i < b->instructions; i++) {
    if (at == pc) return (int)i;
    at += b->sizes[i];
  }
  return -1;
}

void block_drop_last(struct block *b) {
  b->end = b->last;
  b->instructions--;
  b->last -= b->sizes[b->instructions - 1];
  block_set_ending(b, plain(END_SEQUENTIAL));
}

void block_first_run(const struct ring_vcpu *v, uint64_t seq, struct block *b, uintptr_t host_pc) {
  if (b->number != RING_NO_NUMBER) return;
  host_code(host_pc, &b->host_pc, &b->host_size);
  uint64_t size = b->end - b->start;
  /* Complete by now, but for jumps to blocks that did not run after it yet. */
  uint32_t kept = keeps_host_code ? b->host_size : 0;
  uint32_t text = b->text ? (uint32_t)strlen(b->text) : 0;
  struct ring_block_record *r =
      ring_log_begin(RING_RECORD_BLOCK, sizeof *r + b->instructions + size + kept + text);
  b->number = block_count++; /* also when recording has stopped: links need it */
  if (!r) return;
  r->pc = b->start;
  r->host_pc = b->host_pc;
  r->born_seq = seq;
  r->handle = (uint64_t)b;
  r->block = b->number;
  r->born_vcpu = v->vcpu;
  r->size = (uint32_t)size;
  r->instructions = b->instructions;
  r->host_size = b->host_size;
  r->last_offset = (uint32_t)(b->last - b->start);
  uint8_t *tail = (uint8_t *)r + sizeof *r;
  memcpy(tail, b->sizes, b->instructions);
  memcpy(tail + b->instructions, b->code, size);
  r->host_code_bytes = kept;
  if (kept > 0) memcpy(tail + b->instructions + size, (const void *)b->host_pc, kept);
  r->text_bytes = text;
  if (text > 0) memcpy(tail + b->instructions + size + kept, b->text, text);
  r->privilege = b->privilege;
  ring_log_commit(r);
}

static void set_entry(uint64_t *place, uint64_t entry) {
  __atomic_store_n(place, entry, __ATOMIC_RELAXED);
}

/* True if the entry found a place of its own. */
static bool many_put(struct links *many, uint64_t entry) {
  uint64_t *place = &many->entry[entry >> 32 & many->mask];
  bool free_or_same = *place == ENTRY_NONE || *place >> 32 == entry >> 32;
  if (free_or_same) set_entry(place, entry);
  return free_or_same;
}

static struct links *many_sized(uint64_t entries) {
  struct links *many = malloc(sizeof *many + entries * sizeof(uint64_t));
  if (!many) return NULL;
  many->mask = entries - 1;
  for (uint64_t i = 0; i < entries; i++) many->entry[i] = ENTRY_NONE;
  return many;
}

/* A larger table with room for what is in `old` and for one more, or NULL. */
static struct links *many_grown(const struct links *old, uint64_t entry) {
  for (uint64_t size = old ? 2 * (old->mask + 1) : LINKS_FIRST; size <= LINKS_MAX; size *= 2) {
    struct links *grown = many_sized(size);
    bool fits = grown && many_put(grown, entry);
    for (uint64_t i = 0; fits && old && i <= old->mask; i++) {
      if (old->entry[i] != ENTRY_NONE) fits = many_put(grown, old->entry[i]);
    }
    if (fits) return grown;
    free(grown);
  }
  return NULL;
}

void block_link(struct block *from, const struct block *to, uint32_t edge) {
  uint64_t entry = (uint64_t)to->number << 32 | edge;
  if (to->is_handler || to->number == RING_NO_NUMBER) return;
  for (int i = 0; i < 2; i++) {
    if (from->to[i] == to) return;
    if (from->to[i]) continue;
    from->to_edge[i] = edge;
    __atomic_store_n(&from->to[i], to, __ATOMIC_RELEASE);
    return;
  }
  if (from->many && many_put(from->many, entry)) return;
  struct links *grown = many_grown(from->many, entry);
  if (grown) {
    /* The smaller table stays: another thread may be reading it. */
    __atomic_store_n(&from->many, grown, __ATOMIC_RELEASE);
  } else if (from->many) {
    set_entry(&from->many->entry[entry >> 32 & from->many->mask], entry);
  }
}

uint32_t block_linked(const struct block *from, const struct block *to) {
  for (int i = 0; i < 2; i++) {
    if (__atomic_load_n(&from->to[i], __ATOMIC_ACQUIRE) == to) return from->to_edge[i];
  }
  return block_many_linked(from, to);
}

/* A place in `to` that is cleared stays closed: used again, it could pair one block with another's
   edge in the eyes of a thread that reads it meanwhile. */
static void forget(struct block *b, const struct block *handler) {
  static const struct block closed;
  if (b->next == handler) b->next = NULL;
  for (int i = 0; i < 2; i++) {
    if (b->to[i] == handler) __atomic_store_n(&b->to[i], &closed, __ATOMIC_RELEASE);
  }
  for (uint64_t i = 0; b->many && i <= b->many->mask; i++) {
    if (b->many->entry[i] >> 32 == handler->number) set_entry(&b->many->entry[i], ENTRY_NONE);
  }
}

void block_flag_handler(uint64_t pc) {
  if (is_handler(pc)) return;
  uint64_t *grown = realloc(handlers, (handler_count + 1) * sizeof *handlers);
  if (!grown) {
    ring_stop(RING_STOP_NO_SPACE);
    return;
  }
  handlers = grown;
  handlers[handler_count++] = pc;
  for (struct block *h = *bucket_of(pc); h; h = h->same_bucket) {
    if (h->start != pc) continue;
    h->is_handler = true;
    for (struct block *b = newest; b; b = b->older) forget(b, h);
  }
}

/* Edges: open addressing, linear probing, at most half full. */
struct known_edge {
  uint64_t source, target;
  uint32_t from, to;
  uint32_t number;
  uint8_t cause, kind, has_source, used;
};
static struct known_edge *edges;
static uint32_t edge_capacity, edge_count;

static uint32_t edge_hash(const struct known_edge *e) {
  uint64_t h = e->source * 0x9e3779b97f4a7c15ull ^ e->target * 0xc2b2ae3d27d4eb4full;
  h ^= ((uint64_t)e->from << 32 | e->to) * 0x165667b19e3779f9ull;
  h ^= ((uint64_t)e->cause << 8 | e->kind) * 0x27d4eb2f165667c5ull;
  return (uint32_t)(h >> 32) ^ (uint32_t)h;
}

static bool same_edge(const struct known_edge *a, const struct known_edge *b) {
  return a->source == b->source && a->target == b->target && a->from == b->from &&
         a->to == b->to && a->cause == b->cause && a->kind == b->kind;
}

static struct known_edge *edge_place(struct known_edge *table, uint32_t capacity,
                                     const struct known_edge *wanted) {
  uint32_t at = edge_hash(wanted) & (capacity - 1);
  while (table[at].used && !same_edge(&table[at], wanted)) at = (at + 1) & (capacity - 1);
  return &table[at];
}

static bool edge_table_grow(void) {
  uint32_t capacity = edge_capacity == 0 ? EDGES_FIRST : edge_capacity * 2;
  struct known_edge *table =
      capacity <= EDGES_MAX ? calloc(capacity, sizeof *table) : NULL;
  if (!table) {
    ring_stop(RING_STOP_EDGES_FULL);
    return false;
  }
  for (uint32_t i = 0; i < edge_capacity; i++) {
    if (edges[i].used) *edge_place(table, capacity, &edges[i]) = edges[i];
  }
  free(edges);
  edges = table;
  edge_capacity = capacity;
  return true;
}

static bool edge_log(const struct edge *edge, struct known_edge *known) {
  struct ring_edge_record *r = ring_log_begin(RING_RECORD_EDGE, sizeof *r);
  if (!r) return false;
  uint8_t how = RING_NO_CODE;
  bool trapped = edge->cause == CAUSE_EXCEPTION || edge->cause == CAUSE_INTERRUPT;
  bool jumped = edge->from && edge->to && edge->cause != CAUSE_SIGNAL && !trapped;
  r->host_source = jumped ? host_source(edge->from, edge->to, &how) : 0;
  if (trapped) how = HOST_HOW_MAIN_LOOP;
  r->host_target = edge->to ? edge->to->host_pc : 0;
  r->source = edge->source;
  r->target = edge->target;
  r->edge = edge_count;
  r->source_block = known->from;
  r->target_block = known->to;
  r->cause = edge->cause;
  r->kind = edge->kind;
  r->host_how = how;
  r->has_source = edge->has_source;
  ring_log_commit(r);
  known->number = edge_count++;
  known->used = 1;
  return true;
}

uint32_t edge_number(const struct edge *edge) {
  struct known_edge wanted = {
      .source = edge->source,
      .target = edge->target,
      .from = edge->from ? edge->from->number : RING_NO_NUMBER,
      .to = edge->to ? edge->to->number : RING_NO_NUMBER,
      .cause = edge->cause,
      .kind = edge->kind,
      .has_source = edge->has_source,
  };
  if (edge_count >= edge_capacity / 2 && !edge_table_grow()) return NOT_RECORDED;
  struct known_edge *known = edge_place(edges, edge_capacity, &wanted);
  if (known->used) return known->number;
  if (!edge_log(edge, &wanted)) return NOT_RECORDED;
  *known = wanted;
  return known->number;
}

void block_forget_all(void) {
  for (struct block *b = newest; b; b = b->older) {
    b->number = RING_NO_NUMBER;
    b->next = NULL;
    b->to[0] = b->to[1] = NULL;
    b->many = NULL; /* its memory stays the parent's as long as nobody writes there */
  }
  nowhere.next = NULL;
  nowhere.to[0] = nowhere.to[1] = NULL;
  nowhere.many = NULL;
  block_count = 0;
  if (edges) memset(edges, 0, edge_capacity * sizeof *edges);
  edge_count = 0;
}
