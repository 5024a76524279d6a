/** Comparisons and classification: FCOM, FUCOM, FCOMI, FTST, FXAM. */

import { noteDenormal } from './arithmetic';
import {
  CLASS_DENORMAL,
  CLASS_INFINITY,
  CLASS_NORMAL,
  CLASS_QNAN,
  CLASS_SNAN,
  CLASS_ZERO,
  classify,
  signOf,
  unpack,
} from './float80';
import { C0, C1, C2, C3, invalid, isEmpty, setStatusWord, stack, statusWord, VALUE_EXPONENT, X_A, X_B } from './state';

export const GREATER: u32 = 0;
export const LESS: u32 = C0;
export const EQUAL: u32 = C3;
export const UNORDERED: u32 = C3 | C2 | C0;

/** Orders the values at `a` and `b`; a QNaN raises IE only when `quiet` is false. */
export function compareValues(f: usize, a: usize, b: usize, quiet: bool): u32 {
  const kindA = unpack(f + X_A, a);
  const kindB = unpack(f + X_B, b);
  if (kindA >= CLASS_QNAN || kindB >= CLASS_QNAN) {
    if (!quiet || kindA >= CLASS_SNAN || kindB >= CLASS_SNAN) invalid(f);
    return UNORDERED;
  }
  noteDenormal(f, kindA, kindB);
  if (kindA == CLASS_ZERO && kindB == CLASS_ZERO) return EQUAL;
  const signA = signOf(a);
  const signB = signOf(b);
  if (kindA == CLASS_ZERO) return signB ? GREATER : LESS;
  if (kindB == CLASS_ZERO || signA != signB) return signA ? LESS : GREATER;
  const magnitude = compareMagnitudes(f);
  if (magnitude == 0) return EQUAL;
  return magnitude > 0 == (signA == 0) ? GREATER : LESS;
}

/** Sign of |A| − |B|; an infinity's exponent is above every finite one. */
function compareMagnitudes(f: usize): i32 {
  const distance = load<i32>(f, X_A + VALUE_EXPONENT) - load<i32>(f, X_B + VALUE_EXPONENT);
  if (distance != 0) return distance;
  const a = load<u64>(f, X_A);
  const b = load<u64>(f, X_B);
  return a == b ? 0 : a > b ? 1 : -1;
}

/** C3 C2 C0 for the class of ST(0), C1 for its sign (SDM Vol. 2A, FXAM, Table 3-42, "FXAM Results"). */
export function examine(f: usize): void {
  const p = stack(f, 0);
  const kind = classify(p);
  let code: u32 = 0;
  if (isEmpty(f, 0)) code = C3 | C0;
  else if (kind == CLASS_ZERO) code = C3;
  else if (kind == CLASS_NORMAL) code = C2;
  else if (kind == CLASS_DENORMAL) code = C3 | C2;
  else if (kind == CLASS_INFINITY) code = C2 | C0;
  else if (kind == CLASS_QNAN || kind == CLASS_SNAN) code = C0;
  setStatusWord(f, (statusWord(f) & ~(C0 | C1 | C2 | C3)) | code | (signOf(p) ? C1 : 0));
}
