/** Decimal adjustment and the moves between AH and the flags. Intel SDM Vol. 2A, "AAA" … "DAS", "LAHF", "SAHF". */
import { VCPU_EAX, VCPU_EFLAGS } from '../layout';
import { raise, VECTOR_DE } from '../record';
import { FLAG_AF, FLAG_CF, FLAG_DF, FLAG_OF, FLAG_PF, FLAG_SF, FLAG_ZF, getArithmetic, setArithmetic } from './flags';
import { flagsLogic8 } from './lazy';

/** SF, ZF and PF from a byte, with CF and AF given; OF is undefined and cleared. */
function adjusted(s: usize, value: u32, carryFlags: u32): void {
  flagsLogic8(s, value);
  setArithmetic(s, (getArithmetic(s) & (FLAG_SF | FLAG_ZF | FLAG_PF)) | carryFlags);
}

function packed(s: usize, sign: i32): void {
  const old = load<u8>(s + VCPU_EAX) as i32;
  const flags = getArithmetic(s);
  let value = old;
  let result: u32 = 0;
  if ((old & 15) > 9 || flags & FLAG_AF) {
    value += 6 * sign;
    result = FLAG_AF;
    // DAS: a borrow of the low digit beyond the byte is CF.
    if (sign < 0 && value < 0) result |= FLAG_CF;
  }
  if (old > 0x99 || flags & FLAG_CF) {
    value += 0x60 * sign;
    result |= FLAG_CF;
  }
  store<u8>(s + VCPU_EAX, value as u8);
  adjusted(s, value as u32, result);
}
export function daa(s: usize): void {
  packed(s, 1);
}
export function das(s: usize): void {
  packed(s, -1);
}

function unpacked(s: usize, sign: i32): void {
  let result: u32 = 0;
  if ((load<u8>(s + VCPU_EAX) & 15) > 9 || getArithmetic(s) & FLAG_AF) {
    store<u16>(s + VCPU_EAX, ((load<u16>(s + VCPU_EAX) as i32) + 0x106 * sign) as u16);
    result = FLAG_AF | FLAG_CF;
  }
  const value = load<u8>(s + VCPU_EAX) & 15;
  store<u8>(s + VCPU_EAX, value);
  adjusted(s, value, result);
}
export function aaa(s: usize): void {
  unpacked(s, 1);
}
export function aas(s: usize): void {
  unpacked(s, -1);
}

export function aam(s: usize, base: u32): void {
  const divisor = base & 0xff;
  if (divisor == 0) {
    raise(s, VECTOR_DE);
    return;
  }
  const value = load<u8>(s + VCPU_EAX) as u32;
  store<u8>(s + VCPU_EAX + 1, (value / divisor) as u8);
  store<u8>(s + VCPU_EAX, (value % divisor) as u8);
  adjusted(s, value % divisor, 0);
}
export function aad(s: usize, base: u32): void {
  const value = (load<u8>(s + VCPU_EAX) as u32) + (load<u8>(s + VCPU_EAX + 1) as u32) * (base & 0xff);
  store<u16>(s + VCPU_EAX, (value & 0xff) as u16);
  adjusted(s, value & 0xff, 0);
}

export function sahf(s: usize): void {
  setArithmetic(s, (getArithmetic(s) & FLAG_OF) | ((load<u8>(s + VCPU_EAX + 1) as u32) & ~FLAG_OF));
}
export function lahf(s: usize): void {
  store<u8>(s + VCPU_EAX + 1, (getArithmetic(s) | 2) as u8);
}
export function setDirection(s: usize, down: u32): void {
  const rest = load<u32>(s + VCPU_EFLAGS) & ~FLAG_DF;
  store<u32>(s + VCPU_EFLAGS, down ? rest | FLAG_DF : rest);
}
