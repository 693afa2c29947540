/* Texts: lengths, searches, words counted in a hash table, numbers to text and back. */
#include "tiny.h"

enum { SLOTS = 256, TEXT = 4000 };
static char text[TEXT + 1];
static struct {
  char word[12];
  u32 count;
} slots[SLOTS];

NOINLINE u32 hash(const char *from, size_t length) {
  u32 sum = 5381;
  for (size_t i = 0; i < length; i++) sum = sum * 33 + (u8)from[i];
  return sum;
}

NOINLINE const char *find_text(const char *in, const char *what) {
  for (; *in != 0; in++) {
    size_t i = 0;
    while (what[i] != 0 && in[i] == what[i]) i++;
    if (what[i] == 0) return in;
  }
  return NULL;
}

NOINLINE void count_word(const char *from, size_t length) {
  u32 slot = hash(from, length) % SLOTS;
  for (u32 tries = 0; tries < SLOTS; tries++, slot = (slot + 1) % SLOTS) {
    if (slots[slot].count == 0) {
      memcpy(slots[slot].word, from, length);
      slots[slot].word[length] = 0;
    } else if (memcmp(slots[slot].word, from, length) != 0 || slots[slot].word[length] != 0) {
      continue;
    }
    slots[slot].count++;
    return;
  }
}

NOINLINE u32 count_words(const char *from) {
  u32 words = 0;
  while (*from != 0) {
    while (*from == ' ') from++;
    const char *end = from;
    while (*end != 0 && *end != ' ') end++;
    if (end > from) count_word(from, (size_t)(end - from)), words++;
    from = end;
  }
  return words;
}

NOINLINE size_t number_to_text(char *to, u64 value) {
  char *at = to;
  do *at++ = (char)('0' + value % 10);
  while ((value /= 10) != 0);
  *at = 0;
  for (char *low = to, *high = at - 1; low < high; low++, high--) {
    char kept = *low;
    *low = *high;
    *high = kept;
  }
  return (size_t)(at - to);
}

NOINLINE u64 text_to_number(const char *from) {
  u64 value = 0;
  for (; *from >= '0' && *from <= '9'; from++) value = value * 10 + (u64)(*from - '0');
  return value;
}

NOINLINE void make_text(u64 *state) {
  for (u32 at = 0; at < TEXT;) {
    u32 letters = 1 + (u32)(chance(state) % 5);
    for (u32 i = 0; i < letters && at < TEXT; i++) text[at++] = (char)('a' + chance(state) % 4);
    if (at < TEXT) text[at++] = ' ';
  }
}

int main(int argc, char **argv) {
  i64 iterations = argument(argc, argv, 1, 5);
  u64 state = 23, sum = 0;
  for (i64 i = 0; i < iterations; i++) {
    make_text(&state);
    memset(slots, 0, sizeof slots);
    sum = mix(sum, count_words(text));
    for (u32 slot = 0; slot < SLOTS; slot++) sum = mix(sum, slots[slot].count);
    const char *found = find_text(text, "abcda");
    sum = mix(sum, found == NULL ? 0 : (u64)(found - text));
    memmove(text + 7, text, TEXT - 7);
    sum = mix(sum, hash(text, length_of(text)));
    for (u32 k = 0; k < 50; k++) {
      char digits[24];
      u64 value = chance(&state) >> (k & 31);
      size_t length = number_to_text(digits, value);
      if (text_to_number(digits) != value || digits[length] != 0) exit(1);
      sum = mix(sum, length);
    }
  }
  tell_hex("text", sum);
  return 0;
}
