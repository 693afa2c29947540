/*
 * Smashes its stack: the program behind `backtrail demo`.
 *
 * A weather station sends records: a type, a length, so many bytes, a check sum. main reads the
 * feed, parse_record finds who handles a type, read_station keeps the name of a station in 16 bytes
 * of its stack, for copy_field copies as many as the record says. The feed's last station is
 * one with a name of 48. Nothing happens in copy_field and nothing in read_station, until that
 * returns, to where the end of the name says.
 */
#include "tiny.h"

enum { NAME_BYTES = 16, STATIONS = 8 };

struct record {
  u8 type;
  u8 length;
  const u8 *bytes;
};

struct station {
  u32 hash;
  i32 readings;
  i32 sum;
};

static struct station stations[STATIONS];
static struct station *current = stations;

/* Each: type, length, bytes, check sum. */
static const u8 feed[] =
    "S\5" "Turin" "\360"
    "T\2" "\0\25" "\155"
    "T\2" "\0\27" "\157"
    "S\4" "Oslo" "\373"
    "T\2" "\0\3" "\133"
    "W\3" "NNE" "\351"
    "T\2" "\0\5" "\135"
    "S\5" "Turin" "\360"
    "T\2" "\0\31" "\161"
    "S\60" "the new station on the pass at a height of 2117m" "\107";

NOINLINE u8 checksum(const struct record *record) {
  u8 sum = (u8)(record->type + record->length);
  for (u32 i = 0; i < record->length; i++) sum = (u8)(sum * 2 + record->bytes[i]);
  return sum;
}

/* The fault: what is copied fits the field it comes from, and nobody asks about the other one. */
NOINLINE void copy_field(char *to, const struct record *record) {
  for (u32 i = 0; i < record->length; i++) to[i] = (char)record->bytes[i];
}

NOINLINE u32 hash_name(const char *name) {
  u32 hash = 5381;
  for (u32 i = 0; i < NAME_BYTES; i++) hash = hash * 33 + (u8)name[i];
  return hash;
}

NOINLINE struct station *find_station(u32 hash) {
  struct station *at = &stations[hash % STATIONS];
  while (at->hash != 0 && at->hash != hash) at = at == &stations[STATIONS - 1] ? stations : at + 1;
  at->hash = hash;
  return at;
}

NOINLINE void read_station(const struct record *record) {
  char name[NAME_BYTES] = "";
  copy_field(name, record);
  current = find_station(hash_name(name));
  say("station ");
  for (u32 i = 0; i < NAME_BYTES && name[i] != 0; i++) say_char(name[i]);
  say_char('\n');
}

NOINLINE void read_temperature(const struct record *record) {
  current->sum += record->bytes[0] * 256 + record->bytes[1];
  current->readings++;
  tell("  mean temperature", current->sum / current->readings);
}

NOINLINE void read_wind(const struct record *record) {
  say("  wind from ");
  for (u32 i = 0; i < record->length; i++) say_char((char)record->bytes[i]);
  say_char('\n');
}

static const struct {
  u8 type;
  void (*read)(const struct record *);
} readers[] = {{'S', read_station}, {'T', read_temperature}, {'W', read_wind}};

NOINLINE int parse_record(const struct record *record) {
  for (u32 i = 0; i < COUNT(readers); i++) {
    if (readers[i].type != record->type) continue;
    readers[i].read(record);
    return 1;
  }
  return 0;
}

NOINLINE u32 parse_feed(const u8 *at, const u8 *end) {
  u32 count = 0;
  while (at < end) {
    struct record record = {at[0], at[1], at + 2};
    at += 3 + record.length;
    if (checksum(&record) == at[-1]) count += (u32)parse_record(&record);
  }
  return count;
}

int main(void) {
  tell("records", parse_feed(feed, feed + sizeof feed - 1));
  return 0;
}
