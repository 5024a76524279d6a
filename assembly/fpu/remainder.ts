/** FPREM, FPREM1, FSCALE, FXTRACT, FRNDINT: exact operations on exponents and integers. */
import { noteDenormal, roundExtended } from './arithmetic';
import { roundInPlace, widenInteger } from './convert';
import {
  BIAS,
  CLASS_DENORMAL,
  CLASS_INFINITY,
  CLASS_QNAN,
  CLASS_ZERO,
  classify,
  copy,
  head,
  J_BIT,
  resultIndefinite,
  resultInfinity,
  resultZero,
  set,
  setInfinity,
  significand,
  signOf,
  unpack,
} from './float80';
import { propagate, propagateOne } from './nan';
import { EXTENDED_MAX, EXTENDED_MIN, setWide, setWideNormalized, WRAP } from './round';
import {
  blocked,
  C0,
  C1,
  C2,
  C3,
  DE,
  invalid,
  note,
  OE,
  PE,
  roundingControl,
  UE,
  unmasked,
  VALUE_EXPONENT,
  X_A,
  X_B,
  X_OPERAND,
  X_R,
  ZE,
} from './state';

/** Exponent distance that one execution reduces at most; beyond it C2 reports a partial remainder. */
const COMPLETE: i32 = 64;

/** Without a quotient C3 and C0 stay as they were. */
export const KEEP: u32 = 1;

/**
 * R = a where nothing is computed: FSCALE by ±0 (by a fraction it computes), FPREM by ±∞. So a denormal comes back without #U;
 * a pseudo-denormal becomes normal, though.
 */
function unchanged(f: usize, a: usize, kindA: u32): void {
  copy(f + X_R, a);
  if (kindA == CLASS_DENORMAL && (significand(a) & J_BIT) != 0) set(f + X_R, head(a) | 1, significand(a));
}

/** R = remainder of a ÷ b, quotient truncated or (`nearest`) rounded to even; returns C3 C2 C1 C0, or KEEP. */
export function remainder(f: usize, a: usize, b: usize, nearest: bool): u32 {
  const kindA = unpack(f + X_A, a);
  const kindB = unpack(f + X_B, b);
  if (kindA >= CLASS_QNAN || kindB >= CLASS_QNAN) {
    propagate(f, a, kindA, b, kindB);
    return KEEP;
  }
  if (kindA == CLASS_INFINITY || kindB == CLASS_ZERO) {
    invalid(f);
    resultIndefinite(f);
    return KEEP;
  }
  noteDenormal(f, kindA, kindB);
  if (blocked(f)) return KEEP;
  if (kindA == CLASS_ZERO || kindB == CLASS_INFINITY) {
    unchanged(f, a, kindA);
    return 0;
  }
  const exponentA = load<i32>(f, X_A + VALUE_EXPONENT);
  const exponentB = load<i32>(f, X_B + VALUE_EXPONENT);
  let sign = signOf(a);
  const m = load<u64>(f, X_B);
  let rest = load<u64>(f, X_A);
  let quotient: u64 = 0;
  let exponent = exponentA;
  const distance = exponentA - exponentB;
  let partial: u32 = 0;
  if (distance >= (nearest ? -1 : 0)) {
    let steps = distance;
    if (distance >= COMPLETE) {
      partial = C2;
      steps = (distance & 31) | 32;
    }
    // rest < 2^64 is the remainder scaled by 2^steps; `carry` is its bit 64 after a shift
    let carry: u64 = 0;
    if (steps >= 0) {
      exponent = exponentA - steps;
      for (let i = 0; ; i++) {
        quotient <<= 1;
        if (carry || rest >= m) {
          rest -= m;
          quotient |= 1;
        }
        if (i == steps) break;
        carry = rest >>> 63;
        rest <<= 1;
      }
    }
    if (nearest && !partial) {
      // Compare 2 × rest with m, both at exponentB; with steps = −1 rest still counts half.
      const above = steps < 0 ? rest > m : rest >>> 63 != 0 || rest << 1 > m;
      const tie = steps >= 0 && rest >>> 63 == 0 && rest << 1 == m;
      if (above || (tie && (quotient & 1) != 0)) {
        quotient++;
        sign ^= 1;
        rest = steps < 0 ? m - (rest - m) : m - rest; // steps = −1: 2m − rest, in units of exponentA
      }
    }
  }
  if (rest == 0) resultZero(f, signOf(a));
  else {
    setWideNormalized(f, sign, exponent, rest, 0);
    roundExtended(f, 64);
  }
  if (partial) return C2;
  return (quotient & 1 ? C1 : 0) | (quotient & 2 ? C3 : 0) | (quotient & 4 ? C0 : 0);
}

/** R = a × 2^trunc(b). */
export function scale(f: usize, a: usize, b: usize): void {
  const kindA = unpack(f + X_A, a);
  const kindB = unpack(f + X_B, b);
  const sign = signOf(a);
  if (kindA >= CLASS_QNAN || kindB >= CLASS_QNAN) {
    propagate(f, a, kindA, b, kindB);
    return;
  }
  if (kindB == CLASS_INFINITY && kindA == (signOf(b) ? CLASS_INFINITY : CLASS_ZERO)) {
    invalid(f);
    resultIndefinite(f);
    return;
  }
  noteDenormal(f, kindA, kindB);
  if (blocked(f)) return;
  if (kindB == CLASS_INFINITY) {
    if (signOf(b)) resultZero(f, sign);
    else resultInfinity(f, sign);
    return;
  }
  if (kindA == CLASS_ZERO || kindA == CLASS_INFINITY || kindB == CLASS_ZERO) {
    unchanged(f, a, kindA);
    return;
  }
  // |b| ≥ 2^16 moves any value out of the format whatever the rest of b is.
  const exponentB = load<i32>(f, X_B + VALUE_EXPONENT) - BIAS;
  let by: i32 = 0;
  if (kindB == CLASS_ZERO || exponentB < 0) by = 0;
  else if (exponentB > 15) by = 0x10000;
  else by = (load<u64>(f, X_B) >>> (63 - exponentB)) as i32;
  if (signOf(b)) by = -by;
  const exponent = load<i32>(f, X_A + VALUE_EXPONENT) + by;
  // What even the moved exponent cannot hold is infinite or zero, SDM Vol. 1, 8.5.4 and 8.5.5.
  if ((unmasked(f) & OE) != 0 && exponent - WRAP > EXTENDED_MAX) {
    note(f, OE | PE | C1);
    resultInfinity(f, sign);
    return;
  }
  if ((unmasked(f) & UE) != 0 && exponent + WRAP < EXTENDED_MIN) {
    note(f, UE | PE);
    resultZero(f, sign);
    return;
  }
  setWide(f, sign, exponent, load<u64>(f, X_A), 0);
  roundExtended(f, 64);
}

/** FXTRACT: R = significand of the value at `p`, operand scratch = its exponent. */
export function extract(f: usize, p: usize): void {
  const exponent = f + X_OPERAND;
  const kind = unpack(f + X_A, p);
  if (kind >= CLASS_QNAN) {
    propagateOne(f, p, kind);
    copy(exponent, f + X_R);
    return;
  }
  noteDenormal(f, kind, kind);
  if (kind == CLASS_ZERO) note(f, ZE);
  copy(f + X_R, p);
  if (kind == CLASS_ZERO || kind == CLASS_INFINITY) {
    setInfinity(exponent, kind == CLASS_ZERO ? 1 : 0);
    return;
  }
  widenInteger(exponent, (load<i32>(f, X_A + VALUE_EXPONENT) - BIAS) as i64);
  set(f + X_R, (signOf(p) << 15) | (BIAS as u32), load<u64>(f, X_A));
}

/** R = the value at `p` rounded to an integer. */
export function roundInteger(f: usize, p: usize): void {
  const kind = classify(p);
  if (kind >= CLASS_QNAN) {
    propagateOne(f, p, kind);
    return;
  }
  if (kind == CLASS_DENORMAL) note(f, DE);
  if (blocked(f)) return;
  if (kind == CLASS_ZERO || kind == CLASS_INFINITY) copy(f + X_R, p);
  else roundInPlace(f, p, roundingControl(f));
}
