/**
 * Double extended-precision values.
 *
 *     79  78        64  63  62                        0
 *    ┌───┬────────────┬───┬────────────────────────────┐
 *    │ S │ exponent   │ J │ fraction                   │   value = J.fraction × 2^(exponent − 16383)
 *    └───┴────────────┴───┴────────────────────────────┘
 *
 * Packed values lie in memory: significand u64, then sign and exponent u16. Unpacked ones are normalised (J = 1) with the
 * exponent as i32, still biased by 16383, and may leave the format's range on both sides.
 */
import { VALUE_EXPONENT, VALUE_SIGN, X_R } from './state';

export const BIAS: i32 = 16383;
export const EXPONENT_MASK: u32 = 0x7fff;
export const EXPONENT_MAX: u32 = 0x7fff;
export const SIGN_BIT: u32 = 0x8000;
export const J_BIT: u64 = 0x8000000000000000;
export const QUIET_BIT: u64 = 0x4000000000000000;

// Intel SDM Vol. 1, Table 8-3, "Unsupported Double Extended-Precision Floating-Point Encodings and Pseudo-Denormals"
export const CLASS_ZERO: u32 = 0;
export const CLASS_NORMAL: u32 = 1;
export const CLASS_DENORMAL: u32 = 2; // and pseudo-denormal
export const CLASS_INFINITY: u32 = 3;
export const CLASS_QNAN: u32 = 4;
export const CLASS_SNAN: u32 = 5;
export const CLASS_UNSUPPORTED: u32 = 6; // unnormal, pseudo-infinity, pseudo-NaN

export function significand(p: usize): u64 {
  return load<u64>(p);
}
/** Sign and exponent as packed. */
export function head(p: usize): u32 {
  return load<u16>(p, VALUE_EXPONENT);
}
export function signOf(p: usize): u32 {
  return head(p) >>> 15;
}
export function set(p: usize, head: u32, significand: u64): void {
  store<u64>(p, significand);
  store<u16>(p, head, VALUE_EXPONENT);
}
export function copy(to: usize, from: usize): void {
  set(to, head(from), significand(from));
}

/** Assembles a 64-bit constant; a literal of this size would not survive the type checker's doubles. */
export function words(high: u32, low: u32): u64 {
  return ((high as u64) << 32) | (low as u64);
}

export function classify(p: usize): u32 {
  const exponent = head(p) & EXPONENT_MASK;
  const m = significand(p);
  if (exponent == 0) return m == 0 ? CLASS_ZERO : CLASS_DENORMAL;
  if (!(m & J_BIT)) return CLASS_UNSUPPORTED;
  if (exponent != EXPONENT_MAX) return CLASS_NORMAL;
  if (m << 1 == 0) return CLASS_INFINITY;
  return m & QUIET_BIT ? CLASS_QNAN : CLASS_SNAN;
}

/** Unpacks a finite value to `u`; a zero gets significand 0. Returns the class. */
export function unpack(u: usize, p: usize): u32 {
  const kind = classify(p);
  let exponent = (head(p) & EXPONENT_MASK) as i32;
  let m = significand(p);
  if (exponent == 0) exponent = 1;
  if (m != 0) {
    const shift = clz(m);
    m <<= shift;
    exponent -= shift as i32;
  }
  store<u64>(u, m);
  store<i32>(u, exponent, VALUE_EXPONENT);
  store<u32>(u, signOf(p), VALUE_SIGN);
  return kind;
}

export function setZero(p: usize, sign: u32): void {
  set(p, sign << 15, 0);
}
export function setInfinity(p: usize, sign: u32): void {
  set(p, (sign << 15) | EXPONENT_MAX, J_BIT);
}
/** The QNaN floating-point indefinite. */
export function setIndefinite(p: usize): void {
  set(p, SIGN_BIT | EXPONENT_MAX, J_BIT | QUIET_BIT);
}
export function resultZero(f: usize, sign: u32): void {
  setZero(f + X_R, sign);
}
export function resultInfinity(f: usize, sign: u32): void {
  setInfinity(f + X_R, sign);
}
export function resultIndefinite(f: usize): void {
  setIndefinite(f + X_R);
}
