/**
 * The x87 state at s + VCPU_FPU (called `f` here) and the scratch words behind it.
 *
 *   status word  15  14  13 11 10  9  8  7  6  5  4  3  2  1  0
 *               ┌──┬───┬──────┬──┬──┬──┬──┬──┬──┬──┬──┬──┬──┬──┐
 *               │B │C3 │ TOP  │C2│C1│C0│ES│SF│PE│UE│OE│ZE│DE│IE│
 *               └──┴───┴──────┴──┴──┴──┴──┴──┴──┴──┴──┴──┴──┴──┘
 */
import { FPU_CONTROL, FPU_REGISTERS, FPU_SCRATCH, FPU_STATUS, FPU_TAG, VCPU_FPU } from '../layout';

// Intel SDM Vol. 1, Figure 8-4, "x87 FPU Status Word"; IE … PE have the same places in MXCSR
export const IE: u32 = 1 << 0; //  invalid operation
export const DE: u32 = 1 << 1; //  denormalised operand
export const ZE: u32 = 1 << 2; //  zero divide
export const OE: u32 = 1 << 3; //  overflow
export const UE: u32 = 1 << 4; //  underflow
export const PE: u32 = 1 << 5; //  precision
export const SF: u32 = 1 << 6; //  stack fault
export const ES: u32 = 1 << 7; //  exception summary
export const C0: u32 = 1 << 8;
export const C1: u32 = 1 << 9; //  rounded up; with IE and SF: overflow, not underflow, of the stack
export const C2: u32 = 1 << 10;
export const C3: u32 = 1 << 14;
export const BUSY: u32 = 1 << 15;
export const TOP_SHIFT: u32 = 11;
export const TOP_MASK: u32 = 7 << 11;
export const EXCEPTIONS: u32 = 0x3f;
/** Raised before the operation: unmasked, they leave the operands as they were. */
export const PRE_EXCEPTIONS: u32 = IE | DE | ZE;

// Intel SDM Vol. 1, Figure 8-6, "x87 FPU Control Word"
export const CW_INIT: u32 = 0x037f;
export const CW_RESERVED_ONE: u32 = 0x40;
export const CW_DEFINED: u32 = 0x1f7f;

// Rounding control, SDM Vol. 1, Table 4-8, "Rounding Modes and Encoding of Rounding Control (RC) Field"
export const ROUND_NEAREST: u32 = 0;
export const ROUND_DOWN: u32 = 1;
export const ROUND_UP: u32 = 2;
export const ROUND_ZERO: u32 = 3;

// Scratch: never architectural, never read by a later instruction.
export const X_FLAGS: usize = FPU_SCRATCH; //            u32 exceptions (and C1, SF) raised by this instruction
export const X_DENORMAL: usize = FPU_SCRATCH + 4; //     u32 1: the operand came from a denormal in memory
/** The environment of the operation: set by `begin` from the control word, by `beginSimd` from MXCSR. */
export const X_UNMASKED: usize = FPU_SCRATCH + 8; //    u32 exceptions that are not masked
export const X_ROUNDING: usize = FPU_SCRATCH + 12; //   u32 ROUND_*
export const X_R: usize = FPU_SCRATCH + 16; //           result: significand u64, sign and exponent u16
export const X_W: usize = FPU_SCRATCH + 32; //           unrounded: high u64, low u64, exponent i32, sign u32
export const X_A: usize = FPU_SCRATCH + 64; //           unpacked operand: significand u64, exponent i32, sign u32
export const X_B: usize = FPU_SCRATCH + 80; //           likewise
export const X_OPERAND: usize = FPU_SCRATCH + 96; //     16 bytes: operand from memory, widened
export const X_BYTES: usize = FPU_SCRATCH + 112; //      16 bytes: memory image of an operand
export const X_WIDE: usize = FPU_SCRATCH + 128; //       5 × 16 bytes of 128-bit values
export const X_FORMAT: usize = FPU_SCRATCH + 208; //     u32 24, 53, 64: precision of an extended result; or FORMAT_*
export const VALUE_EXPONENT: usize = 8; // within a packed value: u16; unpacked: i32
export const VALUE_SIGN: usize = 12; //    unpacked: u32
export const W_LOW: usize = 8;
export const W_EXPONENT: usize = 16;
export const W_SIGN: usize = 20;

export function fpu(s: usize): usize {
  return s + VCPU_FPU;
}

export function statusWord(f: usize): u32 {
  return load<u16>(f, FPU_STATUS);
}
export function setStatusWord(f: usize, value: u32): void {
  store<u16>(f, value, FPU_STATUS);
}
export function controlWord(f: usize): u32 {
  return load<u16>(f, FPU_CONTROL);
}
/** Sets the control word; ES follows the new masks. */
export function setControlWord(f: usize, value: u32): void {
  store<u16>(f, (value & CW_DEFINED) | CW_RESERVED_ONE, FPU_CONTROL);
  updateSummary(f);
}

/** ES and B: an exception is pending and unmasked. */
export function updateSummary(f: usize): void {
  const status = statusWord(f);
  const pending = (status & ~controlWord(f) & EXCEPTIONS) != 0;
  setStatusWord(f, pending ? status | ES | BUSY : status & ~(ES | BUSY));
}

/** Of the running operation: rounding control, and the exceptions that are not masked. */
export function roundingControl(f: usize): u32 {
  return load<u32>(f, X_ROUNDING);
}
export function unmasked(f: usize): u32 {
  return load<u32>(f, X_UNMASKED);
}

/** Number of the physical register that ST(i) names. */
export function physical(f: usize, i: u32): u32 {
  return ((statusWord(f) >>> TOP_SHIFT) + i) & 7;
}
/** Address of ST(i). */
export function stack(f: usize, i: u32): usize {
  return f + FPU_REGISTERS + ((physical(f, i) as usize) << 4);
}
export function isEmpty(f: usize, i: u32): bool {
  return (((load<u8>(f, FPU_TAG) as u32) >>> physical(f, i)) & 1) == 0;
}
export function markFull(f: usize, i: u32): void {
  store<u8>(f, (load<u8>(f, FPU_TAG) as u32) | (1 << physical(f, i)), FPU_TAG);
}
export function markEmpty(f: usize, i: u32): void {
  store<u8>(f, (load<u8>(f, FPU_TAG) as u32) & ~(1 << physical(f, i)), FPU_TAG);
}
/** Moves TOP by `delta` without touching tags. */
export function rotate(f: usize, delta: u32): void {
  const status = statusWord(f);
  setStatusWord(f, (status & ~TOP_MASK) | ((status + (delta << TOP_SHIFT)) & TOP_MASK));
}
export function pop(f: usize): void {
  markEmpty(f, 0);
  rotate(f, 1);
}

/** Notes exceptions of the running instruction; they reach the status word in `finish`. */
export function note(f: usize, flags: u32): void {
  store<u32>(f, load<u32>(f, X_FLAGS) | flags, X_FLAGS);
}
export function noted(f: usize): u32 {
  return load<u32>(f, X_FLAGS);
}
/** Notes IE. */
export function invalid(f: usize): void {
  note(f, IE);
}
/** Whether an unmasked IE, DE or ZE forbids the operation. */
export function blocked(f: usize): bool {
  return (noted(f) & unmasked(f) & PRE_EXCEPTIONS) != 0;
}
/** Begins an x87 instruction that may raise exceptions. */
export function begin(f: usize): void {
  const control = controlWord(f);
  const pc = (control >>> 8) & 3;
  store<u64>(f, 0, X_FLAGS);
  store<u32>(f, ~control & EXCEPTIONS, X_UNMASKED);
  store<u32>(f, (control >>> 10) & 3, X_ROUNDING);
  store<u32>(f, pc == 0 ? 24 : pc == 2 ? 53 : 64, X_FORMAT);
}
/** Moves the noted exceptions into the status word, C1 included; returns false when the result must not be stored. */
export function finish(f: usize): bool {
  setStatusWord(f, (statusWord(f) & ~C1) | noted(f));
  updateSummary(f);
  return !blocked(f);
}
