/**
 * Rounding of an unrounded result W = high.low × 2^exponent to a format: the one place where OE, UE, PE and "rounded up"
 * are decided.
 *
 *      high                      low
 *    ┌─────────────────┬───────┬─────────────────┐
 *    │ kept: precision │ dropped: half bit, rest │
 *    └─────────────────┴───────┴─────────────────┘
 *
 * Tininess is detected after rounding (SDM Vol. 1, 4.9.1.5, "Numeric Underflow Exception (#U)").
 */
import { EXPONENT_MAX, J_BIT, resultInfinity, resultZero, set } from './float80';
import {
  C1,
  note,
  OE,
  PE,
  ROUND_DOWN,
  ROUND_NEAREST,
  ROUND_UP,
  UE,
  W_EXPONENT,
  W_LOW,
  W_SIGN,
  X_R,
  X_W,
} from './state';

// Exponent ranges, biased by 16383, of SDM Vol. 1, Table 4-2, "Length, Precision, and Range of Floating-Point Data Types"
export const SINGLE_MIN: i32 = 16383 - 126;
export const SINGLE_MAX: i32 = 16383 + 127;
export const DOUBLE_MIN: i32 = 16383 - 1022;
export const DOUBLE_MAX: i32 = 16383 + 1023;
export const EXTENDED_MIN: i32 = 1;
export const EXTENDED_MAX: i32 = 32766;
/** SDM Vol. 1, 8.5.4 and 8.5.5: the exponent of an unmasked result in a register is moved by this much. */
export const WRAP: i32 = 24576;

/** What to do with the dropped bits: bit 0 = inexact, bit 1 = away from zero. */
export function decide(high: u64, low: u64, precision: u32, rc: u32, sign: u32): u32 {
  let half: u64;
  let rest: u64;
  let odd: u64;
  if (precision == 64) {
    half = low >>> 63;
    rest = low << 1;
    odd = high & 1;
  } else {
    const shift = (64 - precision) as u64;
    half = (high >>> (shift - 1)) & 1;
    rest = (high & (((1 as u64) << (shift - 1)) - 1)) | low;
    odd = (high >>> shift) & 1;
  }
  if ((half | rest) == 0) return 0;
  let up: bool = false;
  if (rc == ROUND_NEAREST) up = half != 0 && (rest | odd) != 0;
  else if (rc == ROUND_DOWN) up = sign != 0;
  else if (rc == ROUND_UP) up = sign == 0;
  return up ? 3 : 1;
}

/** low of (high:low) >> n with everything shifted out ORed into bit 0; n in 1 … */
export function shiftLow(high: u64, low: u64, n: u32): u64 {
  if (n < 64) return (high << (64 - n)) | (low >>> n) | u64(low << (64 - n) != 0);
  if (n == 64) return high | u64(low != 0);
  if (n < 128) return (high >>> (n - 64)) | u64(((high << (128 - n)) | low) != 0);
  return u64((high | low) != 0);
}

/** Stores W; `high` must have its bit 63 set, or be 0 together with `low`. */
export function setWide(f: usize, sign: u32, exponent: i32, high: u64, low: u64): void {
  store<u64>(f, high, X_W);
  store<u64>(f, low, X_W + W_LOW);
  store<i32>(f, exponent, X_W + W_EXPONENT);
  store<u32>(f, sign, X_W + W_SIGN);
}

/** Stores W after shifting its leading bit to bit 63 of `high`. */
export function setWideNormalized(f: usize, sign: u32, exponent: i32, high: u64, low: u64): void {
  if (high == 0) {
    high = low;
    low = 0;
    exponent -= 64;
  }
  const n = clz(high);
  if (n != 0 && high != 0) {
    high = (high << n) | (low >>> (64 - n));
    low <<= n;
    exponent -= n as i32;
  }
  setWide(f, sign, exponent, high, low);
}

/**
 * Rounds W to `precision` bits and exponents `min` … `max` and leaves the value in R, packed; a denormal single or double
 * keeps exponent `min` with J = 0. An overflow or underflow that `unmasked` does not mask moves the exponent by `wrap`;
 * with `wrap` 0 such a result is meaningless, the caller must not store it, and nothing but OE or UE is noted.
 */
export function roundWide(f: usize, precision: u32, min: i32, max: i32, rc: u32, unmasked: u32, wrap: i32): void {
  let high = load<u64>(f, X_W);
  let low = load<u64>(f, X_W + W_LOW);
  const exponent = load<i32>(f, X_W + W_EXPONENT);
  const sign = load<u32>(f, X_W + W_SIGN);
  if (high == 0) {
    resultZero(f, sign);
    return;
  }
  const unit = (1 as u64) << ((64 - precision) as u64);
  const keep = ~(unit - 1);
  let action = decide(high, low, precision, rc, sign);
  let m = high & keep;
  let e = exponent;
  if (action & 2) {
    m += unit;
    if (m == 0) {
      m = J_BIT;
      e++;
    }
  }
  let flags: u32 = action & 1 ? PE : 0;
  if (action & 2) flags |= C1;
  if (e > max) {
    if (unmasked & OE) {
      flags = wrap ? flags | OE : OE;
      e -= wrap;
    } else {
      note(f, OE | PE);
      if (rc == ROUND_NEAREST || rc == (sign ? ROUND_DOWN : ROUND_UP)) {
        note(f, C1);
        resultInfinity(f, sign);
      } else set(f + X_R, (sign << 15) | (max as u32), keep);
      return;
    }
  } else if (e < min) {
    if (unmasked & UE) {
      flags = wrap ? flags | UE : UE;
      e += wrap;
    } else {
      const n = (min - exponent) as u32;
      low = shiftLow(high, low, n);
      high = n < 64 ? high >>> n : 0;
      action = decide(high, low, precision, rc, sign);
      m = (high & keep) + (action & 2 ? unit : 0);
      flags = action & 1 ? (action & 2 ? UE | PE | C1 : UE | PE) : 0;
      e = min == EXTENDED_MIN && !(m & J_BIT) ? 0 : min;
    }
  }
  note(f, flags);
  if (m == 0) e = 0;
  set(f + X_R, (sign << 15) | ((e as u32) & EXPONENT_MAX), m);
}
