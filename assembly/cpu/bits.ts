/** Bit strings and scans, CMPXCHG8B, XLAT, BOUND. Intel SDM Vol. 2A–2D under the instructions' names. */
import { VCPU_EAX, VCPU_EBX, VCPU_ECX, VCPU_EDX } from '../layout';
import { probeWrite, readU8, readU16, readU32, writeU16, writeU32 } from '../mmu/access';
import { faulted, raise, VECTOR_BR } from '../record';
import { FLAG_ZF, getArithmetic, setArithmetic } from './flags';
import { flagsCarry } from './lazy';

/** BT, BTS, BTR, BTC (kind 0 … 3) on memory with the bit offset in a register: the offset is signed and moves the operand. */
export function bitString(s: usize, kind: u32, ea: u32, offset: u32, size: u32): void {
  const index = size == 2 ? ((offset as i16 as i32) >> 4) * 2 : ((offset as i32) >> 5) * 4;
  const address = ea + (index as u32);
  const bit: u32 = 1 << (offset & (size * 8 - 1));
  if (kind) {
    probeWrite(s, address, size);
    if (faulted(s)) return;
  }
  const old = size == 2 ? readU16(s, address) : readU32(s, address);
  if (faulted(s)) return;
  const value = kind == 1 ? old | bit : kind == 2 ? old & ~bit : old ^ bit;
  if (kind) {
    if (size == 2) writeU16(s, address, value);
    else writeU32(s, address, value);
  }
  flagsCarry(s, u32((old & bit) != 0));
}

/** ZF tells an empty source, whose destination stays (as AMD documents and Intel's processors do). Other flags stay. */
function scanned(s: usize, empty: bool): void {
  setArithmetic(s, (getArithmetic(s) & ~FLAG_ZF) | (empty ? FLAG_ZF : 0));
}
export function bsf32(s: usize, old: u32, value: u32): u32 {
  scanned(s, value == 0);
  return value ? ctz<u32>(value) : old;
}
export function bsf16(s: usize, old: u32, value: u32): u32 {
  return bsf32(s, old, value);
}
export function bsr32(s: usize, old: u32, value: u32): u32 {
  scanned(s, value == 0);
  return value ? 31 - clz<u32>(value) : old;
}
export function bsr16(s: usize, old: u32, value: u32): u32 {
  return bsr32(s, old, value);
}

export function cmpxchg8b(s: usize, ea: u32): void {
  probeWrite(s, ea, 8);
  if (faulted(s)) return;
  const low = readU32(s, ea);
  const high = readU32(s, ea + 4);
  const equal = low == load<u32>(s + VCPU_EAX) && high == load<u32>(s + VCPU_EDX);
  // The destination is written either way, as the bus cycle is.
  writeU32(s, ea, equal ? load<u32>(s + VCPU_EBX) : low);
  writeU32(s, ea + 4, equal ? load<u32>(s + VCPU_ECX) : high);
  if (!equal) {
    store<u32>(s + VCPU_EAX, low);
    store<u32>(s + VCPU_EDX, high);
  }
  setArithmetic(s, (getArithmetic(s) & ~FLAG_ZF) | (equal ? FLAG_ZF : 0));
}

export function xlat(s: usize, ea: u32): void {
  const value = readU8(s, ea);
  if (!faulted(s)) store<u8>(s + VCPU_EAX, value as u8);
}

/** The lower bound decides before the upper one is read, as on Intel's processors: the manual leaves the order open. */
export function bound(s: usize, ea: u32, index: u32, size: u32): void {
  const value = size == 2 ? (index as i16 as i32) : (index as i32);
  const low = size == 2 ? (readU16(s, ea) as i16 as i32) : (readU32(s, ea) as i32);
  if (faulted(s)) return;
  if (value < low) return raise(s, VECTOR_BR);
  const high = size == 2 ? (readU16(s, ea + 2) as i16 as i32) : (readU32(s, ea + 4) as i32);
  if (!faulted(s) && value > high) raise(s, VECTOR_BR);
}
