/**
 * F2XM1, FYL2X, FYL2XP1 by series in 128-bit fixed point, correctly rounded except within about 2^-50 ulp of a
 * rounding boundary; real CPUs differ by up to 1 ulp.
 */
import { noteDenormal, roundExtended } from './arithmetic';
import {
  BIAS,
  CLASS_INFINITY,
  CLASS_QNAN,
  CLASS_ZERO,
  copy,
  head,
  J_BIT,
  resultIndefinite,
  resultInfinity,
  resultZero,
  set,
  significand,
  signOf,
  unpack,
  words,
} from './float80';
import { multiplyHigh } from './multiply';
import { propagate, propagateOne } from './nan';
import { setWide, setWideNormalized, shiftLow } from './round';
import {
  blocked,
  invalid,
  note,
  PE,
  VALUE_EXPONENT,
  VALUE_SIGN,
  W_EXPONENT,
  W_LOW,
  W_SIGN,
  X_A,
  X_B,
  X_R,
  X_W,
  ZE,
} from './state';
import {
  inexactW,
  multiplyW,
  T0,
  T1,
  T2,
  T3,
  T4,
  wideAdd,
  wideDivide,
  wideDivideSmall,
  wideFromW,
  wideHigh,
  wideLow,
  wideMultiply,
  wideOne,
  wideSet,
  wideShift,
  wideSubtract,
  wideToW,
} from './wide';

/** R = 2^p − 1 for |p| ≤ 1. Beyond, the result is undefined and R = p, inexact. */
export function exponential(f: usize, p: usize): void {
  const kind = unpack(f + X_A, p);
  const sign = signOf(p);
  if (kind >= CLASS_QNAN) {
    propagateOne(f, p, kind);
    return;
  }
  if (kind == CLASS_INFINITY) {
    if (sign) set(f + X_R, 0x8000 | (BIAS as u32), J_BIT);
    else copy(f + X_R, p);
    return;
  }
  noteDenormal(f, kind, kind);
  if (blocked(f)) return;
  const exponent = load<i32>(f, X_A + VALUE_EXPONENT);
  copy(f + X_R, p);
  if (kind == CLASS_ZERO) return;
  if (exponent >= BIAS) {
    if (exponent > BIAS || significand(p) != J_BIT) note(f, PE);
    else if (sign) set(f + X_R, 0x8000 | ((BIAS - 1) as u32), J_BIT); // 2^−1 − 1 = −1/2, and 2^1 − 1 = 1
    return;
  }
  // z = |p| ln 2; 2^p − 1 = ± z (1 ± z/2 (1 ± z/3 (…)))
  wideSet(f + T0, words(0xb17217f7, 0xd1cf79ab), words(0xc9e3b398, 0x03f2f6af));
  setWide(f, sign, exponent - 1, load<u64>(f, X_A), 0);
  multiplyW(f, f + T0); // ln 2 as Q128 is 2 ln 2 as Q127
  wideFromW(f, f + T1, 128);
  wideOne(f + T2);
  for (let n: u64 = 34; n > 1; n--) {
    wideMultiply(f + T2, f + T2, f + T1);
    wideDivideSmall(f + T2, f + T2, n);
    wideOne(f + T3);
    if (sign) wideSubtract(f + T2, f + T3, f + T2);
    else wideAdd(f + T2, f + T3, f + T2);
  }
  multiplyW(f, f + T2);
  inexactW(f);
  roundExtended(f, 64);
}

/** T0 = 1 + x/3 + x²/5 + … as Q127: artanh(u) ÷ u for x = u² = T1 as Q128 below 1/33 */
function artanhSeries(f: usize): void {
  wideSet(f + T0, 0, 0);
  for (let n: u64 = 55; ; n -= 2) {
    wideMultiply(f + T0, f + T0, f + T1);
    wideOne(f + T4);
    wideDivideSmall(f + T4, f + T4, n);
    wideAdd(f + T0, f + T0, f + T4);
    if (n == 1) return;
  }
}

/**
 * W = log2 of (high:low) × 2^(exponent − BIAS − 63), bit 63 of `high` set. Returns false when the result is exact.
 *
 *   m in [√½, √2), u = (m − 1) ÷ (m + 1), log2 m = 2 log2(e) artanh u
 */
function logarithmBase2(f: usize, high: u64, low: u64, exponent: i32): bool {
  let e = exponent - BIAS;
  let negative: u32 = 0;
  const m = f + T0;
  const u = f + T2;
  wideSet(m, high, low); // Q127
  if (high > words(0xb504f333, 0xf9de6484)) {
    e++;
    negative = 1;
    // m/2 as Q128 has the same words; 1 − m/2 = −(m as Q128)
    wideSet(u, 0, 0);
    wideSubtract(u, u, m);
    wideShift(u, u, 1);
    wideShift(m, m, 1); // Q127
  } else {
    wideOne(u);
    wideSubtract(u, m, u);
  }
  const exact = (wideHigh(u) | wideLow(u)) == 0;
  if (!exact) {
    // u = numerator ÷ denominator with the numerator normalised to [1/4, 1/2) of the range, so no digit is lost.
    setWideNormalized(f, negative, BIAS, wideHigh(u), wideLow(u));
    const scale = load<i32>(f, X_W + W_EXPONENT) - BIAS; // numerator = W's words as Q127 × 2^scale
    wideShift(m, m, 1);
    wideSet(f + T1, words(0x40000000, 0), 0);
    wideAdd(m, m, f + T1); // (m + 1) as Q126, in [1.7, 2.5)
    wideSet(u, load<u64>(f, X_W), load<u64>(f, X_W + W_LOW));
    wideShift(u, u, 2); // Q125
    wideDivide(u, u, m); // Q128 of u ÷ (2 × 2^scale)
    wideToW(f, u, 128, scale + 1, negative);
    finishLogarithm(f);
  }
  combineExponent(f, e, exact);
  return !exact;
}

/** W = 2 log2(e) artanh(W) for |W| ≤ 0.172 */
function finishLogarithm(f: usize): void {
  wideFromW(f, f + T1, 128);
  wideMultiply(f + T1, f + T1, f + T1);
  artanhSeries(f);
  multiplyW(f, f + T0);
  wideSet(f + T0, words(0xb8aa3b29, 0x5c17f0bb), words(0xbe87fed0, 0x691d3e88));
  multiplyW(f, f + T0);
  store<i32>(f, load<i32>(f, X_W + W_EXPONENT) + 1, X_W + W_EXPONENT);
}

/** W = e + W (W is taken as 0 with `zero`) */
function combineExponent(f: usize, e: i32, zero: bool): void {
  const negative: u32 = e < 0 ? 1 : 0;
  const whole = (negative ? -e : e) as u64;
  if (zero) {
    setWideNormalized(f, negative, BIAS + 63, whole, 0);
    return;
  }
  if (e == 0) return;
  // 16 integer bits, 112 fraction bits
  wideFromW(f, f + T1, 127);
  wideShift(f + T1, f + T1, 15);
  wideSet(f + T0, whole << 48, 0);
  if (load<u32>(f, X_W + W_SIGN) == negative) wideAdd(f + T0, f + T0, f + T1);
  else wideSubtract(f + T0, f + T0, f + T1);
  wideToW(f, f + T0, 127, 15, negative);
}

/** R = W × y, rounded; y is the unpacked B. */
function timesY(f: usize, inexact: bool): void {
  const y = load<u64>(f, X_B);
  const high = load<u64>(f, X_W);
  const low = load<u64>(f, X_W + W_LOW);
  if (high == 0) {
    resultZero(f, load<u32>(f, X_W + W_SIGN) ^ load<u32>(f, X_B + VALUE_SIGN));
    return;
  }
  const sign = load<u32>(f, X_W + W_SIGN) ^ load<u32>(f, X_B + VALUE_SIGN);
  const exponent = load<i32>(f, X_W + W_EXPONENT) + load<i32>(f, X_B + VALUE_EXPONENT) - BIAS + 1;
  const cross = multiplyHigh(low, y);
  const product = high * y;
  const sum = product + cross;
  setWideNormalized(f, sign, exponent, multiplyHigh(high, y) + u64(sum < product), sum);
  if (inexact) store<u64>(f, load<u64>(f, X_W + W_LOW) | 1, X_W + W_LOW);
  roundExtended(f, 64);
}

/** R = y log2(x), or y log2(x + 1) with `plusOne`. SDM Vol. 2A, FYL2X, Table 3-51, and FYL2XP1, Table 3-52. */
export function logarithm(f: usize, x: usize, y: usize, plusOne: bool): void {
  const kindX = unpack(f + X_A, x);
  const kindY = unpack(f + X_B, y);
  if (kindX >= CLASS_QNAN || kindY >= CLASS_QNAN) {
    propagate(f, x, kindX, y, kindY);
    return;
  }
  if (plusOne) logarithmPlusOne(f, x, kindX, y, kindY);
  else logarithmOf(f, x, kindX, y, kindY);
}

function impossible(f: usize): void {
  invalid(f);
  resultIndefinite(f);
}

function logarithmOf(f: usize, x: usize, kindX: u32, y: usize, kindY: u32): void {
  const signY = signOf(y);
  const one = (head(x) & 0x7fff) == (BIAS as u32) && significand(x) == J_BIT;
  if (kindX != CLASS_ZERO && signOf(x)) impossible(f);
  else if (kindX == CLASS_ZERO && kindY == CLASS_ZERO) impossible(f);
  else if (kindX == CLASS_INFINITY && kindY == CLASS_ZERO) impossible(f);
  else if (one && kindY == CLASS_INFINITY) impossible(f);
  else {
    if (kindX == CLASS_ZERO && kindY != CLASS_INFINITY) note(f, ZE);
    else noteDenormal(f, kindX, kindY);
    if (blocked(f)) return;
    const below: u32 = (head(x) & 0x7fff) < (BIAS as u32) ? 1 : 0; // log2 x is negative
    if (kindX == CLASS_ZERO || kindX == CLASS_INFINITY || kindY == CLASS_INFINITY) resultInfinity(f, signY ^ below);
    else if (kindY == CLASS_ZERO) resultZero(f, signY ^ below);
    else timesY(f, logarithmBase2(f, load<u64>(f, X_A), 0, load<i32>(f, X_A + VALUE_EXPONENT)));
  }
}

function logarithmPlusOne(f: usize, x: usize, kindX: u32, y: usize, kindY: u32): void {
  const sign = signOf(x);
  const signY = signOf(y);
  const exponent = load<i32>(f, X_A + VALUE_EXPONENT);
  const m = load<u64>(f, X_A);
  const n = (BIAS - exponent) as u32;
  if ((kindX == CLASS_ZERO && kindY == CLASS_INFINITY) || (kindX == CLASS_INFINITY && (sign || kindY == CLASS_ZERO))) {
    impossible(f);
    return;
  }
  noteDenormal(f, kindX, kindY);
  if (blocked(f)) return;
  if (kindX == CLASS_INFINITY || kindY == CLASS_INFINITY) resultInfinity(f, sign ^ signY);
  else if (kindX == CLASS_ZERO || kindY == CLASS_ZERO) resultZero(f, sign ^ signY);
  else if (exponent >= BIAS) {
    // |x| ≥ 1 lies outside the instruction's domain: its result is undefined.
    note(f, PE);
    copy(f + X_R, x);
  } else if (exponent >= BIAS - 2) {
    // |x| ≥ 1/4: 1 + x is exact in 128 bits.
    const high = m >>> n;
    const low = shiftLow(m, 0, n);
    if (sign) setWideNormalized(f, 0, BIAS, J_BIT - high - u64(low != 0), -low);
    else setWide(f, 0, BIAS, J_BIT | high, low);
    timesY(f, logarithmBase2(f, load<u64>(f, X_W), load<u64>(f, X_W + W_LOW), load<i32>(f, X_W + W_EXPONENT)));
  } else {
    // u = x ÷ (2 + x); 2 + x as Q126, the significand of x as Q128
    setWide(f, 0, exponent, m, 0);
    wideFromW(f, f + T1, 126);
    wideSet(f + T0, J_BIT, 0);
    if (sign) wideSubtract(f + T0, f + T0, f + T1);
    else wideAdd(f + T0, f + T0, f + T1);
    wideSet(f + T2, m, 0);
    wideShift(f + T2, f + T2, 2);
    wideDivide(f + T2, f + T2, f + T0);
    wideToW(f, f + T2, 128, exponent - BIAS + 1, sign);
    finishLogarithm(f);
    timesY(f, true);
  }
}
