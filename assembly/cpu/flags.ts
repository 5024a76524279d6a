/**
 * Lazy arithmetic flags: two words, no operation code, so reading a flag never dispatches.
 *
 *   RESULT  the result, sign-extended to 32 bits          ZF = (RESULT == 0)
 *   AUX     31   30        3    8   0
 *          ┌────┬─────────┬────┬───┬───┐
 *          │ CF │ CF ^ OF │ AF │ P │ S │   SF = RESULT[31] ^ S     PF = even parity(RESULT[7:0]) ^ P
 *          └────┴─────────┴────┴───┴───┘
 *
 * Adders leave their carry vector here: its bits 31, 30 and 3 are just CF, the carry into the sign bit and AF.
 * S and P exist only so that POPF and SAHF can express combinations that no result has.
 */
import { VCPU_EFLAGS, VCPU_FLAG_AUX, VCPU_FLAG_RESULT } from '../layout';

// Intel SDM Vol. 1, Figure 3-8, "EFLAGS Register"
export const FLAG_CF: u32 = 1 << 0;
export const FLAG_ONE: u32 = 1 << 1; //   reads as 1
export const FLAG_PF: u32 = 1 << 2;
export const FLAG_AF: u32 = 1 << 4;
export const FLAG_ZF: u32 = 1 << 6;
export const FLAG_SF: u32 = 1 << 7;
export const FLAG_TF: u32 = 1 << 8;
export const FLAG_IF: u32 = 1 << 9;
export const FLAG_DF: u32 = 1 << 10;
export const FLAG_OF: u32 = 1 << 11;
export const FLAG_IOPL: u32 = 3 << 12;
export const FLAG_NT: u32 = 1 << 14;
export const FLAG_RF: u32 = 1 << 16;
export const FLAG_VM: u32 = 1 << 17;
export const FLAG_AC: u32 = 1 << 18;
export const FLAG_VIF: u32 = 1 << 19;
export const FLAG_VIP: u32 = 1 << 20;
export const FLAG_ID: u32 = 1 << 21;
export const FLAGS_ARITHMETIC: u32 = FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF;
export const FLAGS_DEFINED: u32 = 0x003f7fd5;

export const AUX_CF: u32 = 1 << 31;
export const AUX_PO: u32 = 1 << 30; // CF ^ OF
export const AUX_AF: u32 = 1 << 3;
export const AUX_CARRIES: u32 = AUX_CF | AUX_PO | AUX_AF;

export function flagC(s: usize): u32 {
  return load<u32>(s + VCPU_FLAG_AUX) >>> 31;
}
export function flagZ(s: usize): u32 {
  return u32(load<u32>(s + VCPU_FLAG_RESULT) == 0);
}
export function flagS(s: usize): u32 {
  return (load<u32>(s + VCPU_FLAG_RESULT) >>> 31) ^ (load<u32>(s + VCPU_FLAG_AUX) & 1);
}
export function flagO(s: usize): u32 {
  const aux = load<u32>(s + VCPU_FLAG_AUX);
  return ((aux >>> 31) ^ (aux >>> 30)) & 1;
}
export function flagP(s: usize): u32 {
  const parity = popcnt<u32>(load<u32>(s + VCPU_FLAG_RESULT) & 0xff) ^ (load<u32>(s + VCPU_FLAG_AUX) >>> 8);
  return ~parity & 1;
}
export function flagA(s: usize): u32 {
  return (load<u32>(s + VCPU_FLAG_AUX) >>> 3) & 1;
}

/** The whole EFLAGS register. */
export function getEflags(s: usize): u32 {
  return load<u32>(s + VCPU_EFLAGS) | FLAG_ONE | getArithmetic(s);
}

/** CF PF AF ZF SF OF at their places in EFLAGS. */
export function getArithmetic(s: usize): u32 {
  return flagC(s) | (flagP(s) << 2) | (flagA(s) << 4) | (flagZ(s) << 6) | (flagS(s) << 7) | (flagO(s) << 11);
}

/** Sets CF PF AF ZF SF OF from their places in EFLAGS, in any combination. */
export function setArithmetic(s: usize, flags: u32): void {
  const zero = (flags >>> 6) & 1;
  const carry = flags & 1;
  const overflow = (flags >>> 11) & 1;
  // RESULT is 0 (ZF) or 1, so its sign bit is 0 and its low byte's parity is even (0) or odd (1).
  const result: u32 = 1 - zero;
  const parity = ((flags >>> 2) & 1) ^ 1 ^ result; // wanted PF against the one RESULT gives
  store<u32>(s + VCPU_FLAG_RESULT, result);
  store<u32>(
    s + VCPU_FLAG_AUX,
    (carry << 31) | ((carry ^ overflow) << 30) | (((flags >>> 4) & 1) << 3) | (parity << 8) | ((flags >>> 7) & 1),
  );
}

/** Sets the whole EFLAGS register; reserved bits are dropped. No privilege check: callers mask first. */
export function setEflags(s: usize, flags: u32): void {
  store<u32>(s + VCPU_EFLAGS, flags & FLAGS_DEFINED & ~FLAGS_ARITHMETIC);
  setArithmetic(s, flags);
}
