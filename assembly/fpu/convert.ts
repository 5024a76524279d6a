/** Conversions between the extended format and single, double, integer and BCD memory formats. */
import { CLASS_QNAN, CLASS_ZERO, head, J_BIT, set, setZero, significand, signOf, unpack } from './float80';
import { decide, shiftLow } from './round';
import { C1, invalid, note, PE, VALUE_EXPONENT, X_A, X_R } from './state';

/** Widens a single exactly, a SNaN included. Returns 1 for a denormal. */
export function widenSingle(p: usize, bits: u32): u32 {
  const sign = (bits >>> 31) << 15;
  const exponent = (bits >>> 23) & 0xff;
  const fraction = (bits & 0x7fffff) as u64;
  if (exponent == 0xff) set(p, sign | 0x7fff, J_BIT | (fraction << 40));
  else if (exponent != 0) set(p, sign | (exponent + 16383 - 127), J_BIT | (fraction << 40));
  else if (fraction == 0) setZero(p, bits >>> 31);
  else {
    const shift = clz(fraction);
    set(p, sign | (16383 - 126 + 40 - (shift as u32)), fraction << shift);
    return 1;
  }
  return 0;
}

/** Widens a double exactly, a SNaN included. Returns 1 for a denormal. */
export function widenDouble(p: usize, bits: u64): u32 {
  const sign = ((bits >>> 63) as u32) << 15;
  const exponent = ((bits >>> 52) as u32) & 0x7ff;
  const fraction = bits & 0xfffffffffffff;
  if (exponent == 0x7ff) set(p, sign | 0x7fff, J_BIT | (fraction << 11));
  else if (exponent != 0) set(p, sign | (exponent + 16383 - 1023), J_BIT | (fraction << 11));
  else if (fraction == 0) setZero(p, sign >>> 15);
  else {
    const shift = clz(fraction);
    set(p, sign | (16383 - 1022 + 11 - (shift as u32)), fraction << shift);
    return 1;
  }
  return 0;
}

/** Widens a two's complement integer exactly. */
export function widenInteger(p: usize, value: i64): void {
  if (value == 0) {
    setZero(p, 0);
    return;
  }
  const sign: u32 = value < 0 ? 1 : 0;
  const magnitude = (sign ? -value : value) as u64;
  const shift = clz(magnitude);
  set(p, (sign << 15) | (16383 + 63 - (shift as u32)), magnitude << shift);
}

/** Packs a value that `roundWide` left for the single format, or a widened NaN. */
export function packSingle(p: usize): u32 {
  const h = head(p);
  const m = significand(p);
  const sign = (h >>> 15) << 31;
  const fraction = ((m << 1) >>> 41) as u32;
  if ((h & 0x7fff) == 0x7fff) return sign | 0x7f800000 | fraction;
  if (m == 0) return sign;
  const exponent: u32 = m & J_BIT ? (h & 0x7fff) - 16383 + 127 : 0;
  return sign | (exponent << 23) | fraction;
}

/** Packs a value that `roundWide` left for the double format, or a widened NaN. */
export function packDouble(p: usize): u64 {
  const h = head(p);
  const m = significand(p);
  const sign = ((h >>> 15) as u64) << 63;
  const fraction = (m << 1) >>> 12;
  if ((h & 0x7fff) == 0x7fff) return sign | 0x7ff0000000000000 | fraction;
  if (m == 0) return sign;
  const exponent: u32 = m & J_BIT ? (h & 0x7fff) - 16383 + 1023 : 0;
  return sign | ((exponent as u64) << 52) | fraction;
}

/**
 * Rounds the value at `p` to an integer magnitude of at most `limit`, one more when negative and `symmetric` is false.
 * Returns the magnitude; notes IE when it does not exist, else PE and C1 as rounding demands.
 */
export function roundToInteger(f: usize, p: usize, rc: u32, limit: u64, symmetric: bool): u64 {
  const kind = unpack(f + X_A, p);
  if (kind == CLASS_ZERO) return 0;
  const sign = signOf(p);
  const m = load<u64>(f, X_A);
  const shift = 16383 + 63 - load<i32>(f, X_A + VALUE_EXPONENT); // fraction bits
  if (kind >= CLASS_QNAN || shift < 0) {
    invalid(f);
    return 0;
  }
  let magnitude = m;
  let action: u32 = 0;
  if (shift > 0) {
    magnitude = shift < 64 ? m >>> shift : 0;
    action = decide(magnitude, shiftLow(m, 0, shift as u32), 64, rc, sign);
  }
  if (action & 2) magnitude++;
  if ((action & 2 && magnitude == 0) || magnitude > limit + u64(sign && !symmetric)) {
    invalid(f);
    return 0;
  }
  note(f, action & 1 ? (action & 2 ? PE | C1 : PE) : 0);
  return magnitude;
}

/** R = the value at `p` rounded to an integer (FRNDINT); finite, non-zero, not a NaN. */
export function roundInPlace(f: usize, p: usize, rc: u32): void {
  unpack(f + X_A, p);
  const sign = signOf(p);
  const m = load<u64>(f, X_A);
  const exponent = load<i32>(f, X_A + VALUE_EXPONENT);
  const shift = 16383 + 63 - exponent;
  if (shift <= 0) {
    set(f + X_R, (sign << 15) | (exponent as u32), m);
    return;
  }
  const whole: u64 = shift < 64 ? m >>> shift : 0;
  const action = decide(whole, shiftLow(m, 0, shift as u32), 64, rc, sign);
  note(f, action & 1 ? (action & 2 ? PE | C1 : PE) : 0);
  widenInteger(f + X_R, whole as i64);
  if (action & 2) widenInteger(f + X_R, (whole + 1) as i64);
  store<u16>(f, (head(f + X_R) & 0x7fff) | (sign << 15), X_R + VALUE_EXPONENT);
}

/** Reads an 18-digit packed BCD integer. */
export function widenBcd(p: usize, bytes: usize): void {
  let value: u64 = 0;
  for (let i: usize = 9; i > 0; i--) {
    const pair = load<u8>(bytes + i - 1) as u32;
    value = value * 100 + (((pair >>> 4) * 10 + (pair & 15)) as u64);
  }
  widenInteger(p, value as i64);
  store<u16>(p, head(p) | (((load<u8>(bytes, 9) as u32) >>> 7) << 15), VALUE_EXPONENT);
}

/** Writes an 18-digit packed BCD integer. */
export function packBcd(bytes: usize, magnitude: u64, sign: u32): void {
  for (let i: usize = 0; i < 9; i++) {
    const pair = (magnitude % 100) as u32;
    magnitude /= 100;
    store<u8>(bytes + i, ((pair / 10) << 4) | (pair % 10));
  }
  store<u8>(bytes, sign << 7, 9);
}
