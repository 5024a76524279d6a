/**
 * MMX and XMM registers, MXCSR, and the checks every SIMD instruction begins with.
 *
 *   MXCSR  15  14 13  12                 7  6   5                  0
 *         ┌───┬──────┬──────────────────┬───┬──────────────────────┐
 *         │FTZ│  RC  │ PM UM OM ZM DM IM│DAZ│ PE UE OE ZE DE IE    │
 *         └───┴──────┴──────────────────┴───┴──────────────────────┘
 */

import { CR0_EM, CR0_TS, CR4_OSFXSR, CR4_OSXMMEXCPT } from '../cpu/control';
import { FPU_MXCSR, FPU_REGISTERS, FPU_TAG, FPU_XMM, VCPU_CR0, VCPU_CR4 } from '../layout';
import { faulted, raise, raiseError, VECTOR_GP, VECTOR_NM, VECTOR_UD, VECTOR_XM } from '../record';
import { FORMAT_FLUSH } from './arithmetic';
import { loadBytes, storeBytes } from './memory';
import {
  EXCEPTIONS,
  fpu,
  noted,
  PRE_EXCEPTIONS,
  setStatusWord,
  statusWord,
  TOP_MASK,
  VALUE_EXPONENT,
  X_FLAGS,
  X_FORMAT,
  X_OPERAND,
  X_ROUNDING,
  X_UNMASKED,
} from './state';
import { pendingException } from './x87';

// Intel SDM Vol. 1, Figure 10-3, "MXCSR Control/Status Register"
export const MXCSR_DAZ: u32 = 1 << 6;
export const MXCSR_FTZ: u32 = 1 << 15;
export const MXCSR_RESET: u32 = 0x1f80;
/** MXCSR_MASK of the FXSAVE image: the bits that may be set. */
export const MXCSR_DEFINED: u32 = 0xffff;

// Mandatory prefixes
export const P_NONE: u32 = 0;
export const P_66: u32 = 0x66;
export const P_F2: u32 = 0xf2;
export const P_F3: u32 = 0xf3;

export function mxcsr(f: usize): u32 {
  return load<u32>(f, FPU_MXCSR);
}
export function simdRounding(f: usize): u32 {
  return (mxcsr(f) >>> 13) & 3;
}
/** The SIMD exceptions that are not masked. */
export function simdUnmasked(f: usize): u32 {
  return ~(mxcsr(f) >>> 7) & EXCEPTIONS;
}

export function xmm(f: usize, n: u32): usize {
  return f + FPU_XMM + ((n as usize) << 4);
}
export function mmx(f: usize, n: u32): usize {
  return f + FPU_REGISTERS + ((n as usize) << 4);
}
export function isRegister(modrm: u32): bool {
  return modrm >= 0xc0;
}
export function regField(modrm: u32): u32 {
  return (modrm >>> 3) & 7;
}

/** Whether an instruction with XMM operands may run: SDM Vol. 3A, Table 2-4, "Action Taken By … SSE". */
export function enterXmm(s: usize): bool {
  const cr0 = load<u32>(s + VCPU_CR0);
  if ((cr0 & CR0_EM) != 0 || !(load<u32>(s + VCPU_CR4) & CR4_OSFXSR)) raise(s, VECTOR_UD);
  else if (cr0 & CR0_TS) raise(s, VECTOR_NM);
  return !faulted(s);
}

/** Whether an instruction with MMX operands may run: SDM Vol. 3A, Table 12-1, "Action Taken By MMX Instructions". */
export function enterMmx(s: usize): bool {
  const cr0 = load<u32>(s + VCPU_CR0);
  if (cr0 & CR0_EM) raise(s, VECTOR_UD);
  else if (cr0 & CR0_TS) raise(s, VECTOR_NM);
  else pendingException(s);
  return !faulted(s);
}

/** The transition from x87 to MMX: TOP = 0, all registers in use. Only after all accesses have succeeded. */
export function touchMmx(f: usize): void {
  setStatusWord(f, statusWord(f) & ~TOP_MASK);
  store<u8>(f, 0xff, FPU_TAG);
}

/** Writes an MMX register; its exponent becomes all ones. */
export function setMmx(f: usize, n: u32, value: u64): void {
  touchMmx(f);
  store<u64>(mmx(f, n), value);
  store<u16>(mmx(f, n), 0xffff, VALUE_EXPONENT);
}

/** Reads the 128-bit operand r/m into scratch; memory must be aligned unless `unaligned`. False: fault recorded. */
export function loadXmm(s: usize, f: usize, modrm: u32, linear: u32, unaligned: bool): bool {
  if (isRegister(modrm)) memory.copy(f + X_OPERAND, xmm(f, modrm & 7), 16);
  else {
    if ((linear & 15) != 0 && !unaligned) {
      raiseError(s, VECTOR_GP, 0);
      return false;
    }
    return loadBytes(s, linear, 16, f + X_OPERAND);
  }
  return true;
}

/** Reads the low `size` ≤ 8 bytes of the operand r/m into scratch and zero-extends them to 128 bits. */
export function loadPart(s: usize, f: usize, modrm: u32, linear: u32, size: u32, register: usize): bool {
  store<u64>(f, 0, X_OPERAND);
  store<u64>(f, 0, X_OPERAND + 8);
  if (!isRegister(modrm)) return loadBytes(s, linear, size, f + X_OPERAND);
  memory.copy(f + X_OPERAND, register, size);
  return true;
}

/** Writes 16 bytes; memory must be aligned unless `unaligned`. */
export function storeXmm(s: usize, linear: u32, from: usize, unaligned: bool): void {
  if ((linear & 15) != 0 && !unaligned) raiseError(s, VECTOR_GP, 0);
  else storeBytes(s, linear, 16, from);
}

/** Begins an operation with results of `format` under MXCSR. */
export function beginSimd(f: usize, format: u32): void {
  const control = mxcsr(f);
  store<u64>(f, 0, X_FLAGS);
  store<u32>(f, simdUnmasked(f), X_UNMASKED);
  store<u32>(f, simdRounding(f), X_ROUNDING);
  store<u32>(f, control & MXCSR_FTZ ? format | FORMAT_FLUSH : format, X_FORMAT);
}

/** Moves the noted exceptions to MXCSR; false: #XM (or #UD without CR4.OSXMMEXCPT) has been raised. */
export function finishSimd(s: usize): bool {
  const f = fpu(s);
  let flags = noted(f) & EXCEPTIONS;
  if (flags == 0) return true;
  // An unmasked IE, DE or ZE in any lane: nothing was computed, so nothing overflowed or was inexact.
  if (flags & simdUnmasked(f) & PRE_EXCEPTIONS) flags &= PRE_EXCEPTIONS;
  store<u32>(f, mxcsr(f) | flags, FPU_MXCSR);
  if (!(flags & simdUnmasked(f))) return true;
  raise(s, load<u32>(s + VCPU_CR4) & CR4_OSXMMEXCPT ? VECTOR_XM : VECTOR_UD);
  return false;
}
