/** Conversions between integers, singles and doubles. A lane's source and destination may differ in width. */
import { VCPU_EAX } from '../layout';
import { FORMAT_DOUBLE, FORMAT_SINGLE, operandToWide, roundResult } from './arithmetic';
import { roundToInteger, widenInteger } from './convert';
import { CLASS_INFINITY, CLASS_ZERO, copy, signOf, unpack } from './float80';
import { flushOperand, isNan, isSignaling, loadLane, packLane, quietNan, storeLane, widenLane } from './sse-float';
import {
  beginSimd,
  enterMmx,
  enterXmm,
  finishSimd,
  isRegister,
  loadPart,
  loadXmm,
  mmx,
  P_66,
  P_F2,
  P_F3,
  P_NONE,
  regField,
  setMmx,
  simdRounding,
  touchMmx,
  xmm,
} from './sse-state';
import { blocked, DE, fpu, IE, note, noted, ROUND_ZERO, X_A, X_FLAGS, X_OPERAND, X_R, X_WIDE } from './state';

const STAGE: usize = X_WIDE;
const VALUE: usize = X_WIDE + 32;
const INTEGER_INDEFINITE: u32 = 0x80000000;

/** Rounds the packed value VALUE to the format of `beginSimd`. */
function roundValue(f: usize): void {
  const p = f + VALUE;
  const kind = unpack(f + X_A, p);
  if (kind == CLASS_ZERO || kind == CLASS_INFINITY) copy(f + X_R, p);
  else {
    operandToWide(f, f + X_A, signOf(p));
    roundResult(f);
  }
}

/** A 32-bit integer as single or double. */
function integerToFloat(f: usize, value: i32, wide: bool): u64 {
  widenInteger(f + VALUE, value as i64);
  roundValue(f);
  return packLane(f, wide);
}

/** A single or double as a 32-bit integer: IE and the integer indefinite when it does not fit. */
function floatToInteger(f: usize, bits: u64, wide: bool, rc: u32): u32 {
  widenLane(f + VALUE, flushOperand(f, bits, wide), wide);
  const magnitude = roundToInteger(f, f + VALUE, rc, 0x7fffffff, false) as u32;
  if (noted(f) & IE) return INTEGER_INDEFINITE;
  return signOf(f + VALUE) ? -magnitude : magnitude;
}

/** A single as double (`wide` false) or a double as single. */
function floatToFloat(f: usize, bits: u64, wide: bool): u64 {
  const p = f + VALUE;
  if (isNan(bits, wide)) {
    if (isSignaling(bits, wide)) note(f, IE);
    widenLane(p, quietNan(bits, wide), wide);
    copy(f + X_R, p);
  } else {
    if (widenLane(p, flushOperand(f, bits, wide), wide)) note(f, DE);
    if (blocked(f)) return 0;
    roundValue(f);
  }
  return packLane(f, !wide);
}

// Kinds of a conversion's lanes
const TO_FLOAT: u32 = 0; //   i32 → float
const TO_INTEGER: u32 = 1; // float → i32
const TO_OTHER: u32 = 2; //   float → the other float

/**
 * Converts `count` lanes of the operand to the stage, which the caller has prepared, and ends the instruction:
 * false when an exception was raised. `wide`: the float (of TO_OTHER: the source) is a double.
 */
function convertLanes(s: usize, f: usize, kind: u32, wide: bool, count: u32, rc: u32): bool {
  const source = f + X_OPERAND;
  const stage = f + STAGE;
  beginSimd(f, wide == (kind == TO_OTHER) ? FORMAT_SINGLE : FORMAT_DOUBLE);
  let all: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    store<u32>(f, 0, X_FLAGS);
    if (kind == TO_FLOAT) storeLane(stage, i, wide, integerToFloat(f, load<i32>(source + ((i as usize) << 2)), wide));
    else if (kind == TO_INTEGER)
      storeLane(stage, i, false, floatToInteger(f, loadLane(source, i, wide), wide, rc) as u64);
    else storeLane(stage, i, !wide, floatToFloat(f, loadLane(source, i, wide), wide));
    all |= noted(f);
  }
  note(f, all);
  return finishSimd(s);
}

function clearStage(f: usize): void {
  store<u64>(f, 0, STAGE);
  store<u64>(f, 0, STAGE + 8);
}

/** Converts to a whole XMM register; what no lane writes becomes 0. */
function toXmm(s: usize, f: usize, modrm: u32, kind: u32, wide: bool, count: u32, rc: u32): void {
  clearStage(f);
  if (convertLanes(s, f, kind, wide, count, rc)) memory.copy(xmm(f, regField(modrm)), f + STAGE, 16);
}

/** 2A: CVTPI2PS CVTPI2PD CVTSI2SS CVTSI2SD */
export function convertFromInteger(s: usize, prefix: u32, modrm: u32, linear: u32): bool {
  const f = fpu(s);
  const d = xmm(f, regField(modrm));
  const wide = prefix == P_66 || prefix == P_F2;
  const scalar = prefix == P_F2 || prefix == P_F3;
  if (!enterXmm(s)) return true;
  // From memory no MMX register is touched and the x87 left alone. SDM Vol. 2A says so of CVTPI2PD only; AMD's CPUs do
  // it for CVTPI2PS too.
  const transition = !scalar && isRegister(modrm);
  if (transition && !enterMmx(s)) return true;
  const register = scalar ? s + VCPU_EAX + ((modrm & 7) << 2) : mmx(f, modrm & 7);
  if (!loadPart(s, f, modrm, linear, scalar ? 4 : 8, register)) return true;
  memory.copy(f + STAGE, d, 16);
  if (transition) touchMmx(f); // before #XM, as the CPU does
  if (!convertLanes(s, f, TO_FLOAT, wide, scalar ? 1 : 2, 0)) return true;
  memory.copy(d, f + STAGE, 16);
  return true;
}

/** 2C (truncating), 2D: CVTPS2PI CVTPD2PI CVTSS2SI CVTSD2SI */
export function convertToInteger(s: usize, prefix: u32, opcode: u32, modrm: u32, linear: u32): bool {
  const f = fpu(s);
  const wide = prefix == P_66 || prefix == P_F2;
  const scalar = prefix == P_F2 || prefix == P_F3;
  if (!enterXmm(s) || (!scalar && !enterMmx(s))) return true;
  const read =
    prefix == P_66
      ? loadXmm(s, f, modrm, linear, false)
      : loadPart(s, f, modrm, linear, prefix == P_F3 ? 4 : 8, xmm(f, modrm & 7));
  if (!read) return true;
  if (!scalar) touchMmx(f);
  const rc = opcode == 0x2c ? ROUND_ZERO : simdRounding(f);
  if (!convertLanes(s, f, TO_INTEGER, wide, scalar ? 1 : 2, rc)) return true;
  if (scalar) store<u32>(s + VCPU_EAX + ((regField(modrm) as usize) << 2), load<u32>(f, STAGE));
  else setMmx(f, regField(modrm), load<u64>(f, STAGE));
  return true;
}

/** 5A: CVTPS2PD CVTPD2PS CVTSS2SD CVTSD2SS */
export function convertFloat(s: usize, prefix: u32, modrm: u32, linear: u32): bool {
  const f = fpu(s);
  const d = xmm(f, regField(modrm));
  const wide = prefix == P_66 || prefix == P_F2;
  const scalar = prefix == P_F2 || prefix == P_F3;
  if (!enterXmm(s)) return true;
  const size: u32 = prefix == P_F3 ? 4 : 8;
  const read =
    prefix == P_66 ? loadXmm(s, f, modrm, linear, false) : loadPart(s, f, modrm, linear, size, xmm(f, modrm & 7));
  if (!read) return true;
  if (scalar) {
    memory.copy(f + STAGE, d, 16);
    if (convertLanes(s, f, TO_OTHER, wide, 1, 0)) memory.copy(d, f + STAGE, 16);
  } else toXmm(s, f, modrm, TO_OTHER, wide, 2, 0);
  return true;
}

/** 5B: CVTDQ2PS CVTPS2DQ CVTTPS2DQ; E6: CVTTPD2DQ CVTDQ2PD CVTPD2DQ */
export function convertDoublewords(s: usize, prefix: u32, opcode: u32, modrm: u32, linear: u32): bool {
  const f = fpu(s);
  const wide = opcode == 0xe6;
  if (prefix == (wide ? P_NONE : P_F2)) return false;
  if (!enterXmm(s)) return true;
  const half = wide && prefix == P_F3; // CVTDQ2PD reads only 64 bits
  const read = half ? loadPart(s, f, modrm, linear, 8, xmm(f, modrm & 7)) : loadXmm(s, f, modrm, linear, false);
  if (!read) return true;
  const fromInteger = prefix == (wide ? P_F3 : P_NONE);
  const truncate = prefix == (wide ? P_66 : P_F3);
  const rc = truncate ? ROUND_ZERO : simdRounding(f);
  toXmm(s, f, modrm, fromInteger ? TO_FLOAT : TO_INTEGER, wide, wide ? 2 : 4, rc);
  return true;
}
