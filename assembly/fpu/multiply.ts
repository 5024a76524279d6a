/** Multiplication, division and square root of unpacked non-zero finite values. */
import { BIAS, J_BIT } from './float80';
import { setWide } from './round';
import { VALUE_EXPONENT, VALUE_SIGN, X_A, X_B } from './state';

/** High half of the 128-bit product. */
export function multiplyHigh(a: u64, b: u64): u64 {
  const al = a & 0xffffffff;
  const ah = a >>> 32;
  const bl = b & 0xffffffff;
  const bh = b >>> 32;
  const middle = ah * bl + ((al * bl) >>> 32);
  const cross = al * bh + (middle & 0xffffffff);
  return ah * bh + (middle >>> 32) + (cross >>> 32);
}

/** Quotient of (high:low) / d for high < d and d with bit 63 set; the remainder is low − quotient × d, modulo 2^64. */
export function divideWide(high: u64, low: u64, d: u64): u64 {
  const dh = d >>> 32;
  const dl = d & 0xffffffff;
  let q1 = high / dh;
  let r = high - q1 * dh;
  while (q1 >>> 32 != 0 || q1 * dl > ((r << 32) | (low >>> 32))) {
    q1--;
    r += dh;
    if (r >>> 32 != 0) break;
  }
  const rest = ((high << 32) | (low >>> 32)) - q1 * d;
  let q0 = rest / dh;
  r = rest - q0 * dh;
  while (q0 >>> 32 != 0 || q0 * dl > ((r << 32) | (low & 0xffffffff))) {
    q0--;
    r += dh;
    if (r >>> 32 != 0) break;
  }
  return (q1 << 32) + q0;
}

/** W = A × B, exact. */
export function multiplyValues(f: usize): void {
  const a = load<u64>(f, X_A);
  const b = load<u64>(f, X_B);
  const sign = load<u32>(f, X_A + VALUE_SIGN) ^ load<u32>(f, X_B + VALUE_SIGN);
  const exponent = load<i32>(f, X_A + VALUE_EXPONENT) + load<i32>(f, X_B + VALUE_EXPONENT) - BIAS;
  const high = multiplyHigh(a, b);
  const low = a * b;
  if (high & J_BIT) setWide(f, sign, exponent + 1, high, low);
  else setWide(f, sign, exponent, (high << 1) | (low >>> 63), low << 1);
}

/** W = A ÷ B to 127 bits and a sticky bit. */
export function divideValues(f: usize): void {
  const a = load<u64>(f, X_A);
  const b = load<u64>(f, X_B);
  const sign = load<u32>(f, X_A + VALUE_SIGN) ^ load<u32>(f, X_B + VALUE_SIGN);
  let exponent = load<i32>(f, X_A + VALUE_EXPONENT) - load<i32>(f, X_B + VALUE_EXPONENT) + BIAS;
  let high = a;
  let low: u64 = 0;
  if (a >= b) {
    high = a >>> 1;
    low = a << 63;
  } else exponent--;
  const q = divideWide(high, low, b);
  const rest = low - q * b;
  const q2 = divideWide(rest, 0, b);
  setWide(f, sign, exponent, q, q2 | u64(q2 * b != 0));
}

/** W = √A for a positive A: 64 bits by digit recurrence, then round bit and sticky from the remainder. */
export function squareRootValue(f: usize): void {
  const m = load<u64>(f, X_A);
  const e = load<i32>(f, X_A + VALUE_EXPONENT) - BIAS;
  // The radicand high:low lies in [2^126, 2^128) and has an even exponent.
  const odd = e & 1;
  let high = odd ? m : m >>> 1;
  let low = odd ? (0 as u64) : m << 63;
  let root: u64 = 0;
  let rest: u64 = 0; // remainder, at most 2 × root: only after the last digit can it need `carry`, its bit 64
  let carry: u64 = 0;
  for (let i = 0; i < 64; i++) {
    carry = rest >>> 62;
    rest = (rest << 2) | (high >>> 62);
    high = (high << 2) | (low >>> 62);
    low <<= 2;
    const trial = (root << 2) | 1;
    const trialCarry = root >>> 62;
    root <<= 1;
    if (carry > trialCarry || (carry == trialCarry && rest >= trial)) {
      carry = carry - trialCarry - u64(rest < trial);
      rest -= trial;
      root |= 1;
    }
  }
  // The next digit is 1 when remainder × 4 > root × 4, that is when remainder > root.
  const half = carry != 0 || rest > root;
  const inexact = carry != 0 || rest != 0;
  setWide(f, 0, (e >> 1) + BIAS, root, (half ? J_BIT : 0) | u64(inexact));
}
