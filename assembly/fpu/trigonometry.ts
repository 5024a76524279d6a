/**
 * FSIN, FCOS, FSINCOS, FPTAN, FPATAN.
 *
 * The argument is reduced by the 66-bit π of SDM Vol. 1, 8.3.8, "Approximation of Pi", exactly; the functions are then
 * Taylor series in 128-bit fixed point. So a result is the correctly rounded value of the function of the reduced
 * argument except when it lies within about 2^-55 ulp of a rounding boundary; real CPUs differ by up to 1 ulp.
 */
import { noteDenormal, roundExtended } from './arithmetic';
import {
  BIAS,
  CLASS_INFINITY,
  CLASS_QNAN,
  CLASS_ZERO,
  copy,
  resultIndefinite,
  resultZero,
  set,
  signOf,
  unpack,
  words,
} from './float80';
import { divideValues } from './multiply';
import { propagate, propagateOne } from './nan';
import { setWide, setWideNormalized } from './round';
import {
  blocked,
  invalid,
  VALUE_EXPONENT,
  VALUE_SIGN,
  W_EXPONENT,
  W_LOW,
  W_SIGN,
  X_A,
  X_B,
  X_OPERAND,
  X_R,
  X_W,
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

export const SINE: u32 = 1;
export const COSINE: u32 = 2;
export const TANGENT: u32 = 4;

/** d = 1 − x/(a₁) × (1 − x/(a₂) × …), the even series of sine (`first` 1) or cosine (`first` 0); x = r² as Q128. */
function alternating(f: usize, d: usize, x: usize, first: u64): void {
  wideOne(d);
  for (let k: u64 = 17; k > 0; k--) {
    const n = 2 * k + first;
    wideMultiply(d, d, x);
    wideDivideSmall(d, d, n * (n - 1));
    wideOne(f + T4);
    wideSubtract(d, f + T4, d);
  }
}

/**
 * W = remainder r of the unpacked A modulo π/2, |r| ≤ π/4, with its sign; returns the quotient modulo 4.
 * In units of 2^-65 both the argument and π/2 = 3243F6A8885A308D3₁₆ are integers, so nothing is lost.
 */
function reduce(f: usize): u32 {
  const m = load<u64>(f, X_A);
  const exponent = load<i32>(f, X_A + VALUE_EXPONENT);
  const sign = load<u32>(f, X_A + VALUE_SIGN);
  const quarterHigh: u64 = 3;
  const quarterLow = words(0x243f6a88, 0x85a308d3);
  if (exponent < BIAS - 1 || (exponent == BIAS - 1 && m <= words(0xc90fdaa2, 0x2168c234))) {
    setWide(f, sign, exponent, m, 0);
    return 0;
  }
  let high: u64 = 0;
  let low = m;
  let quotient: u32 = 0;
  for (let i = exponent - BIAS + 2; i > 0; i--) {
    high = (high << 1) | (low >>> 63);
    low <<= 1;
    quotient <<= 1;
    if (high > quarterHigh || (high == quarterHigh && low >= quarterLow)) {
      high = high - quarterHigh - u64(low < quarterLow);
      low -= quarterLow;
      quotient |= 1;
    }
  }
  const doubled = (high << 1) | (low >>> 63);
  let flip: u32 = 0;
  if (doubled > quarterHigh || (doubled == quarterHigh && low << 1 > quarterLow)) {
    high = quarterHigh - high - u64(quarterLow < low);
    low = quarterLow - low;
    quotient++;
    flip = 1;
  }
  // r × 2^65 as W: `low` has weight 2^-65 at its bit 0, and W's low word 2^(exponent − BIAS − 127).
  setWideNormalized(f, sign ^ flip, BIAS + 127 - 65, high, low);
  return (sign ? -quotient : quotient) & 3;
}

/** R = rounded W, never exact. */
function deliver(f: usize): void {
  inexactW(f);
  roundExtended(f, 64);
}

/**
 * FSIN, FCOS: R. FSINCOS: operand scratch = sine, R = cosine. FPTAN: operand scratch = tangent, R = 1.
 * False: the argument is outside ±2^63 and nothing was computed.
 */
export function sineCosine(f: usize, p: usize, which: u32): bool {
  const kind = unpack(f + X_A, p);
  const other = f + X_OPERAND;
  if (kind >= CLASS_QNAN || kind == CLASS_INFINITY) {
    if (kind == CLASS_INFINITY) {
      invalid(f);
      resultIndefinite(f);
    } else propagateOne(f, p, kind);
    copy(other, f + X_R);
    return true;
  }
  if (load<i32>(f, X_A + VALUE_EXPONENT) >= BIAS + 63) return false;
  noteDenormal(f, kind, kind);
  if (blocked(f)) return true;
  if (kind == CLASS_ZERO) {
    copy(other, p);
    if (which == SINE) copy(f + X_R, p);
    else set(f + X_R, BIAS as u32, words(0x80000000, 0));
    return true;
  }
  const quadrant = reduce(f);
  const sign = load<u32>(f, X_W + W_SIGN);
  const x = f + T0;
  const sine = f + T1; //   sin r ÷ r
  const cosine = f + T2;
  wideFromW(f, f + T3, 128);
  wideMultiply(x, f + T3, f + T3);
  alternating(f, sine, x, 1);
  alternating(f, cosine, x, 0);
  const high = load<u64>(f, X_W);
  const low = load<u64>(f, X_W + W_LOW);
  const exponent = load<i32>(f, X_W + W_EXPONENT);
  if (which == TANGENT) {
    tangent(f, quadrant & 1);
    copy(other, f + X_R);
    set(f + X_R, BIAS as u32, words(0x80000000, 0));
    return true;
  }
  if (which & SINE) {
    if (quadrant & 1) wideToW(f, cosine, 127, 0, quadrant >>> 1);
    else {
      setWide(f, sign ^ (quadrant >>> 1), exponent, high, low);
      multiplyW(f, sine);
    }
    deliver(f);
    copy(other, f + X_R);
  }
  if (which & COSINE) {
    setWide(f, sign ^ 1 ^ (quadrant >>> 1), exponent, high, low);
    if (quadrant & 1) multiplyW(f, sine);
    else wideToW(f, cosine, 127, 0, quadrant >>> 1);
    deliver(f);
  }
  return true;
}

/** R = tan r (`inverse` 0) or −1 ÷ tan r, from W = r, T1 = sin r ÷ r, T2 = cos r. */
function tangent(f: usize, inverse: u32): void {
  const sign = load<u32>(f, X_W + W_SIGN);
  if (!inverse) {
    // sin r ÷ (r cos r) lies in [1, 1.28): halved it is a proper fraction.
    wideShift(f + T1, f + T1, 1);
    wideDivide(f + T3, f + T1, f + T2);
    multiplyW(f, f + T3);
    store<u64>(f, load<u64>(f, X_W + W_LOW) | 1, X_W + W_LOW); // a tiny r is a hair below its tangent
    roundExtended(f, 64);
    return;
  }
  multiplyW(f, f + T1);
  const exponent = load<i32>(f, X_W + W_EXPONENT);
  wideSet(f + T3, load<u64>(f, X_W), load<u64>(f, X_W + W_LOW)); // sin r = T3 × 2^(exponent − BIAS) as Q127 in [1, 2)
  wideShift(f + T2, f + T2, 1);
  wideDivide(f + T1, f + T2, f + T3);
  wideToW(f, f + T1, 127, BIAS - exponent, sign ^ 1);
  deliver(f);
}

/** T0 = arctan(v) ÷ v as Q127, v² = T1 as Q128 below 1/44. */
function arcTangentSeries(f: usize): void {
  wideSet(f + T0, 0, 0);
  for (let n: u64 = 51; ; n -= 2) {
    wideMultiply(f + T0, f + T0, f + T1);
    wideOne(f + T4);
    wideDivideSmall(f + T4, f + T4, n);
    wideSubtract(f + T0, f + T4, f + T0);
    if (n == 1) return;
  }
}

/** R = angle of the point (x, y): arctan(y ÷ x) in the quadrant of (x, y). SDM Vol. 2A, FPATAN, Table 3-30. */
export function arcTangent(f: usize, y: usize, x: usize): void {
  const kindY = unpack(f + X_A, y);
  const kindX = unpack(f + X_B, x);
  if (kindX >= CLASS_QNAN || kindY >= CLASS_QNAN) {
    propagate(f, y, kindY, x, kindX);
    return;
  }
  noteDenormal(f, kindX, kindY);
  if (blocked(f)) return;
  const signY = signOf(y);
  const signX = signOf(x);
  const vertical = kindX == CLASS_ZERO || (kindY == CLASS_INFINITY && kindX != CLASS_INFINITY);
  const horizontal = kindY == CLASS_ZERO || (kindX == CLASS_INFINITY && kindY != CLASS_INFINITY);
  if (horizontal) {
    if (signX) eighths(f, 4, signY);
    else resultZero(f, signY);
  } else if (vertical) eighths(f, 2, signY);
  else if (kindX == CLASS_INFINITY) eighths(f, signX ? 3 : 1, signY);
  else quotientAngle(f, signY, signX);
}

/** R = ± n × π/4 */
function eighths(f: usize, n: u32, sign: u32): void {
  quarterPi(f + T0, 127);
  wideToW(f, f + T0, 127, 0, sign);
  if (n == 3) {
    quarterPi(f + T0, 125);
    wideSet(f + T1, wideHigh(f + T0), wideLow(f + T0));
    wideAdd(f + T0, f + T0, f + T1);
    wideAdd(f + T0, f + T0, f + T1);
    wideToW(f, f + T0, 125, 0, sign);
  } else store<i32>(f, load<i32>(f, X_W + W_EXPONENT) + ((n as i32) >> 1), X_W + W_EXPONENT);
  roundExtended(f, 64);
}

/** d = π/4 with `fraction` fraction bits, 125 … 128 */
function quarterPi(d: usize, fraction: u32): void {
  wideSet(d, words(0xc90fdaa2, 0x2168c234), words(0xc4c6628b, 0x80dc1cd1));
  wideShift(d, d, 128 - fraction);
}

/** A, B finite and not zero: y and x. */
function quotientAngle(f: usize, signY: u32, signX: u32): void {
  const exponentY = load<i32>(f, X_A + VALUE_EXPONENT);
  const exponentX = load<i32>(f, X_B + VALUE_EXPONENT);
  const my = load<u64>(f, X_A);
  const mx = load<u64>(f, X_B);
  const steep = exponentY > exponentX || (exponentY == exponentX && my > mx);
  if (steep) {
    store<u64>(f, mx, X_A);
    store<i32>(f, exponentX, X_A + VALUE_EXPONENT);
    store<u64>(f, my, X_B);
    store<i32>(f, exponentY, X_B + VALUE_EXPONENT);
  }
  divideValues(f); // W = t in (0, 1]
  const small = load<i32>(f, X_W + W_EXPONENT) < BIAS - 3;
  const v = f + T2;
  const base = f + T3; // as Q126: the angle is base ± arctan(v)
  let minus: bool = false;
  wideSet(base, 0, 0);
  if (small) wideFromW(f, v, 128);
  else {
    // t as Q126 in T0; above tan(π/8): arctan t = π/4 − arctan((1 − t) ÷ (1 + t))
    wideFromW(f, f + T0, 126);
    if (wideHigh(f + T0) > words(0x1a827999, 0xfcef3242)) {
      wideSet(f + T1, words(0x40000000, 0), 0);
      wideSubtract(v, f + T1, f + T0);
      wideAdd(f + T1, f + T1, f + T0);
      wideDivide(v, v, f + T1);
      quarterPi(base, 126);
      minus = true;
    } else {
      wideAdd(v, f + T0, f + T0);
      wideAdd(v, v, v);
    }
    if (wideHigh(v) > words(0x20000000, 0)) {
      // arctan v = arctan(1/4) + arctan((v − 1/4) ÷ (1 + v/4)), the numerator of either sign; both parts as Q126
      wideShift(f + T0, v, 2);
      wideShift(f + T1, v, 4);
      wideSet(v, words(0x10000000, 0), 0);
      const below = wideHigh(f + T0) < words(0x10000000, 0);
      if (below) wideSubtract(v, v, f + T0);
      else wideSubtract(v, f + T0, v);
      wideSet(f + T0, words(0x40000000, 0), 0);
      wideAdd(f + T1, f + T1, f + T0);
      wideDivide(v, v, f + T1);
      wideSet(f + T0, words(0x0fadbafc, 0x96406eb1), words(0x56dc79ef, 0x5f7a217e));
      if (minus) wideSubtract(base, base, f + T0);
      else wideAdd(base, base, f + T0);
      if (below) minus = !minus;
    }
  }
  wideMultiply(f + T1, v, v);
  arcTangentSeries(f);
  const direct = small && !steep && !signX;
  if (direct) {
    multiplyW(f, f + T0);
    store<u32>(f, signY, X_W + W_SIGN);
    deliver(f);
    return;
  }
  wideMultiply(v, v, f + T0); // arctan v as Q127
  wideShift(v, v, 1);
  if (minus) wideSubtract(base, base, v);
  else wideAdd(base, base, v);
  if (steep) {
    quarterPi(f + T0, 126);
    wideAdd(f + T0, f + T0, f + T0);
    wideSubtract(base, f + T0, base);
  }
  if (signX) {
    quarterPi(f + T0, 126);
    wideAdd(f + T0, f + T0, f + T0);
    wideAdd(f + T0, f + T0, f + T0);
    wideSubtract(base, f + T0, base);
  }
  wideToW(f, base, 126, 0, signY);
  deliver(f);
}
