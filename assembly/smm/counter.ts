/**
 * Where write-back counters come from.
 *
 * A key has one counter cell, a u64 on chip beside the key. Every write-back of any page under that key takes the next number;
 * the number is then kept with the page (tree.ts) to decrypt it. So no two write-backs under one key share a counter, whatever
 * pages they are of and whatever happens to the counters kept in DRAM: rolling those back garbles or is detected, but never
 * makes the machine encrypt twice with one keystream, which a counter kept per page in DRAM and incremented would.
 *
 * At the limit no number is left: the key must be replaced (every page under it is read with the old key and written with the
 * new one), and the new key's cell begins at 0. 0 is no counter: it marks a page that was never written.
 */

/** Numbers of a cell are 1 … COUNTER_LIMIT; a test or scenario may pass a smaller limit to counterNext(). */
export const COUNTER_LIMIT: u64 = 1 << 56;
export const COUNTER_NONE: u64 = 0;

/** The next number of the cell, or COUNTER_NONE, the cell unchanged, when all are used. */
export function counterNext(cell: usize, limit: u64): u64 {
  const used = load<u64>(cell);
  if (used >= limit) return COUNTER_NONE;
  store<u64>(cell, used + 1);
  return used + 1;
}
