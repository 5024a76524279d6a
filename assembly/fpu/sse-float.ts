/**
 * Packed and scalar single- and double-precision arithmetic, comparisons, minima and maxima.
 *
 * A lane whose operands and result are normal numbers is computed by WASM's f32 or f64 when rounding is to nearest and
 * PE is already set and masked: then nothing but the value can come of it. Every other lane goes through the exact core.
 */
import { FLAG_CF, FLAG_PF, FLAG_ZF, setArithmetic } from '../cpu/flags';
import { arithmetic, FORMAT_DOUBLE, FORMAT_SINGLE, OP_ADD, OP_DIV, OP_MUL, OP_SUB, squareRoot } from './arithmetic';
import { packDouble, packSingle, widenDouble, widenSingle } from './convert';
import {
  beginSimd,
  enterXmm,
  finishSimd,
  loadPart,
  loadXmm,
  MXCSR_DAZ,
  mxcsr,
  P_66,
  P_F2,
  P_F3,
  P_NONE,
  regField,
  xmm,
} from './sse-state';
import { DE, fpu, IE, note, noted, X_DENORMAL, X_FLAGS, X_OPERAND, X_R, X_WIDE } from './state';

/** The result is staged here until no unmasked exception can forbid it. */
const STAGE: usize = X_WIDE;
const WIDE_A: usize = X_WIDE + 32;
const WIDE_B: usize = X_WIDE + 48;

// Second opcode bytes
const SQRT: u32 = 0x51;
const ADD: u32 = 0x58;
const MUL: u32 = 0x59;
const SUB: u32 = 0x5c;
const MIN: u32 = 0x5d;
const DIV: u32 = 0x5e;
const MAX: u32 = 0x5f;
const CMP: u32 = 0xc2;

export function isDoubleForm(prefix: u32): bool {
  return prefix == P_66 || prefix == P_F2;
}
export function laneCount(prefix: u32): u32 {
  return prefix == P_NONE ? 4 : prefix == P_66 ? 2 : 1;
}

// ── Bit patterns of either width ────────────────────────────────────────────

export function exponentBits(wide: bool): u64 {
  return wide ? 0x7ff0000000000000 : 0x7f800000;
}
export function signBitOf(wide: bool): u64 {
  return wide ? 0x8000000000000000 : 0x80000000;
}
function quietBitOf(wide: bool): u64 {
  return wide ? 0x0008000000000000 : 0x00400000;
}
export function isNan(bits: u64, wide: bool): bool {
  return (bits & ~signBitOf(wide)) > exponentBits(wide);
}
export function isSignaling(bits: u64, wide: bool): bool {
  return isNan(bits, wide) && !(bits & quietBitOf(wide));
}
export function isDenormalBits(bits: u64, wide: bool): bool {
  return (bits & exponentBits(wide)) == 0 && (bits & ~signBitOf(wide)) != 0;
}
export function quietNan(bits: u64, wide: bool): u64 {
  return bits | quietBitOf(wide);
}
/** Denormals-are-zeros: a denormal becomes a zero of its sign when MXCSR says so. */
export function flushOperand(f: usize, bits: u64, wide: bool): u64 {
  return (mxcsr(f) & MXCSR_DAZ) != 0 && isDenormalBits(bits, wide) ? bits & signBitOf(wide) : bits;
}
export function loadLane(p: usize, i: u32, wide: bool): u64 {
  return wide ? load<u64>(p + ((i as usize) << 3)) : (load<u32>(p + ((i as usize) << 2)) as u64);
}
export function storeLane(p: usize, i: u32, wide: bool, bits: u64): void {
  if (wide) store<u64>(p + ((i as usize) << 3), bits);
  else store<u32>(p + ((i as usize) << 2), bits as u32);
}
/** Widens a lane to the packed extended value at `p`; returns 1 for a denormal. */
export function widenLane(p: usize, bits: u64, wide: bool): u32 {
  return wide ? widenDouble(p, bits) : widenSingle(p, bits as u32);
}
export function packLane(f: usize, wide: bool): u64 {
  return wide ? packDouble(f + X_R) : (packSingle(f + X_R) as u64);
}

// ── The quick way ───────────────────────────────────────────────────────────

/** Normal, and for results above the smallest exponent, where tininess could hide. */
function ordinary(bits: u64, wide: bool, least: u32): bool {
  const exponent = wide ? ((bits >>> 52) as u32) & 0x7ff : ((bits >>> 23) as u32) & 0xff;
  const range: u32 = (wide ? 0x7ff : 0xff) - least;
  return exponent - least < range;
}

function hostSingle(op: u32, x: f32, y: f32): u64 {
  let r: f32;
  if (op == ADD) r = x + y;
  else if (op == MUL) r = x * y;
  else if (op == SUB) r = x - y;
  else if (op == DIV) r = x / y;
  else r = sqrt<f32>(y);
  return reinterpret<u32>(r) as u64;
}

function hostDouble(op: u32, x: f64, y: f64): u64 {
  let r: f64;
  if (op == ADD) r = x + y;
  else if (op == MUL) r = x * y;
  else if (op == SUB) r = x - y;
  else if (op == DIV) r = x / y;
  else r = sqrt<f64>(y);
  return reinterpret<u64>(r);
}

/** Whether only the value of a result is of interest: PE is set and masked, rounding is to nearest. */
function valueOnly(f: usize): bool {
  return (mxcsr(f) & 0x7020) == 0x1020;
}

// ── Lanes ───────────────────────────────────────────────────────────────────

/** a op b; the square root takes b. */
function laneArithmetic(f: usize, op: u32, wide: bool, a: u64, b: u64, quick: bool): u64 {
  if (quick && ordinary(b, wide, 1) && (op == SQRT || ordinary(a, wide, 1))) {
    const r = wide
      ? hostDouble(op, reinterpret<f64>(a), reinterpret<f64>(b))
      : hostSingle(op, reinterpret<f32>(a as u32), reinterpret<f32>(b as u32));
    if (ordinary(r, wide, 2)) return r;
  }
  if (op == SQRT) a = b;
  if (isNan(a, wide) || isNan(b, wide)) {
    if (isSignaling(a, wide) || isSignaling(b, wide)) note(f, IE);
    return quietNan(isNan(a, wide) ? a : b, wide);
  }
  const denormal = widenLane(f + WIDE_A, flushOperand(f, a, wide), wide);
  store<u32>(f, denormal | widenLane(f + WIDE_B, flushOperand(f, b, wide), wide), X_DENORMAL);
  if (op == SQRT) squareRoot(f, f + WIDE_B);
  else {
    const code = op == ADD ? OP_ADD : op == MUL ? OP_MUL : op == SUB ? OP_SUB : OP_DIV;
    arithmetic(f, code, f + WIDE_A, f + WIDE_B);
  }
  return packLane(f, wide);
}

/** −1, 0, 1 for numbers; 2 when a NaN takes part. Notes DE. */
function order(f: usize, wide: bool, a: u64, b: u64): i32 {
  if (isNan(a, wide) || isNan(b, wide)) return 2;
  if (isDenormalBits(a, wide) || isDenormalBits(b, wide)) note(f, DE);
  const x: f64 = wide ? reinterpret<f64>(a) : (reinterpret<f32>(a as u32) as f64);
  const y: f64 = wide ? reinterpret<f64>(b) : (reinterpret<f32>(b as u32) as f64);
  return x < y ? -1 : x == y ? 0 : 1;
}

/** MIN, MAX: the second operand unless the first is strictly below or above; every NaN raises IE. */
function laneExtreme(f: usize, op: u32, wide: bool, a: u64, b: u64): u64 {
  a = flushOperand(f, a, wide);
  b = flushOperand(f, b, wide);
  const relation = order(f, wide, a, b);
  if (relation == 2) note(f, IE);
  return relation == (op == MIN ? -1 : 1) ? a : b;
}

/** CMPPS …: all ones or zero. Predicates 0 EQ, 1 LT, 2 LE, 3 UNORD, 4 … 7 their negations. */
function laneCompare(f: usize, predicate: u32, wide: bool, a: u64, b: u64): u64 {
  a = flushOperand(f, a, wide);
  b = flushOperand(f, b, wide);
  const relation = order(f, wide, a, b);
  const kind = predicate & 3;
  if (relation == 2) {
    if (kind == 1 || kind == 2 || isSignaling(a, wide) || isSignaling(b, wide)) note(f, IE);
  }
  let holds: bool;
  if (kind == 0) holds = relation == 0;
  else if (kind == 1) holds = relation == -1;
  else if (kind == 2) holds = relation == -1 || relation == 0;
  else holds = relation == 2;
  return holds != ((predicate & 4) != 0) ? ~(0 as u64) : 0;
}

/** 51, 58, 59, 5C … 5F, C2 */
export function packedFloat(s: usize, prefix: u32, op: u32, modrm: u32, linear: u32, imm: u32): bool {
  const f = fpu(s);
  const wide = isDoubleForm(prefix);
  const count = laneCount(prefix);
  const d = xmm(f, regField(modrm));
  if (!enterXmm(s)) return true;
  const read =
    count > 1 ? loadXmm(s, f, modrm, linear, false) : loadPart(s, f, modrm, linear, wide ? 8 : 4, xmm(f, modrm & 7));
  if (!read) return true;
  beginSimd(f, wide ? FORMAT_DOUBLE : FORMAT_SINGLE);
  memory.copy(f + STAGE, d, 16);
  const quick = valueOnly(f);
  let all: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const a = loadLane(d, i, wide);
    const b = loadLane(f + X_OPERAND, i, wide);
    let r: u64;
    store<u32>(f, 0, X_FLAGS);
    if (op == CMP) r = laneCompare(f, imm & 7, wide, a, b);
    else if (op == MIN || op == MAX) r = laneExtreme(f, op, wide, a, b);
    else r = laneArithmetic(f, op, wide, a, b, quick);
    all |= noted(f);
    storeLane(f + STAGE, i, wide, r);
  }
  note(f, all);
  if (finishSimd(s)) memory.copy(d, f + STAGE, 16);
  return true;
}

/** 2E UCOMISS UCOMISD, 2F COMISS COMISD: ZF PF CF; OF SF AF are cleared. */
export function compareScalar(s: usize, prefix: u32, opcode: u32, modrm: u32, linear: u32): bool {
  const f = fpu(s);
  const wide = prefix == P_66;
  if (prefix == P_F2 || prefix == P_F3) return false;
  if (!enterXmm(s) || !loadPart(s, f, modrm, linear, wide ? 8 : 4, xmm(f, modrm & 7))) return true;
  beginSimd(f, FORMAT_SINGLE);
  const a = flushOperand(f, loadLane(xmm(f, regField(modrm)), 0, wide), wide);
  const b = flushOperand(f, loadLane(f + X_OPERAND, 0, wide), wide);
  const relation = order(f, wide, a, b);
  if (relation == 2 && (opcode == 0x2f || isSignaling(a, wide) || isSignaling(b, wide))) note(f, IE);
  if (!finishSimd(s)) return true;
  const flags = relation == 2 ? FLAG_ZF | FLAG_PF | FLAG_CF : relation == 0 ? FLAG_ZF : relation < 0 ? FLAG_CF : 0;
  setArithmetic(s, flags);
  return true;
}

/**
 * 52 RSQRTPS RSQRTSS, 53 RCPPS RCPSS. The manual bounds only the error, 1.5 × 2^-12; here the exact value is rounded to
 * 12 bits. Denormals count as zeros, tiny results become zeros, and no exception is ever raised.
 */
export function approximate(s: usize, prefix: u32, opcode: u32, modrm: u32, linear: u32): bool {
  const f = fpu(s);
  const count = laneCount(prefix);
  if (isDoubleForm(prefix)) return false;
  if (!enterXmm(s)) return true;
  const read = count > 1 ? loadXmm(s, f, modrm, linear, false) : loadPart(s, f, modrm, linear, 4, xmm(f, modrm & 7));
  if (!read) return true;
  const d = xmm(f, regField(modrm));
  for (let i: u32 = 0; i < count; i++) {
    const bits = loadLane(f + X_OPERAND, i, false);
    storeLane(d, i, false, opcode == 0x53 ? reciprocal(bits as u32) : reciprocalRoot(bits as u32));
  }
  return true;
}

/** Rounds a single's bits to 12 bits of significand. */
function twelveBits(x: f64): u64 {
  return ((reinterpret<u32>(x as f32) + 0x400) & 0xfffff800) as u64;
}

function reciprocal(bits: u32): u64 {
  const sign = bits & 0x80000000;
  if (isNan(bits as u64, false)) return quietNan(bits as u64, false);
  if (!(bits & 0x7f800000)) return (sign | 0x7f800000) as u64;
  const r = twelveBits(1.0 / (reinterpret<f32>(bits) as f64));
  return r & 0x7f800000 ? r : (sign as u64);
}

function reciprocalRoot(bits: u32): u64 {
  if (isNan(bits as u64, false)) return quietNan(bits as u64, false);
  if (!(bits & 0x7f800000)) return ((bits & 0x80000000) | 0x7f800000) as u64;
  if (bits & 0x80000000) return 0xffc00000;
  return twelveBits(1.0 / sqrt<f64>(reinterpret<f32>(bits) as f64));
}
