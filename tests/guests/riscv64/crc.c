/* CRC-32, by bits and by a table. */
#include "tiny.h"

enum { BYTES = 4096 };
static u8 data[BYTES];
static u32 table[256];

NOINLINE u32 crc_step(u32 crc) {
  for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
  return crc;
}

NOINLINE u32 crc_by_bits(const u8 *from, u32 count) {
  u32 crc = ~0u;
  for (u32 i = 0; i < count; i++) crc = crc_step(crc ^ from[i]);
  return ~crc;
}

NOINLINE u32 crc_by_table(const u8 *from, u32 count) {
  u32 crc = ~0u;
  for (u32 i = 0; i < count; i++) crc = table[(crc ^ from[i]) & 255] ^ crc >> 8;
  return ~crc;
}

int main(int argc, char **argv) {
  i64 iterations = argument(argc, argv, 1, 10);
  u64 state = 7, sum = 0;
  for (u32 i = 0; i < 256; i++) table[i] = crc_step(i);
  for (u32 i = 0; i < BYTES; i++) data[i] = (u8)chance(&state);
  tell_hex("check value", crc_by_table((const u8 *)"123456789", 9));
  for (i64 i = 0; i < iterations; i++) {
    data[i & (BYTES - 1)]++;
    sum = mix(sum, crc_by_table(data, BYTES));
    if ((i & 7) == 0) sum = mix(sum, crc_by_bits(data, BYTES));
  }
  tell_hex("crc", sum);
  return 0;
}
