/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include "filter.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest.h"
#include "qemu_api.h"

enum { RULES_MAX = 4096 };

struct rule {
  char what; /* as in filter.h */
  bool excludes;
  uint64_t low, high; /* or the level, in low */
  char *name;
};

static struct rule *rules;
static size_t rule_count;
static bool includes_all; /* but what a rule excludes */
static bool keeps_handlers;
static bool is_told_late; /* code of a machine: its level, and where it runs */
static uint64_t text_address;
static bool has_text;

/* What is mapped, by guest address; read again when it may have changed. Ring locked. */
static struct guest_map *maps;
static size_t map_count;
static bool maps_are_old = true;

bool has_filter(void) { return rule_count > 0; }

static char *decode_name(const char *digits, size_t length) {
  if (length == 0 || length % 2 != 0) return NULL;
  char *name = calloc(1, length / 2 + 1);
  for (size_t i = 0; name && i < length / 2; i++) {
    unsigned byte;
    if (sscanf(digits + 2 * i, "%2x", &byte) != 1) {
      free(name);
      return NULL;
    }
    name[i] = (char)byte;
  }
  return name;
}

static bool read_rule(const char *text, size_t length, struct rule *out) {
  *out = (struct rule){.excludes = *text == '!'};
  size_t at = out->excludes ? 1 : 0;
  out->what = text[at++];
  const char *value = text + at;
  char *end;
  switch (out->what) {
    case 'a':
    case 'p':
    case 'k':
    case 'K':
      out->low = strtoull(value, &end, 16);
      if (end == value || *end != ':') return false;
      value = end + 1;
      out->high = strtoull(value, &end, 16);
      return end > value && end == text + length;
    case 'l':
      out->low = strtoull(value, &end, 10);
      return end > value && end == text + length;
    case 'm':
      out->name = decode_name(value, length - at);
      return out->name != NULL;
    case 'h':
      return at == length;
    default:
      return false;
  }
}

static bool is_kept(const struct rule *rule) { return rule->what == 'k' || rule->what == 'K'; }

static bool read_rules(const char *text) {
  rules = calloc(RULES_MAX, sizeof *rules);
  includes_all = true;
  while (rules && rule_count < RULES_MAX) {
    size_t length = strcspn(text, "+");
    struct rule *rule = &rules[rule_count++];
    if (length == 0 || !read_rule(text, length, rule)) return false;
    bool is_plain = !is_kept(rule) && rule->what != 'h';
    if (is_plain && !rule->excludes) includes_all = false;
    if (rule->what == 'h') keeps_handlers = true;
    if (text[length] == 0) return true;
    text += length + 1;
  }
  return false;
}

const char *filter_install(const char *list, const char *text, bool whole_machine) {
  is_told_late = whole_machine;
  if (!list) return NULL;
  if (!read_rules(list)) {
    return "the plugin found a filter= that it cannot read, start it with `backtrail record`";
  }
  if (text && !qemu.start_code) {
    return "this QEMU does not say where a program lies, which --filter with a name needs";
  }
  has_text = text != NULL;
  if (text) text_address = strtoull(text, NULL, 16);
  return NULL;
}

void filter_maps_changed(void) { __atomic_store_n(&maps_are_old, true, __ATOMIC_RELEASE); }

static const struct guest_map *map_at(uint64_t pc) {
  for (size_t i = 0; i < map_count; i++) {
    if (pc >= maps[i].low && pc < maps[i].high) return &maps[i];
  }
  return NULL;
}

/* Path of the file that is mapped there, or NULL. */
static const char *path_at(uint64_t pc) {
  const struct guest_map *found = maps_are_old ? NULL : map_at(pc);
  if (!found) {
    maps_are_old = false;
    guest_free_maps(maps, map_count);
    maps = guest_read_maps(&map_count);
    found = map_at(pc);
  }
  return found ? found->path : NULL;
}

static bool is_in_file(const char *pattern, uint64_t pc) {
  const char *path = path_at(pc);
  if (!path) return false;
  const char *slash = strrchr(path, '/');
  return fnmatch(pattern, path, 0) == 0 || (slash && fnmatch(pattern, slash + 1, 0) == 0);
}

static bool overlaps(const struct block *b, uint64_t low, uint64_t high) {
  uint64_t end = b->end > b->start ? b->end : b->start + 1;
  return b->start < high && end > low;
}

static bool matches(const struct rule *rule, const struct block *b) {
  bool is_relative = rule->what == 'p' || rule->what == 'K';
  if (is_relative && !has_text) return false; /* of a program that this is not */
  uint64_t bias = is_relative ? qemu.start_code() - text_address : 0;
  switch (rule->what) {
    case 'a':
    case 'p':
    case 'k':
    case 'K':
      return overlaps(b, rule->low + bias, rule->high + bias);
    case 'l':
      return b->privilege == rule->low;
    case 'm':
      return is_in_file(rule->name, b->start);
    default:
      return false;
  }
}

/* An exclusion counts more than an inclusion, whatever comes first. */
static bool passes(const struct block *b) {
  bool included = includes_all, excluded = false;
  for (size_t i = 0; i < rule_count; i++) {
    const struct rule *rule = &rules[i];
    if (!matches(rule, b)) continue;
    if (is_kept(rule)) return true;
    if (rule->excludes) excluded = true;
    else included = true;
  }
  return included && !excluded;
}

enum place filter_place(struct block *b) {
  if (is_told_late || keeps_handlers) return PLACE_UNKNOWN;
  ring_lock();
  b->place = passes(b) ? PLACE_INSIDE : PLACE_OUTSIDE;
  ring_unlock();
  return b->place;
}

bool filter_passes(struct block *b, const uint8_t *env) {
  uint8_t place = __atomic_load_n(&b->place, __ATOMIC_ACQUIRE);
  if (__builtin_expect(place == PLACE_UNKNOWN, 0)) {
    ring_lock();
    if (b->number == RING_NO_NUMBER) block_set_mode(b, env);
    place = passes(b) ? PLACE_INSIDE : PLACE_OUTSIDE;
    __atomic_store_n(&b->place, place, __ATOMIC_RELEASE);
    ring_unlock();
  }
  if (keeps_handlers && b->is_handler && place == PLACE_OUTSIDE) {
    b->place = PLACE_INSIDE;
    b->is_plain = false;
    return true;
  }
  return place == PLACE_INSIDE;
}
