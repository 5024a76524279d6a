/** ESC opcodes D8 … DF: availability checks, pointers, dispatch. */

import { CR0_EM, CR0_MP, CR0_TS } from '../cpu/control';
import { segment } from '../cpu/mode';
import {
  CS,
  FPU_CS,
  FPU_DP,
  FPU_DS,
  FPU_IP,
  FPU_OPCODE,
  SEGMENT_BASE,
  SEGMENT_SELECTOR,
  VCPU_CR0,
  VCPU_EAX,
  VCPU_EIP,
  VCPU_FPU_SEGMENT,
} from '../layout';
import { faulted, raise, VECTOR_MF, VECTOR_NM, VECTOR_UD } from '../record';
import { initialize, loadEnvironment, restoreState, saveState, storeEnvironment } from './environment';
import { loadBytes, storeBytes } from './memory';
import {
  BUSY,
  C1,
  controlWord,
  ES,
  EXCEPTIONS,
  fpu,
  isEmpty,
  markEmpty,
  pop,
  SF,
  setControlWord,
  setStatusWord,
  statusWord,
  X_BYTES,
} from './state';
import { flagCompare, memoryArithmetic, stackArithmetic, stackCompare } from './x87-arithmetic';
import { functionInstruction } from './x87-function';
import {
  conditionalMove,
  exchange,
  FORMAT_BCD,
  FORMAT_DOUBLE,
  FORMAT_EXTENDED,
  FORMAT_I16,
  FORMAT_I32,
  FORMAT_I64,
  FORMAT_SINGLE,
  loadConstant,
  loadStack,
  loadValue,
  storeStack,
  storeValue,
} from './x87-move';

/**
 * #MF when an unmasked exception is pending. CR0.NE = 0 is treated like NE = 1: there is no FERR# line to IRQ 13,
 * and kernels for the 486 and later set NE.
 */
export function pendingException(s: usize): bool {
  if (!(statusWord(fpu(s)) & ES)) return false;
  raise(s, VECTOR_MF);
  return true;
}

/** WAIT/FWAIT: #NM when CR0.MP and CR0.TS are both set, #MF when an exception is pending. */
export function fwait(s: usize): void {
  if ((load<u32>(s + VCPU_CR0) & (CR0_MP | CR0_TS)) == (CR0_MP | CR0_TS)) raise(s, VECTOR_NM);
  else pendingException(s);
}

/** Whether the encoding is one of the non-waiting control instructions FN… */
function nonWaiting(opcode: u32, modrm: u32): bool {
  const reg = (modrm >>> 3) & 7;
  if (modrm < 0xc0) return (opcode == 0xd9 || opcode == 0xdd) && reg >= 6;
  if (opcode == 0xdb) return modrm >= 0xe0 && modrm <= 0xe4;
  return opcode == 0xdf && modrm == 0xe0;
}

/** Control instructions leave the instruction and operand pointers alone (SDM Vol. 1, 8.1.8). */
function isControl(opcode: u32, modrm: u32): bool {
  const reg = (modrm >>> 3) & 7;
  if (modrm >= 0xc0) return nonWaiting(opcode, modrm);
  return (opcode == 0xd9 && reg >= 4) || (opcode == 0xdd && (reg == 4 || reg >= 6));
}

function setPointers(s: usize, f: usize, opcode: u32, modrm: u32, linear: u32): void {
  store<u16>(f, ((opcode & 7) << 8) | modrm, FPU_OPCODE);
  store<u32>(f, load<u32>(s + VCPU_EIP), FPU_IP);
  store<u16>(f, load<u16>(segment(s, CS), SEGMENT_SELECTOR), FPU_CS);
  if (modrm >= 0xc0) return;
  const data = segment(s, load<u32>(s + VCPU_FPU_SEGMENT) & 7);
  store<u32>(f, linear - load<u32>(data, SEGMENT_BASE), FPU_DP);
  store<u16>(f, load<u16>(data, SEGMENT_SELECTOR), FPU_DS);
}

/** #NM and #MF: to be called before the memory operand's address is formed, since they come before its faults. */
export function x87Available(s: usize, opcode: u32, modrm: u32): bool {
  if (load<u32>(s + VCPU_CR0) & (CR0_EM | CR0_TS)) {
    raise(s, VECTOR_NM);
    return false;
  }
  return nonWaiting(opcode, modrm) || !pendingException(s);
}

/**
 * Executes one ESC instruction: `opcode` D8 … DF, `linear` the address of the memory operand when ModRM.mod is not 3,
 * `operandSize` 2 or 4 bytes. VCPU_EIP must be the instruction's own address and VCPU_FPU_SEGMENT the operand's segment.
 * Faults: #NM, #MF, #UD, and those of the memory operand; then nothing has changed.
 */
export function x87(s: usize, opcode: u32, modrm: u32, linear: u32, operandSize: u32): void {
  if (!x87Available(s, opcode, modrm)) return;
  const f = fpu(s);
  const defined =
    modrm < 0xc0
      ? memoryForm(s, f, opcode, (modrm >>> 3) & 7, linear, operandSize == 4)
      : registerForm(s, f, opcode, modrm);
  if (!defined) raise(s, VECTOR_UD);
  if (!faulted(s) && !isControl(opcode, modrm)) setPointers(s, f, opcode, modrm, linear);
}

/** False: undefined encoding. */
function memoryForm(s: usize, f: usize, opcode: u32, reg: u32, linear: u32, wide: bool): bool {
  switch (((opcode & 7) << 3) | reg) {
    case 0x08:
      loadValue(s, f, FORMAT_SINGLE, linear);
      return true;
    case 0x0a:
    case 0x0b:
      storeValue(s, f, FORMAT_SINGLE, linear, reg & 1);
      return true;
    case 0x0c:
      loadEnvironment(s, f, wide, linear);
      return true;
    case 0x0d:
      if (loadBytes(s, linear, 2, f + X_BYTES)) setControlWord(f, load<u16>(f, X_BYTES));
      return true;
    case 0x0e:
      storeEnvironment(s, f, wide, linear);
      return true;
    case 0x0f:
      store<u16>(f, controlWord(f), X_BYTES);
      storeBytes(s, linear, 2, f + X_BYTES);
      return true;
    case 0x18:
      loadValue(s, f, FORMAT_I32, linear);
      return true;
    case 0x1a:
    case 0x1b:
      storeValue(s, f, FORMAT_I32, linear, reg & 1);
      return true;
    case 0x1d:
      loadValue(s, f, FORMAT_EXTENDED, linear);
      return true;
    case 0x1f:
      storeValue(s, f, FORMAT_EXTENDED, linear, 1);
      return true;
    case 0x28:
      loadValue(s, f, FORMAT_DOUBLE, linear);
      return true;
    case 0x2a:
    case 0x2b:
      storeValue(s, f, FORMAT_DOUBLE, linear, reg & 1);
      return true;
    case 0x2c:
      restoreState(s, f, wide, linear);
      return true;
    case 0x2e:
      saveState(s, f, wide, linear);
      return true;
    case 0x2f:
      store<u16>(f, statusWord(f), X_BYTES);
      storeBytes(s, linear, 2, f + X_BYTES);
      return true;
    case 0x38:
      loadValue(s, f, FORMAT_I16, linear);
      return true;
    case 0x3a:
    case 0x3b:
      storeValue(s, f, FORMAT_I16, linear, reg & 1);
      return true;
    case 0x3c:
      loadValue(s, f, FORMAT_BCD, linear);
      return true;
    case 0x3d:
      loadValue(s, f, FORMAT_I64, linear);
      return true;
    case 0x3e:
      storeValue(s, f, FORMAT_BCD, linear, 1);
      return true;
    case 0x3f:
      storeValue(s, f, FORMAT_I64, linear, 1);
      return true;
    default: {
      if (opcode & 1) return false; // D9 /1, DB /1 /4 /6, DD /1 /5, DF /1
      memoryArithmetic(s, f, opcode, reg, linear);
      return true;
    }
  }
}

/**
 * False: undefined encoding. DC D0 (FCOM), DC D8 and DE D0 (FCOMP), DD C8 and DF C8 (FXCH), D9 D8, DF D0 and DF D8 (FSTP)
 * and DF C0 (FFREE and pop) are aliases that no manual promises and every CPU executes.
 */
function registerForm(s: usize, f: usize, opcode: u32, modrm: u32): bool {
  const i = modrm & 7;
  const reg = (modrm >>> 3) & 7;
  switch (((opcode & 7) << 3) | reg) {
    case 0x02: // D8 D0
    case 0x22: // DC D0
      stackCompare(f, i, false, 0);
      return true;
    case 0x03: // D8 D8
    case 0x23: // DC D8
    case 0x32: // DE D0
      stackCompare(f, i, false, 1);
      return true;
    case 0x08: // D9 C0
      loadStack(f, i);
      return true;
    case 0x09: // D9 C8
    case 0x29: // DD C8
    case 0x39: // DF C8
      exchange(f, i);
      return true;
    case 0x0a: // D9 D0: FNOP
      return i == 0;
    case 0x0b: // D9 D8: stores like DD D8, but an empty ST(0) is only popped
      if (isEmpty(f, 0)) {
        pop(f);
        setStatusWord(f, statusWord(f) & ~C1);
      } else storeStack(f, i, 1);
      return true;
    case 0x2b: // DD D8
    case 0x3a: // DF D0
    case 0x3b: // DF D8
      storeStack(f, i, 1);
      return true;
    case 0x2a: // DD D0
      storeStack(f, i, 0);
      return true;
    case 0x0d: // D9 E8: constants
      if (i == 7) return false;
      loadConstant(f, i);
      return true;
    case 0x0c:
    case 0x0e:
    case 0x0f:
      return functionInstruction(s, f, modrm & 31);
    case 0x10: // DA C0 … D8: FCMOVcc
    case 0x11:
    case 0x12:
    case 0x13:
    case 0x18: // DB C0 … D8: FCMOVNcc
    case 0x19:
    case 0x1a:
    case 0x1b:
      conditionalMove(s, f, reg, opcode == 0xdb, i);
      return true;
    case 0x15: // DA E9: FUCOMPP
      if (i == 1) stackCompare(f, 1, true, 2);
      return i == 1;
    case 0x1c: // DB E0 … E4
      return control(f, i);
    case 0x1d: // DB E8, DF E8: FUCOMI, FUCOMIP
    case 0x3d:
      flagCompare(s, f, i, true, u32(opcode == 0xdf));
      return true;
    case 0x1e: // DB F0, DF F0: FCOMI, FCOMIP
    case 0x3e:
      flagCompare(s, f, i, false, u32(opcode == 0xdf));
      return true;
    case 0x28: // DD C0: FFREE
      markEmpty(f, i);
      setStatusWord(f, statusWord(f) & ~C1);
      return true;
    case 0x38: // DF C0
      markEmpty(f, i);
      pop(f);
      setStatusWord(f, statusWord(f) & ~C1);
      return true;
    case 0x2c: // DD E0, DD E8: FUCOM, FUCOMP
    case 0x2d:
      stackCompare(f, i, true, reg & 1);
      return true;
    case 0x33: // DE D9: FCOMPP
      if (i == 1) stackCompare(f, 1, false, 2);
      return i == 1;
    case 0x3c: // DF E0: FNSTSW AX
      if (i == 0) store<u16>(s + VCPU_EAX, statusWord(f));
      return i == 0;
    default:
      if (opcode == 0xd8) stackArithmetic(f, reg, i, 0, 0);
      else if (opcode == 0xdc) stackArithmetic(f, reg, i, i, 0);
      else if (opcode == 0xde) stackArithmetic(f, reg, i, i, 1);
      else return false;
      return true;
  }
}

/** DB E0 … E4: FNENI, FNDISI and FNSETPM do nothing since the 387. */
function control(f: usize, i: u32): bool {
  if (i == 2) setStatusWord(f, statusWord(f) & ~(BUSY | ES | SF | EXCEPTIONS));
  else if (i == 3) initialize(f);
  return i <= 4;
}
