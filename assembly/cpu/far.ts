/** Far pointers in memory and segment register moves. Intel SDM Vol. 2A, "CALL", "JMP", "LDS/LES/LFS/LGS/LSS", "MOV". */
import { CS, INHIBIT_MOV_SS, SEGMENT_SELECTOR, SS, VCPU_EAX, VCPU_INHIBIT } from '../layout';
import { readU16, readU32 } from '../mmu/access';
import { faulted, raise, VECTOR_UD } from '../record';
import { segment } from './mode';
import { loadSegment } from './segments';
import { farCall, farJump } from './transfer';

export function selector(s: usize, index: u32): u32 {
  if (index > 5) {
    raise(s, VECTOR_UD);
    return 0;
  }
  return load<u32>(segment(s, index), SEGMENT_SELECTOR) & 0xffff;
}

/** MOV Sreg: loading SS inhibits interrupts and debug traps for one instruction. */
export function moveSegment(s: usize, index: u32, value: u32): void {
  if (index > 5 || index == CS) {
    raise(s, VECTOR_UD);
    return;
  }
  loadSegment(s, index, value & 0xffff);
  if (index == SS && !faulted(s)) store<u32>(s + VCPU_INHIBIT, INHIBIT_MOV_SS);
}

export function farJumpIndirect(s: usize, ea: u32, next: u32, size: u32): void {
  const offset = size == 2 ? readU16(s, ea) : readU32(s, ea);
  if (faulted(s)) return;
  const target = readU16(s, ea + size);
  if (!faulted(s)) farJump(s, target, offset, next, size);
}

export function farCallIndirect(s: usize, ea: u32, next: u32, size: u32): void {
  const offset = size == 2 ? readU16(s, ea) : readU32(s, ea);
  if (faulted(s)) return;
  const target = readU16(s, ea + size);
  if (!faulted(s)) farCall(s, target, offset, next, size);
}

/** LDS, LES, LFS, LGS, LSS into register number `gpr`. */
export function loadFar(s: usize, ea: u32, index: u32, gpr: u32, size: u32): void {
  const offset = size == 2 ? readU16(s, ea) : readU32(s, ea);
  if (faulted(s)) return;
  const value = readU16(s, ea + size);
  if (faulted(s)) return;
  loadSegment(s, index, value);
  if (faulted(s)) return;
  const at = s + VCPU_EAX + ((gpr as usize) << 2);
  if (size == 2) store<u16>(at, offset as u16);
  else store<u32>(at, offset);
}
