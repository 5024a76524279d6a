/** A seeded 32-bit generator (xorshift32 over a mixed seed): the same numbers on every machine. */
export class Random {
  #x: number;

  constructor(seed: number) {
    this.#x = scramble(seed) || 0x9e3779b9;
  }

  /** The next number, 0 … 2³² − 1. */
  u32(): number {
    let x = this.#x;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#x = x;
    // The multiplication keeps the low bits from following xorshift's linear pattern.
    return Math.imul(x, 0x9e3779b1) >>> 0;
  }

  /** A number 0 … n − 1. */
  below(n: number): number {
    return Math.floor((this.u32() / 0x1_0000_0000) * n);
  }

  /** A number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** True once in `n` times. */
  once(n: number): boolean {
    return this.below(n) === 0;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }
}

/** Mixes all bits of a 32-bit number (the finaliser of MurmurHash3). */
export function scramble(x: number): number {
  let h = x | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The seed of case `index` of the run `base`. */
export function caseSeed(base: number, index: number): number {
  return scramble(scramble(base) + Math.imul(index, 0x9e3779b1));
}
