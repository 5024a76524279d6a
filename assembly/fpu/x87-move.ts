/** Loads, stores, exchanges and conditional moves. */
import { flagC, flagP, flagZ } from '../cpu/flags';
import { operandToWide } from './arithmetic';
import {
  packBcd,
  packDouble,
  packSingle,
  roundToInteger,
  widenBcd,
  widenDouble,
  widenInteger,
  widenSingle,
} from './convert';
import {
  CLASS_INFINITY,
  CLASS_QNAN,
  CLASS_SNAN,
  CLASS_ZERO,
  classify,
  copy,
  QUIET_BIT,
  set,
  setIndefinite,
  signOf,
  unpack,
  words,
} from './float80';
import { loadBytes, storeBytes } from './memory';
import { propagateOne } from './nan';
import { DOUBLE_MAX, DOUBLE_MIN, roundWide, SINGLE_MAX, SINGLE_MIN } from './round';
import {
  begin,
  C1,
  DE,
  finish,
  IE,
  invalid,
  isEmpty,
  markFull,
  note,
  noted,
  OE,
  pop,
  ROUND_NEAREST,
  ROUND_UP,
  rotate,
  roundingControl,
  SF,
  stack,
  UE,
  unmasked,
  X_A,
  X_BYTES,
  X_R,
} from './state';
import { commit, underflow } from './x87-arithmetic';

// Memory formats
export const FORMAT_SINGLE: u32 = 0;
export const FORMAT_DOUBLE: u32 = 1;
export const FORMAT_EXTENDED: u32 = 2;
export const FORMAT_I16: u32 = 3;
export const FORMAT_I32: u32 = 4;
export const FORMAT_I64: u32 = 5;
export const FORMAT_BCD: u32 = 6;

export function formatSize(format: u32): u32 {
  if (format == FORMAT_EXTENDED || format == FORMAT_BCD) return 10;
  if (format == FORMAT_DOUBLE || format == FORMAT_I64) return 8;
  return format == FORMAT_I16 ? 2 : 4;
}

/**
 * Pushes R, or the indefinite value when ST(7) is in use. An unmasked DE does not stop a load on a real CPU (AMD family
 * 26), though SDM Vol. 1, 8.5.2 has TOP unchanged; guests see what the CPU does.
 */
export function push(f: usize): void {
  if (!isEmpty(f, 7) && !(noted(f) & SF)) {
    note(f, IE | SF | C1);
    setIndefinite(f + X_R);
  }
  finish(f);
  if (noted(f) & unmasked(f) & IE) return;
  rotate(f, 7);
  copy(stack(f, 0), f + X_R);
  markFull(f, 0);
}

/** FLD, FILD, FBLD from memory. */
export function loadValue(s: usize, f: usize, format: u32, linear: u32): void {
  const bytes = f + X_BYTES;
  const r = f + X_R;
  if (!loadBytes(s, linear, formatSize(format), bytes)) return;
  begin(f);
  let denormal: u32 = 0;
  if (format == FORMAT_SINGLE) denormal = widenSingle(r, load<u32>(bytes));
  else if (format == FORMAT_DOUBLE) denormal = widenDouble(r, load<u64>(bytes));
  else if (format == FORMAT_EXTENDED) copy(r, bytes);
  else if (format == FORMAT_I16) widenInteger(r, load<i16>(bytes) as i64);
  else if (format == FORMAT_I32) widenInteger(r, load<i32>(bytes) as i64);
  else if (format == FORMAT_I64) widenInteger(r, load<i64>(bytes));
  else widenBcd(r, bytes);
  if (isEmpty(f, 7)) {
    if (denormal) note(f, DE);
    if (format <= FORMAT_DOUBLE && classify(r) == CLASS_SNAN) {
      invalid(f);
      set(r, load<u16>(r, 8), load<u64>(r) | QUIET_BIT);
    }
  }
  push(f);
}

/** FLD ST(i) */
export function loadStack(f: usize, i: u32): void {
  begin(f);
  if (isEmpty(f, i)) underflow(f);
  else copy(f + X_R, stack(f, i));
  push(f);
}

/** R = ST(0) rounded to single or double, as the memory bytes. */
function narrow(f: usize, p: usize, format: u32): void {
  const kind = unpack(f + X_A, p);
  const r = f + X_R;
  if (kind >= CLASS_QNAN) propagateOne(f, p, kind);
  else if (kind == CLASS_ZERO || kind == CLASS_INFINITY) copy(r, p);
  else {
    operandToWide(f, f + X_A, signOf(p));
    if (format == FORMAT_SINGLE) roundWide(f, 24, SINGLE_MIN, SINGLE_MAX, roundingControl(f), unmasked(f), 0);
    else roundWide(f, 53, DOUBLE_MIN, DOUBLE_MAX, roundingControl(f), unmasked(f), 0);
  }
}

/** The memory bytes of ST(0) in an integer or BCD format. */
function narrowInteger(f: usize, p: usize, format: u32, empty: bool): void {
  const bytes = f + X_BYTES;
  let limit: u64 = 0x7fff;
  if (format == FORMAT_I32) limit = 0x7fffffff;
  else if (format == FORMAT_I64) limit = words(0x7fffffff, 0xffffffff);
  else if (format == FORMAT_BCD) limit = (1000000000 as u64) * 1000000000 - 1;
  let magnitude: u64 = 0;
  if (empty) note(f, IE | SF);
  else magnitude = roundToInteger(f, p, roundingControl(f), limit, format == FORMAT_BCD);
  if (noted(f) & IE) {
    if (format == FORMAT_BCD) {
      store<u64>(bytes, words(0xc0000000, 0));
      store<u16>(bytes, 0xffff, 8);
    } else store<u64>(bytes, limit + 1);
  } else if (format == FORMAT_BCD) packBcd(bytes, magnitude, signOf(p));
  else store<u64>(bytes, signOf(p) ? -magnitude : magnitude);
}

/** FST, FSTP, FIST, FISTP, FBSTP to memory. Nothing changes when the write faults or an unmasked exception forbids it. */
export function storeValue(s: usize, f: usize, format: u32, linear: u32, pops: u32): void {
  const bytes = f + X_BYTES;
  const p = stack(f, 0);
  const empty = isEmpty(f, 0);
  begin(f);
  if (format >= FORMAT_I16) narrowInteger(f, p, format, empty);
  else {
    if (empty) underflow(f);
    else if (format == FORMAT_EXTENDED) copy(f + X_R, p);
    else narrow(f, p, format);
    if (format == FORMAT_SINGLE) store<u32>(bytes, packSingle(f + X_R));
    else if (format == FORMAT_DOUBLE) store<u64>(bytes, packDouble(f + X_R));
    else copy(bytes, f + X_R);
  }
  // An unmasked exception keeps the operand as it is, without an access that could fault, as on Intel's processors.
  const stored = (noted(f) & unmasked(f) & (IE | OE | UE)) == 0;
  if (stored && !storeBytes(s, linear, formatSize(format), bytes)) return;
  finish(f);
  if (stored && pops) pop(f);
}

/** FST ST(i), FSTP ST(i) */
export function storeStack(f: usize, i: u32, pops: u32): void {
  begin(f);
  if (isEmpty(f, 0)) underflow(f);
  else copy(f + X_R, stack(f, 0));
  if (!finish(f)) return;
  copy(stack(f, i), f + X_R);
  markFull(f, i);
  if (pops) pop(f);
}

/** FXCH */
export function exchange(f: usize, i: u32): void {
  const a = stack(f, 0);
  const b = stack(f, i);
  begin(f);
  if (isEmpty(f, 0) || isEmpty(f, i)) note(f, IE | SF);
  if (!finish(f)) return;
  if (isEmpty(f, 0)) setIndefinite(a);
  if (isEmpty(f, i)) setIndefinite(b);
  copy(f + X_R, a);
  copy(a, b);
  copy(b, f + X_R);
  markFull(f, 0);
  markFull(f, i);
}

/** FCMOVcc: `condition` 0 B, 1 E, 2 BE, 3 U; negated for DB. */
export function conditionalMove(s: usize, f: usize, condition: u32, negate: bool, i: u32): void {
  let holds = flagC(s);
  if (condition == 1) holds = flagZ(s);
  else if (condition == 2) holds |= flagZ(s);
  else if (condition == 3) holds = flagP(s);
  if (isEmpty(f, 0) || isEmpty(f, i)) {
    begin(f);
    underflow(f);
    commit(f, 0, 0);
  } else if ((holds != 0) != negate) copy(stack(f, 0), stack(f, i));
}

/** FLD1, FLDL2T, FLDL2E, FLDPI, FLDLG2, FLDLN2, FLDZ: rounded from a longer internal value. */
export function loadConstant(f: usize, which: u32): void {
  begin(f);
  const rc = roundingControl(f);
  const r = f + X_R;
  const down: u64 = rc == ROUND_NEAREST || rc == ROUND_UP ? 0 : 1;
  // Below: the nearest value, and whether it lies above (minus 1 when rounding down) or below (plus 1 when rounding up).
  if (which == 0) set(r, 0x3fff, words(0x80000000, 0));
  else if (which == 1) set(r, 0x4000, words(0xd49a784b, 0xcd1b8afe) + u64(rc == ROUND_UP));
  else if (which == 2) set(r, 0x3fff, words(0xb8aa3b29, 0x5c17f0bc) - down);
  else if (which == 3) set(r, 0x4000, words(0xc90fdaa2, 0x2168c235) - down);
  else if (which == 4) set(r, 0x3ffd, words(0x9a209a84, 0xfbcff799) - down);
  else if (which == 5) set(r, 0x3ffe, words(0xb17217f7, 0xd1cf79ac) - down);
  else set(r, 0, 0);
  push(f);
}
