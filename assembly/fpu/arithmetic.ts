/**
 * Addition, multiplication, division and square root on packed operands, for x87 and SIMD: special cases, then the exact
 * operation, then rounding to the format of the running operation.
 */
import { addValues } from './add';
import {
  CLASS_DENORMAL,
  CLASS_INFINITY,
  CLASS_QNAN,
  CLASS_ZERO,
  copy,
  resultIndefinite,
  resultInfinity,
  resultZero,
  signOf,
  unpack,
} from './float80';
import { divideValues, multiplyValues, squareRootValue } from './multiply';
import { propagate, propagateOne } from './nan';
import {
  DOUBLE_MAX,
  DOUBLE_MIN,
  EXTENDED_MAX,
  EXTENDED_MIN,
  roundWide,
  SINGLE_MAX,
  SINGLE_MIN,
  setWide,
  WRAP,
} from './round';
import {
  blocked,
  DE,
  invalid,
  note,
  noted,
  PE,
  ROUND_DOWN,
  roundingControl,
  UE,
  unmasked,
  VALUE_EXPONENT,
  W_SIGN,
  X_A,
  X_B,
  X_DENORMAL,
  X_FLAGS,
  X_FORMAT,
  X_R,
  X_W,
  ZE,
} from './state';

// The reg field of D8, DA, DC and DE, SDM Vol. 2, Appendix A, Table
export const OP_ADD: u32 = 0;
export const OP_MUL: u32 = 1;
export const OP_SUB: u32 = 4;
export const OP_SUBR: u32 = 5;
export const OP_DIV: u32 = 6;
export const OP_DIVR: u32 = 7;

/** Rounds W to the extended format with `precision` bits under the control word. */
export function roundExtended(f: usize, precision: u32): void {
  roundWide(f, precision, EXTENDED_MIN, EXTENDED_MAX, roundingControl(f), unmasked(f), WRAP);
}

// Formats of SIMD results, beside the precisions 24, 53 and 64 of extended ones
export const FORMAT_SINGLE: u32 = 0x100;
export const FORMAT_DOUBLE: u32 = 0x200;
export const FORMAT_FLUSH: u32 = 0x400; // flush to zero

/** Rounds W to the format of the running operation. */
export function roundResult(f: usize): void {
  const format = load<u32>(f, X_FORMAT);
  if (format <= 64) {
    roundExtended(f, format);
    return;
  }
  const flush = (format & FORMAT_FLUSH) != 0 && !(unmasked(f) & UE);
  const stop = unmasked(f) | (flush ? UE : 0);
  const before = noted(f);
  store<u32>(f, 0, X_FLAGS);
  if (format & FORMAT_SINGLE) roundWide(f, 24, SINGLE_MIN, SINGLE_MAX, roundingControl(f), stop, WRAP);
  else roundWide(f, 53, DOUBLE_MIN, DOUBLE_MAX, roundingControl(f), stop, WRAP);
  if (flush && (noted(f) & UE) != 0) {
    resultZero(f, load<u32>(f, X_W + W_SIGN));
    note(f, PE);
  }
  note(f, before);
}

/** Copies the unpacked operand at `u` to W. */
export function operandToWide(f: usize, u: usize, sign: u32): void {
  setWide(f, sign, load<i32>(u, VALUE_EXPONENT), load<u64>(u), 0);
}

/** Notes DE when an operand is denormal. To be called once no operand is a NaN. */
export function noteDenormal(f: usize, kindA: u32, kindB: u32): void {
  if (kindA == CLASS_DENORMAL || kindB == CLASS_DENORMAL || load<u32>(f, X_DENORMAL)) note(f, DE);
}

/** R = a op b. When `blocked`, R is meaningless. */
export function arithmetic(f: usize, op: u32, a: usize, b: usize): void {
  if (op == OP_SUBR || op == OP_DIVR) {
    const p = a;
    a = b;
    b = p;
    op--;
  }
  const kindA = unpack(f + X_A, a);
  const kindB = unpack(f + X_B, b);
  if (kindA >= CLASS_QNAN || kindB >= CLASS_QNAN) {
    propagate(f, a, kindA, b, kindB);
    return;
  }
  if (op == OP_MUL) multiply(f, a, kindA, b, kindB);
  else if (op == OP_DIV) divide(f, a, kindA, b, kindB);
  else add(f, a, kindA, b, kindB, op == OP_SUB ? 1 : 0);
}

function add(f: usize, a: usize, kindA: u32, b: usize, kindB: u32, negate: u32): void {
  const signA = signOf(a);
  const signB = signOf(b) ^ negate;
  if (kindA == CLASS_INFINITY && kindB == CLASS_INFINITY && signA != signB) {
    invalid(f);
    resultIndefinite(f);
    return;
  }
  noteDenormal(f, kindA, kindB);
  if (blocked(f)) return;
  if (kindA == CLASS_INFINITY) copy(f + X_R, a);
  else if (kindB == CLASS_INFINITY) resultInfinity(f, signB);
  else {
    const zeroSign: u32 = roundingControl(f) == ROUND_DOWN ? 1 : 0;
    if (kindA == CLASS_ZERO && kindB == CLASS_ZERO) {
      resultZero(f, signA == signB ? signA : zeroSign);
      return;
    }
    if (kindB == CLASS_ZERO) operandToWide(f, f + X_A, signA);
    else if (kindA == CLASS_ZERO) operandToWide(f, f + X_B, signB);
    else addValues(f, negate, zeroSign);
    roundResult(f);
  }
}

function multiply(f: usize, a: usize, kindA: u32, b: usize, kindB: u32): void {
  const sign = signOf(a) ^ signOf(b);
  const infinite = kindA == CLASS_INFINITY || kindB == CLASS_INFINITY;
  const zero = kindA == CLASS_ZERO || kindB == CLASS_ZERO;
  if (infinite && zero) {
    invalid(f);
    resultIndefinite(f);
    return;
  }
  noteDenormal(f, kindA, kindB);
  if (blocked(f)) return;
  if (infinite) resultInfinity(f, sign);
  else if (zero) resultZero(f, sign);
  else {
    multiplyValues(f);
    roundResult(f);
  }
}

function divide(f: usize, a: usize, kindA: u32, b: usize, kindB: u32): void {
  const sign = signOf(a) ^ signOf(b);
  if (kindA == kindB && (kindA == CLASS_INFINITY || kindA == CLASS_ZERO)) {
    invalid(f);
    resultIndefinite(f);
    return;
  }
  if (kindB == CLASS_ZERO && kindA != CLASS_INFINITY)
    note(f, ZE); // takes precedence over DE (SDM Vol. 1, 4.9.2)
  else noteDenormal(f, kindA, kindB);
  if (blocked(f)) return;
  if (kindA == CLASS_INFINITY || kindB == CLASS_ZERO) resultInfinity(f, sign);
  else if (kindA == CLASS_ZERO || kindB == CLASS_INFINITY) resultZero(f, sign);
  else {
    divideValues(f);
    roundResult(f);
  }
}

/** R = √a. */
export function squareRoot(f: usize, a: usize): void {
  const kind = unpack(f + X_A, a);
  if (kind >= CLASS_QNAN) {
    propagateOne(f, a, kind);
    return;
  }
  if (kind == CLASS_ZERO) {
    copy(f + X_R, a);
    return;
  }
  if (signOf(a)) {
    invalid(f);
    resultIndefinite(f);
    return;
  }
  noteDenormal(f, kind, kind);
  if (blocked(f)) return;
  if (kind == CLASS_INFINITY) copy(f + X_R, a);
  else {
    squareRootValue(f);
    roundResult(f);
  }
}
