/** Multiplication, division and sign extension. Intel SDM Vol. 2A, "MUL", "IMUL", "DIV", "IDIV", "CBW/CWDE", "CWD/CDQ". */
import { VCPU_EAX, VCPU_EDX } from '../layout';
import { raise, VECTOR_DE } from '../record';
import { flagsShift8, flagsShift16, flagsShift32 } from './lazy';

// SF, ZF, AF and PF are undefined after a multiplication; they follow the low half here.
export function mul8(s: usize, value: u32): void {
  const product = (load<u8>(s + VCPU_EAX) as u32) * value;
  store<u16>(s + VCPU_EAX, product as u16);
  const high = u32(product >>> 8 != 0);
  flagsShift8(s, product, high, high);
}
export function mul16(s: usize, value: u32): void {
  const product = (load<u16>(s + VCPU_EAX) as u32) * value;
  store<u16>(s + VCPU_EAX, product as u16);
  store<u16>(s + VCPU_EDX, (product >>> 16) as u16);
  const high = u32(product >>> 16 != 0);
  flagsShift16(s, product, high, high);
}
export function mul32(s: usize, value: u32): void {
  const product = (load<u32>(s + VCPU_EAX) as u64) * (value as u64);
  store<u32>(s + VCPU_EAX, product as u32);
  store<u32>(s + VCPU_EDX, (product >>> 32) as u32);
  const high = u32(product >>> 32 != 0);
  flagsShift32(s, product as u32, high, high);
}

export function imul8(s: usize, value: u32): void {
  const product = (load<i8>(s + VCPU_EAX) as i32) * (value as i8 as i32);
  store<u16>(s + VCPU_EAX, product as u16);
  const high = u32(product != (product << 24) >> 24);
  flagsShift8(s, product as u32, high, high);
}
export function imul16(s: usize, value: u32): void {
  const product = (load<i16>(s + VCPU_EAX) as i32) * (value as i16 as i32);
  store<u16>(s + VCPU_EAX, product as u16);
  store<u16>(s + VCPU_EDX, (product >>> 16) as u16);
  const high = u32(product != (product << 16) >> 16);
  flagsShift16(s, product as u32, high, high);
}
export function imul32(s: usize, value: u32): void {
  const product = (load<i32>(s + VCPU_EAX) as i64) * (value as i32 as i64);
  store<u32>(s + VCPU_EAX, product as u32);
  store<u32>(s + VCPU_EDX, (product >>> 32) as u32);
  const high = u32(product != (product as i32 as i64));
  flagsShift32(s, product as u32, high, high);
}

/** Does the signed product need more than the operand's width? */
export function imulOverflow16(a: u32, b: u32): u32 {
  const product = (a as i16 as i32) * (b as i16 as i32);
  return u32(product != (product << 16) >> 16);
}
export function imulOverflow32(a: u32, b: u32): u32 {
  const product = (a as i32 as i64) * (b as i32 as i64);
  return u32(product != (product as i32 as i64));
}

// Flags are undefined after a division; they stay.
export function div8(s: usize, divisor: u32): void {
  const dividend = load<u16>(s + VCPU_EAX) as u32;
  if (divisor == 0 || dividend / divisor > 0xff) {
    raise(s, VECTOR_DE);
    return;
  }
  store<u8>(s + VCPU_EAX, (dividend / divisor) as u8);
  store<u8>(s + VCPU_EAX + 1, (dividend % divisor) as u8);
}
export function div16(s: usize, divisor: u32): void {
  const dividend = (load<u16>(s + VCPU_EAX) as u32) | ((load<u16>(s + VCPU_EDX) as u32) << 16);
  if (divisor == 0 || dividend / divisor > 0xffff) {
    raise(s, VECTOR_DE);
    return;
  }
  store<u16>(s + VCPU_EAX, (dividend / divisor) as u16);
  store<u16>(s + VCPU_EDX, (dividend % divisor) as u16);
}
export function div32(s: usize, divisor: u32): void {
  const high = load<u32>(s + VCPU_EDX);
  // The quotient fits exactly when the high half is below the divisor.
  if (high >= divisor) {
    raise(s, VECTOR_DE);
    return;
  }
  const dividend = (load<u32>(s + VCPU_EAX) as u64) | ((high as u64) << 32);
  store<u32>(s + VCPU_EAX, (dividend / (divisor as u64)) as u32);
  store<u32>(s + VCPU_EDX, (dividend % (divisor as u64)) as u32);
}

export function idiv8(s: usize, value: u32): void {
  const dividend = load<i16>(s + VCPU_EAX) as i32;
  const divisor = value as i8 as i32;
  if (divisor == 0 || dividend / divisor != ((dividend / divisor) as i8 as i32)) {
    raise(s, VECTOR_DE);
    return;
  }
  store<u8>(s + VCPU_EAX, (dividend / divisor) as u8);
  store<u8>(s + VCPU_EAX + 1, (dividend % divisor) as u8);
}
export function idiv16(s: usize, value: u32): void {
  const dividend = ((load<u16>(s + VCPU_EAX) as u32) | ((load<u16>(s + VCPU_EDX) as u32) << 16)) as i32;
  const divisor = value as i16 as i32;
  // In 64 bits, because 0x80000000 / −1 traps in WASM.
  if (divisor == 0 || (dividend as i64) / (divisor as i64) != (((dividend as i64) / (divisor as i64)) as i16 as i64)) {
    raise(s, VECTOR_DE);
    return;
  }
  store<u16>(s + VCPU_EAX, (dividend / divisor) as u16);
  store<u16>(s + VCPU_EDX, (dividend % divisor) as u16);
}
export function idiv32(s: usize, value: u32): void {
  const dividend = ((load<u32>(s + VCPU_EAX) as u64) | ((load<u32>(s + VCPU_EDX) as u64) << 32)) as i64;
  const divisor = value as i32 as i64;
  if (
    divisor == 0 ||
    (divisor == -1 && dividend == i64.MIN_VALUE) ||
    dividend / divisor != ((dividend / divisor) as i32 as i64)
  ) {
    raise(s, VECTOR_DE);
    return;
  }
  store<u32>(s + VCPU_EAX, (dividend / divisor) as u32);
  store<u32>(s + VCPU_EDX, (dividend % divisor) as u32);
}

/** CBW (size 2) and CWDE (size 4). */
export function cbw(s: usize, size: u32): void {
  if (size == 2) store<u16>(s + VCPU_EAX, load<i8>(s + VCPU_EAX) as u16);
  else store<u32>(s + VCPU_EAX, load<i16>(s + VCPU_EAX) as u32);
}
/** CWD */
export function cwd(s: usize): void {
  store<u16>(s + VCPU_EDX, (load<i16>(s + VCPU_EAX) < 0 ? 0xffff : 0) as u16);
}
