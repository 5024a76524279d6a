/**
 * FXSAVE, FXRSTOR, LDMXCSR, STMXCSR, EMMS and reset.
 *
 * The image is the vCPU's FPU block but for the x87 registers, which it holds in stack order (SDM Vol. 1, Table 10-2).
 */

import { CR0_EM, CR0_TS } from '../cpu/control';
import { FPU_CONTROL, FPU_MXCSR, FPU_REGISTERS, FPU_TAG, FPU_XMM, VCPU_CR0, VCPU_FPU_SIZE } from '../layout';
import { probeRead, probeWrite } from '../mmu/access';
import { faulted, raise, raiseError, VECTOR_GP, VECTOR_NM } from '../record';
import { initialize } from './environment';
import { copy } from './float80';
import { loadBytes, storeBytes } from './memory';
import { enterMmx, enterXmm, MXCSR_DEFINED, MXCSR_RESET, touchMmx } from './sse-state';
import { CW_RESERVED_ONE, fpu, physical, setControlWord, stack, X_BYTES, X_R } from './state';

const IMAGE: usize = X_R; // header and x87 registers of an image, 160 bytes of scratch
const HEADER: u32 = 32;
const IMAGE_MASK: usize = 28;

/** #NM, then #GP for an operand that is not aligned to 16 bytes. */
function enter(s: usize, linear: u32): bool {
  if (load<u32>(s + VCPU_CR0) & (CR0_EM | CR0_TS)) raise(s, VECTOR_NM);
  else if (linear & 15) raiseError(s, VECTOR_GP, 0);
  return !faulted(s);
}

/** Bytes 288 … 511 of the image are reserved and left alone, as CPUs do. */
export function fxsave(s: usize, linear: u32): void {
  if (!enter(s, linear)) return;
  probeWrite(s, linear, VCPU_FPU_SIZE as u32);
  if (faulted(s)) return;
  const f = fpu(s);
  const image = f + IMAGE;
  memory.copy(image, f, HEADER);
  store<u32>(image, MXCSR_DEFINED, IMAGE_MASK);
  memory.fill(image + HEADER, 0, 128);
  for (let i: u32 = 0; i < 8; i++) copy(image + HEADER + (i << 4), stack(f, i));
  storeBytes(s, linear, HEADER + 128, image);
  storeBytes(s, linear + HEADER + 128, 128, f + FPU_XMM);
}

/** #GP when the image sets a reserved bit of MXCSR; then nothing is loaded. */
export function fxrstor(s: usize, linear: u32): void {
  if (!enter(s, linear)) return;
  probeRead(s, linear, VCPU_FPU_SIZE as u32);
  if (faulted(s)) return;
  const f = fpu(s);
  const image = f + IMAGE;
  if (!loadBytes(s, linear, HEADER + 128, image)) return;
  if (load<u32>(image, FPU_MXCSR) & ~MXCSR_DEFINED) {
    raiseError(s, VECTOR_GP, 0);
    return;
  }
  if (!loadBytes(s, linear + HEADER + 128, 128, f + FPU_XMM)) return;
  memory.copy(f, image, IMAGE_MASK);
  store<u8>(f, 0, FPU_TAG + 1);
  setControlWord(f, load<u16>(f, FPU_CONTROL));
  for (let i: u32 = 0; i < 8; i++) copy(f + FPU_REGISTERS + (physical(f, i) << 4), image + HEADER + (i << 4));
}

export function ldmxcsr(s: usize, linear: u32): void {
  const f = fpu(s);
  if (!enterXmm(s) || !loadBytes(s, linear, 4, f + X_BYTES)) return;
  const value = load<u32>(f, X_BYTES);
  if (value & ~MXCSR_DEFINED) raiseError(s, VECTOR_GP, 0);
  else store<u32>(f, value, FPU_MXCSR);
}

export function stmxcsr(s: usize, linear: u32): void {
  if (enterXmm(s)) storeBytes(s, linear, 4, fpu(s) + FPU_MXCSR);
}

export function emms(s: usize): void {
  if (!enterMmx(s)) return;
  touchMmx(fpu(s)); // TOP = 0
  store<u8>(fpu(s), 0, FPU_TAG);
}

/** Power-up and RESET state, SDM Vol. 3A, Table 9-1: registers +0, control word 40H, all tags "zero"; MXCSR 1F80H. */
export function fpuReset(s: usize): void {
  const f = fpu(s);
  memory.fill(f, 0, VCPU_FPU_SIZE);
  initialize(f);
  store<u16>(f, CW_RESERVED_ONE, FPU_CONTROL);
  store<u8>(f, 0xff, FPU_TAG);
  store<u32>(f, MXCSR_RESET, FPU_MXCSR);
}
