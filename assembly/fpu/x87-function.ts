/** D9 E0 … FF without operands but the constants: sign, compare, remainder, transcendental and stack-pointer functions. */
import { squareRoot } from './arithmetic';
import { examine } from './compare';
import { copy, head, set, significand } from './float80';
import { exponential, logarithm } from './logarithm';
import { extract, KEEP, remainder, roundInteger, scale } from './remainder';
import {
  begin,
  C0,
  C1,
  C2,
  C3,
  finish,
  IE,
  isEmpty,
  markFull,
  note,
  rotate,
  SF,
  setStatusWord,
  stack,
  statusWord,
  X_OPERAND,
  X_R,
} from './state';
import { arcTangent, COSINE, SINE, sineCosine, TANGENT } from './trigonometry';
import { commit, testZero, underflow } from './x87-arithmetic';
import { push } from './x87-move';

/** `index`: the low five bits of the ModRM byte of D9 E0 … FF. Returns false for an undefined encoding. */
export function functionInstruction(s: usize, f: usize, index: u32): bool {
  switch (index) {
    case 0x00: // FCHS
    case 0x01: // FABS
      changeSign(f, index);
      return true;
    case 0x04:
      testZero(f);
      return true;
    case 0x05:
      examine(f);
      return true;
    case 0x10: // F2XM1
      begin(f);
      if (isEmpty(f, 0)) underflow(f);
      else exponential(f, stack(f, 0));
      commit(f, 0, 0);
      return true;
    case 0x11: // FYL2X
    case 0x13: // FPATAN
    case 0x19: // FYL2XP1
      begin(f);
      if (isEmpty(f, 0) || isEmpty(f, 1)) underflow(f);
      else if (index == 0x13) arcTangent(f, stack(f, 1), stack(f, 0));
      else logarithm(f, stack(f, 0), stack(f, 1), index == 0x19);
      commit(f, 1, 1);
      return true;
    case 0x12:
      sineFamily(f, TANGENT);
      return true;
    case 0x14:
      extractExponent(f);
      return true;
    case 0x15:
      partialRemainder(f, true);
      return true;
    case 0x16: // FDECSTP
    case 0x17: // FINCSTP
      rotate(f, index == 0x16 ? 7 : 1);
      setStatusWord(f, statusWord(f) & ~C1);
      return true;
    case 0x18:
      partialRemainder(f, false);
      return true;
    case 0x1a: // FSQRT
    case 0x1c: // FRNDINT
      begin(f);
      if (isEmpty(f, 0)) underflow(f);
      else if (index == 0x1a) squareRoot(f, stack(f, 0));
      else roundInteger(f, stack(f, 0));
      commit(f, 0, 0);
      return true;
    case 0x1b:
      sineFamily(f, SINE | COSINE);
      return true;
    case 0x1d: // FSCALE
      begin(f);
      if (isEmpty(f, 0) || isEmpty(f, 1)) underflow(f);
      else scale(f, stack(f, 0), stack(f, 1));
      commit(f, 0, 0);
      return true;
    case 0x1e:
      sineFamily(f, SINE);
      return true;
    case 0x1f:
      sineFamily(f, COSINE);
      return true;
    default:
      return false;
  }
}

function changeSign(f: usize, absolute: u32): void {
  const p = stack(f, 0);
  begin(f);
  if (isEmpty(f, 0)) underflow(f);
  else set(f + X_R, absolute ? head(p) & 0x7fff : head(p) ^ 0x8000, significand(p));
  commit(f, 0, 0);
}

function partialRemainder(f: usize, nearest: bool): void {
  begin(f);
  let code = KEEP;
  if (isEmpty(f, 0) || isEmpty(f, 1)) underflow(f);
  else code = remainder(f, stack(f, 0), stack(f, 1), nearest);
  setStatusWord(f, statusWord(f) & ~C2);
  if (!finish(f)) return;
  copy(stack(f, 0), f + X_R);
  markFull(f, 0);
  if (code == KEEP) setStatusWord(f, statusWord(f) & ~(C1 | C2));
  else setStatusWord(f, (statusWord(f) & ~(C0 | C1 | C2 | C3)) | code);
}

/** Replaces ST(0) by the operand scratch and pushes R, when ST(7) is free and nothing forbids it. */
function replaceAndPush(f: usize): void {
  if (!finish(f)) return;
  copy(stack(f, 0), f + X_OPERAND);
  markFull(f, 0);
  push(f);
}

/** Stack checks of the instructions that push a second result: false when a fault has been noted. */
function roomForTwo(f: usize): bool {
  if (!isEmpty(f, 0) && isEmpty(f, 7)) return true;
  if (isEmpty(f, 0)) note(f, IE | SF);
  else note(f, IE | SF | C1);
  underflow(f);
  copy(f + X_OPERAND, f + X_R);
  return false;
}

function extractExponent(f: usize): void {
  begin(f);
  if (roomForTwo(f)) extract(f, stack(f, 0));
  replaceAndPush(f);
}

/** FSIN, FCOS, FSINCOS, FPTAN: C2 reports an operand outside ±2^63. */
function sineFamily(f: usize, which: u32): void {
  begin(f);
  const two = which == TANGENT || which == (SINE | COSINE);
  let inRange: bool = true;
  if (two ? roomForTwo(f) : !isEmpty(f, 0)) inRange = sineCosine(f, stack(f, 0), which);
  else underflow(f);
  setStatusWord(f, (statusWord(f) & ~C2) | (inRange ? 0 : C2));
  if (!finish(f)) return;
  if (!inRange) return;
  if (!two) {
    commit(f, 0, 0);
    return;
  }
  replaceAndPush(f);
}
