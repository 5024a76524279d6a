/**
 * The address space of a case, the twin of native.c: where the windows lie, what they hold at first, and the hash of what changed.
 *
 *   00004000  low      1 page  RW   what 16-bit addresses reach
 *   10000000  data     2 pages RW   then a hole
 *   10003000  constant 1 page  R    then a hole
 *   10005000  stack    1 page  RW   then a hole
 *   5b3e8000  code     2 pages RWX  then a hole
 *   6a5d3000  end      1 page  RX   every program jumps here at its end
 *
 * Sums of a few pointers do not reach code and end, and the low 16 bits of code addresses lead into no window.
 */
export const LOW = 0x00004000;
export const DATA = 0x10000000;
export const CONSTANT = 0x10003000;
export const STACK = 0x10005000;
export const CODE = 0x5b3e8000;
export const CODE_SIZE = 0x2000;
export const END = 0x6a5d3000;

/** The writable pages, in the order in which the hash visits them. */
export const PAGES: readonly number[] = [DATA, DATA + 0x1000, STACK, LOW];
export const PAGE_WORDS = 1024;

/** Ranges that each case fills anew: page, first word, words. The page boundary in the data window lies inside one. */
const ACTIVE: readonly (readonly [number, number, number])[] = [
  [0, 0, 16],
  [0, 960, 64],
  [1, 0, 64],
  [1, 1008, 16],
  [2, 496, 32],
  [3, 504, 16],
  [3, 1016, 8],
];

// biome-ignore format: a table of four by four
const INTERESTING: readonly number[] = [
  0,      1,      0xffffffff, 0x80000000,
  0x7fffffff, 0xffff, 0x8000, 0x7fff,
  0x8080, 0x7f7f, 0xff,       0x80,
  0x00010000, 0x55555555, 0xaaaaaaaa, 0xfffffffe,
];

/** What the word at `address` holds outside the active ranges. */
export function background(address: number): number {
  return Math.imul(address ^ (address >>> 7), 0x9e3779b1);
}

/** The writable pages as they are before a case: 4 × 1024 words. */
export function backgroundPages(): Int32Array {
  const words = new Int32Array(PAGES.length * PAGE_WORDS);
  for (let i = 0; i < words.length; i++) words[i] = background(PAGES[i >>> 10]! + 4 * (i & 1023));
  return words;
}

/** Fills the active ranges of `words` for a case. */
export function fill(words: Int32Array, seed: number): void {
  let x = seed | 1;
  for (const [page, first, count] of ACTIVE) {
    const from = page * PAGE_WORDS + first;
    for (let i = from; i < from + count; i++) {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      words[i] = (x & 0x700) !== 0 ? x : INTERESTING[x & 15]!;
    }
  }
}

/** Calls `visit(index into the four pages)` for every word that `fill` writes. */
export function forEachActive(visit: (index: number) => void): void {
  for (const [page, first, count] of ACTIVE) {
    for (let i = 0; i < count; i++) visit(page * PAGE_WORDS + first + i);
  }
}

export function mix(h: number, v: number): number {
  const m = Math.imul(h ^ v, 0x9e3779b1);
  return m ^ (m >>> 15);
}

/** True when `size` bytes from `address` lie in windows. */
export function readable(address: number, size: number): boolean {
  const last = address + size - 1;
  return (
    writable(address, size) ||
    (address >= CONSTANT && last < CONSTANT + 0x1000) ||
    (address >= CODE && last < CODE + CODE_SIZE) ||
    (address >= END && last < END + 0x1000)
  );
}

/** True when `size` bytes from `address` lie in writable windows. */
export function writable(address: number, size: number): boolean {
  const last = address + size - 1;
  return (
    (address >= DATA && last < DATA + 0x2000) ||
    (address >= STACK && last < STACK + 0x1000) ||
    (address >= LOW && last < LOW + 0x1000)
  );
}
