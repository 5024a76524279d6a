/**
 * 128-bit unsigned fixed point for the transcendental functions: {high u64, low u64} at an address.
 *
 * Q128 holds [0, 1) with 1.0 = 2^128; Q127 holds [0, 2) with 1.0 = 2^127. A product of a Q128 and a Qn is a Qn.
 * Every operation truncates, so an error is a few units of 2^-127.
 */
import { J_BIT } from './float80';
import { multiplyHigh } from './multiply';
import { setWideNormalized, shiftLow } from './round';
import { W_EXPONENT, W_LOW, W_SIGN, X_W, X_WIDE } from './state';

const LOW: usize = 8;

/** Places for values of a function's own, in its scratch. */
export const T0: usize = X_WIDE;
export const T1: usize = X_WIDE + 16;
export const T2: usize = X_WIDE + 32;
export const T3: usize = X_WIDE + 48;
export const T4: usize = X_WIDE + 64;

export function wideSet(d: usize, high: u64, low: u64): void {
  store<u64>(d, high);
  store<u64>(d, low, LOW);
}
export function wideHigh(a: usize): u64 {
  return load<u64>(a);
}
export function wideLow(a: usize): u64 {
  return load<u64>(a, LOW);
}
/** 1.0 as Q127 */
export function wideOne(d: usize): void {
  wideSet(d, J_BIT, 0);
}
export function wideAdd(d: usize, a: usize, b: usize): void {
  const low = wideLow(a) + wideLow(b);
  wideSet(d, wideHigh(a) + wideHigh(b) + u64(low < wideLow(a)), low);
}
export function wideSubtract(d: usize, a: usize, b: usize): void {
  const al = wideLow(a);
  const bl = wideLow(b);
  wideSet(d, wideHigh(a) - wideHigh(b) - u64(al < bl), al - bl);
}
/** d = a >> n */
export function wideShift(d: usize, a: usize, n: u32): void {
  const high = wideHigh(a);
  const low = wideLow(a);
  if (n == 0) wideSet(d, high, low);
  else if (n >= 128) wideSet(d, 0, 0);
  else wideSet(d, n < 64 ? high >>> n : 0, shiftLow(high, low, n));
}
/** d = a × b >> 128 */
export function wideMultiply(d: usize, a: usize, b: usize): void {
  const ah = wideHigh(a);
  const bh = wideHigh(b);
  const cross1 = multiplyHigh(ah, wideLow(b));
  const cross2 = multiplyHigh(wideLow(a), bh);
  const low = ah * bh;
  const sum1 = low + cross1;
  const sum2 = sum1 + cross2;
  wideSet(d, multiplyHigh(ah, bh) + u64(sum1 < low) + u64(sum2 < cross2), sum2);
}
/** d = a ÷ n for 0 < n < 2^32 */
export function wideDivideSmall(d: usize, a: usize, n: u64): void {
  const high = wideHigh(a);
  const low = wideLow(a);
  const middle = ((high % n) << 32) | (low >>> 32);
  const last = ((middle % n) << 32) | (low & 0xffffffff);
  wideSet(d, high / n, ((middle / n) << 32) | (last / n));
}
/** d = a ÷ b as Q128 for a < b, digit by digit. */
export function wideDivide(d: usize, a: usize, b: usize): void {
  const bh = wideHigh(b);
  const bl = wideLow(b);
  let high = wideHigh(a);
  let low = wideLow(a);
  let quotientHigh: u64 = 0;
  let quotientLow: u64 = 0;
  for (let i = 0; i < 128; i++) {
    const carry = high >>> 63;
    high = (high << 1) | (low >>> 63);
    low <<= 1;
    quotientHigh = (quotientHigh << 1) | (quotientLow >>> 63);
    quotientLow <<= 1;
    if (carry || high > bh || (high == bh && low >= bl)) {
      high = high - bh - u64(low < bl);
      low -= bl;
      quotientLow |= 1;
    }
  }
  wideSet(d, quotientHigh, quotientLow);
}

/** W as Q128 (`fraction` 128) or Q127 (127); W must be below 1 or 2 and is not negative here. */
export function wideFromW(f: usize, d: usize, fraction: i32): void {
  wideSet(d, load<u64>(f, X_W), load<u64>(f, X_W + W_LOW));
  wideShift(d, d, (16382 - load<i32>(f, X_W + W_EXPONENT) + 128 - fraction) as u32);
}

/** W = W × b, where b is Q127 */
export function multiplyW(f: usize, b: usize): void {
  wideMultiply(f + X_W, f + X_W, b);
  const exponent = load<i32>(f, X_W + W_EXPONENT) + 1;
  setWideNormalized(f, load<u32>(f, X_W + W_SIGN), exponent, wideHigh(f + X_W), wideLow(f + X_W));
}

/** W = ± a, where a is Q128 (`fraction` 128) or Q127, both scaled by 2^`exponent`. */
export function wideToW(f: usize, a: usize, fraction: i32, exponent: i32, sign: u32): void {
  setWideNormalized(f, sign, 16382 + 128 - fraction + exponent, wideHigh(a), wideLow(a));
}

/** Marks W as not exact: a hair below what it says, so that no directed mode takes it for representable. */
export function inexactW(f: usize): void {
  const low = load<u64>(f, X_W + W_LOW);
  if (low == 0) {
    const high = load<u64>(f, X_W) - 1;
    store<u64>(f, high, X_W);
  }
  store<u64>(f, (low - 1) | 1, X_W + W_LOW);
  if (!(load<u64>(f, X_W) & J_BIT)) {
    store<u64>(f, ~(0 as u64), X_W);
    store<i32>(f, load<i32>(f, X_W + W_EXPONENT) - 1, X_W + W_EXPONENT);
  }
}
