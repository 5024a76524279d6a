/** MMX, SSE and SSE2 instructions behind the 0F escape: dispatch by the second opcode byte. */
import { probeRead } from '../mmu/access';
import { raise, VECTOR_UD } from '../record';
import { emms, fxrstor, fxsave, ldmxcsr, stmxcsr } from './fxsave';
import { convertDoublewords, convertFloat, convertFromInteger, convertToInteger } from './sse-convert';
import { approximate, compareScalar, packedFloat } from './sse-float';
import { packedInteger, shiftImmediate, wordAndMask } from './sse-integer';
import {
  moveDoubleword,
  moveHalf,
  moveMasked,
  moveMmx,
  moveNonTemporal,
  moveQuadword,
  moveScalar,
  moveSignMask,
  moveWhole,
  shuffle,
  unpack,
} from './sse-move';
import { enterXmm, isRegister, loadXmm, P_66, P_F2, P_F3, P_NONE, regField, xmm } from './sse-state';
import { fpu, X_OPERAND } from './state';

/** Whether the 0F opcode is followed by a ModRM byte: all but EMMS. */
export function sseHasModrm(opcode: u32): bool {
  return opcode != 0x77;
}

/** Whether the 0F opcode ends with an imm8: shuffles, shifts by a constant, CMPPS, PINSRW, PEXTRW. */
export function sseImmediate(opcode: u32): bool {
  return (opcode >= 0x70 && opcode <= 0x73) || opcode == 0xc2 || (opcode >= 0xc4 && opcode <= 0xc6);
}

/** Whether `sse` is the handler of the 0F opcode. */
export function sseOpcode(opcode: u32): bool {
  if (opcode >= 0x10 && opcode <= 0x17) return true;
  if (opcode >= 0x28 && opcode <= 0x2f) return true;
  if (opcode >= 0x50 && opcode <= 0x77) return true;
  if (opcode == 0x7e || opcode == 0x7f || opcode == 0xae) return true;
  if (opcode >= 0xc2 && opcode <= 0xc6) return true;
  return opcode >= 0xd1 && opcode <= 0xfe && opcode != 0xf0;
}

/**
 * Executes one instruction. `prefix`: the mandatory prefix, 0, 66H, F2H or F3H, where F2 and F3 win over 66 and the last
 * of them counts; `opcode`: the byte after 0F; `linear`: address of the memory operand when ModRM.mod is not 3, and
 * DS:EDI (DI; segment override allowed) for MASKMOVQ and MASKMOVDQU; `imm`: the imm8 of the opcodes of `sseImmediate`.
 * Faults: #UD, #NM, #MF, #XM, #GP for alignment, and those of the memory operand; then no register has changed.
 */
export function sse(s: usize, prefix: u32, opcode: u32, modrm: u32, linear: u32, imm: u32): void {
  if (!dispatch(s, prefix, opcode, modrm, linear, imm)) raise(s, VECTOR_UD);
}

/** False: undefined encoding. */
function dispatch(s: usize, prefix: u32, opcode: u32, modrm: u32, linear: u32, imm: u32): bool {
  const packed = prefix == P_NONE || prefix == P_66;
  switch (opcode) {
    case 0x10:
    case 0x11:
      if (packed) return moveWhole(s, modrm, linear, (opcode & 1) != 0, true);
      return moveScalar(s, modrm, linear, prefix == P_F2 ? 8 : 4, (opcode & 1) != 0);
    case 0x12:
    case 0x13:
    case 0x16:
    case 0x17:
      return moveHalf(s, prefix, opcode, modrm, linear);
    case 0x14:
    case 0x15:
      return unpack(s, prefix, opcode, modrm, linear);
    case 0x28:
    case 0x29:
      return packed && moveWhole(s, modrm, linear, (opcode & 1) != 0, false);
    case 0x2a:
      return convertFromInteger(s, prefix, modrm, linear);
    case 0x2b:
    case 0xc3:
    case 0xe7:
      return moveNonTemporal(s, prefix, opcode, modrm, linear);
    case 0x2c:
    case 0x2d:
      return convertToInteger(s, prefix, opcode, modrm, linear);
    case 0x2e:
    case 0x2f:
      return compareScalar(s, prefix, opcode, modrm, linear);
    case 0x50:
      return moveSignMask(s, prefix, modrm);
    case 0x51:
    case 0x58:
    case 0x59:
    case 0x5c:
    case 0x5d:
    case 0x5e:
    case 0x5f:
    case 0xc2:
      return packedFloat(s, prefix, opcode, modrm, linear, imm);
    case 0x52:
    case 0x53:
      return approximate(s, prefix, opcode, modrm, linear);
    case 0x54:
    case 0x55:
    case 0x56:
    case 0x57:
      return packed && bitwise(s, opcode, modrm, linear);
    case 0x5a:
      return convertFloat(s, prefix, modrm, linear);
    case 0x5b:
    case 0xe6:
      return convertDoublewords(s, prefix, opcode, modrm, linear);
    case 0x6e:
    case 0x7e:
      return moveDoubleword(s, prefix, opcode, modrm, linear);
    case 0x6f:
    case 0x7f:
      if (prefix == P_F2) return false;
      if (prefix == P_NONE) return moveMmx(s, opcode, modrm, linear);
      return moveWhole(s, modrm, linear, opcode == 0x7f, prefix == P_F3);
    case 0x70:
    case 0xc6:
      return shuffle(s, prefix, opcode, modrm, linear, imm);
    case 0x71:
    case 0x72:
    case 0x73:
      return shiftImmediate(s, prefix, opcode, modrm, imm);
    case 0x77:
      if (prefix != P_NONE) return false;
      emms(s);
      return true;
    case 0xae:
      return prefix == P_NONE && stateAndFences(s, modrm, linear);
    case 0xc4:
    case 0xc5:
    case 0xd7:
      return wordAndMask(s, prefix, opcode, modrm, linear, imm);
    case 0xd6:
      return moveQuadword(s, prefix, modrm, linear);
    case 0xf7:
      return moveMasked(s, prefix, modrm, linear);
    default:
      return sseOpcode(opcode) && opcode >= 0x60 && packedInteger(s, prefix, opcode, modrm, linear);
  }
}

/** 54 ANDPS, 55 ANDNPS, 56 ORPS, 57 XORPS and their double forms: the same bits. */
function bitwise(s: usize, opcode: u32, modrm: u32, linear: u32): bool {
  const f = fpu(s);
  const d = xmm(f, regField(modrm));
  if (!enterXmm(s) || !loadXmm(s, f, modrm, linear, false)) return true;
  const a = v128.load(d);
  const b = v128.load(f, X_OPERAND);
  if (opcode == 0x54) v128.store(d, v128.and(a, b));
  else if (opcode == 0x55) v128.store(d, v128.andnot(b, a));
  else if (opcode == 0x56) v128.store(d, v128.or(a, b));
  else v128.store(d, v128.xor(a, b));
  return true;
}

/** 0F AE. Fences have nothing to order here; CLFLUSH only checks its address. */
function stateAndFences(s: usize, modrm: u32, linear: u32): bool {
  const operation = regField(modrm);
  if (isRegister(modrm)) return operation >= 5; // LFENCE, MFENCE, SFENCE
  if (operation == 0) fxsave(s, linear);
  else if (operation == 1) fxrstor(s, linear);
  else if (operation == 2) ldmxcsr(s, linear);
  else if (operation == 3) stmxcsr(s, linear);
  else if (operation == 7) probeRead(s, linear, 1);
  else return false;
  return true;
}
