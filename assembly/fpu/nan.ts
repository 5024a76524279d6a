/** x87 rules for NaN and unsupported operands: SDM Vol. 1, Table 4-7, "Rules for Handling NaNs". */
import {
  CLASS_QNAN,
  CLASS_SNAN,
  CLASS_UNSUPPORTED,
  head,
  QUIET_BIT,
  resultIndefinite,
  set,
  significand,
  signOf,
} from './float80';
import { invalid, X_R } from './state';

/** R = the NaN at `p` made quiet. */
export function quiet(f: usize, p: usize): void {
  set(f + X_R, head(p), significand(p) | QUIET_BIT);
}

/** Result of a one-operand instruction on a NaN or unsupported value. */
export function propagateOne(f: usize, p: usize, kind: u32): void {
  if (kind != CLASS_QNAN) invalid(f);
  if (kind == CLASS_UNSUPPORTED) resultIndefinite(f);
  else quiet(f, p);
}

/** Result of a two-operand instruction when at least one of the classes is QNaN, SNaN or unsupported. */
export function propagate(f: usize, a: usize, kindA: u32, b: usize, kindB: u32): void {
  if (kindA == CLASS_UNSUPPORTED || kindB == CLASS_UNSUPPORTED) {
    invalid(f);
    resultIndefinite(f);
    return;
  }
  if (kindA == CLASS_SNAN || kindB == CLASS_SNAN) invalid(f);
  if (kindA < CLASS_QNAN) quiet(f, b);
  else if (kindB < CLASS_QNAN) quiet(f, a);
  else if (kindA != kindB) quiet(f, kindA == CLASS_QNAN ? a : b);
  else if (significand(a) != significand(b)) quiet(f, significand(a) > significand(b) ? a : b);
  else quiet(f, signOf(a) == 0 ? a : b);
}
