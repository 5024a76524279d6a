/** The arithmetic and comparison instructions of D8, DA, DC, DD, DE: stack checks, operation, result and pops. */
import { FLAG_CF, FLAG_PF, FLAG_ZF, setArithmetic } from '../cpu/flags';
import { arithmetic } from './arithmetic';
import { compareValues } from './compare';
import { widenDouble, widenInteger, widenSingle } from './convert';
import { copy, resultIndefinite, setZero } from './float80';
import { loadBytes } from './memory';
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
  noted,
  pop,
  SF,
  setStatusWord,
  stack,
  statusWord,
  X_BYTES,
  X_DENORMAL,
  X_OPERAND,
  X_R,
} from './state';

const FCOM: u32 = 2;
const FCOMP: u32 = 3;

/** Notes a stack underflow; its masked response is the indefinite value. */
export function underflow(f: usize): void {
  note(f, IE | SF);
  resultIndefinite(f);
}

/** Stores R to ST(i) and pops `pops` times, unless an unmasked exception forbids it. */
export function commit(f: usize, i: u32, pops: u32): void {
  if (!finish(f)) return;
  copy(stack(f, i), f + X_R);
  markFull(f, i);
  if (pops) pop(f);
}

/** ST(destination) = ST(0) op ST(i). */
export function stackArithmetic(f: usize, op: u32, i: u32, destination: u32, pops: u32): void {
  begin(f);
  if (isEmpty(f, 0) || isEmpty(f, i)) underflow(f);
  else arithmetic(f, op, stack(f, 0), stack(f, i));
  commit(f, destination, pops);
}

/**
 * C3 C2 C0 from a comparison, then pops. An unmasked exception stops the pops alone: Intel's and AMD's processors set the
 * conditions all the same, though SDM Vol. 2A, "FCOM/FCOMP/FCOMPP", Table 3-21 leaves them alone on an unmasked #IA.
 */
function setConditions(f: usize, code: u32, pops: u32): void {
  const stop = !finish(f);
  setStatusWord(f, (statusWord(f) & ~(C0 | C2 | C3)) | code);
  if (stop) return;
  for (; pops != 0; pops--) pop(f);
}

/** FCOM, FCOMP, FCOMPP, FUCOM, FUCOMP, FUCOMPP with ST(i). */
export function stackCompare(f: usize, i: u32, quiet: bool, pops: u32): void {
  begin(f);
  let code: u32 = C0 | C2 | C3;
  if (isEmpty(f, 0) || isEmpty(f, i)) note(f, IE | SF);
  else code = compareValues(f, stack(f, 0), stack(f, i), quiet);
  setConditions(f, code, pops);
}

/** FTST: compares ST(0) with +0. */
export function testZero(f: usize): void {
  begin(f);
  let code: u32 = C0 | C2 | C3;
  setZero(f + X_OPERAND, 0);
  if (isEmpty(f, 0)) note(f, IE | SF);
  else code = compareValues(f, stack(f, 0), f + X_OPERAND, false);
  setConditions(f, code, 0);
}

/** FCOMI, FCOMIP, FUCOMI, FUCOMIP: ZF PF CF as C3 C2 C0, unmasked exceptions or not; OF SF AF are cleared. */
export function flagCompare(s: usize, f: usize, i: u32, quiet: bool, pops: u32): void {
  begin(f);
  let code: u32 = C0 | C2 | C3;
  if (isEmpty(f, 0) || isEmpty(f, i)) note(f, IE | SF);
  else code = compareValues(f, stack(f, 0), stack(f, i), quiet);
  // C1 stays, on both makers' processors, but for a stack fault; SDM Vol. 2A, "FCOMI/FCOMIP/FUCOMI/FUCOMIP" has it cleared.
  const c1 = noted(f) & SF ? 0 : statusWord(f) & C1;
  const stop = !finish(f);
  setStatusWord(f, statusWord(f) | c1);
  setArithmetic(s, (code & C3 ? FLAG_ZF : 0) | (code & C2 ? FLAG_PF : 0) | (code & C0 ? FLAG_CF : 0));
  if (pops && !stop) pop(f);
}

/** D8, DA, DC, DE with a memory operand: single, 32-bit integer, double, 16-bit integer. */
export function memoryArithmetic(s: usize, f: usize, opcode: u32, op: u32, linear: u32): void {
  const size: u32 = opcode == 0xdc ? 8 : opcode == 0xde ? 2 : 4;
  const bytes = f + X_BYTES;
  const operand = f + X_OPERAND;
  if (!loadBytes(s, linear, size, bytes)) return;
  begin(f);
  if (opcode == 0xd8) store<u32>(f, widenSingle(operand, load<u32>(bytes)), X_DENORMAL);
  else if (opcode == 0xdc) store<u32>(f, widenDouble(operand, load<u64>(bytes)), X_DENORMAL);
  else widenInteger(operand, opcode == 0xda ? (load<i32>(bytes) as i64) : (load<i16>(bytes) as i64));
  const empty = isEmpty(f, 0);
  if (op == FCOM || op == FCOMP) {
    let code: u32 = C0 | C2 | C3;
    if (empty) note(f, IE | SF);
    else code = compareValues(f, stack(f, 0), operand, false);
    setConditions(f, code, op - FCOM);
    return;
  }
  if (empty) underflow(f);
  else arithmetic(f, op, stack(f, 0), operand);
  commit(f, 0, 0);
}
