/** Sorts 64-bit numbers given as two halves, without a bigint each. */

const DIGIT_BITS = 16;
const DIGITS = 1 << DIGIT_BITS;

/**
 * The order of the first `count` numbers, smallest first, equal ones as they stood: a radix sort
 * by 16 bits at a time. Digits that all numbers share (most high ones) cost one look.
 */
export function orderOf(high: Uint32Array, low: Uint32Array, count: number): Uint32Array {
  let order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[i] = i;
  let spare = new Uint32Array(count);
  const places = new Uint32Array(DIGITS);
  for (const half of [low, high]) {
    for (let shift = 0; shift < 32; shift += DIGIT_BITS) {
      if (!countDigits(half, shift, count, places)) continue;
      let next = 0;
      for (let digit = 0; digit < DIGITS; digit++) {
        const many = places[digit] ?? 0;
        places[digit] = next;
        next += many;
      }
      for (let i = 0; i < count; i++) {
        const item = order[i] ?? 0;
        const digit = ((half[item] ?? 0) >>> shift) & (DIGITS - 1);
        const place = places[digit] ?? 0;
        places[digit] = place + 1;
        spare[place] = item;
      }
      [order, spare] = [spare, order];
    }
  }
  return order;
}

/** False if all numbers have the same digit there: nothing to sort. */
function countDigits(
  half: Uint32Array,
  shift: number,
  count: number,
  places: Uint32Array,
): boolean {
  places.fill(0);
  for (let i = 0; i < count; i++) {
    const digit = ((half[i] ?? 0) >>> shift) & (DIGITS - 1);
    places[digit] = (places[digit] ?? 0) + 1;
  }
  return (places[((half[0] ?? 0) >>> shift) & (DIGITS - 1)] ?? 0) !== count;
}
