/** Near transfers outside the hot paths: any code segment, any operand size, with the limit check of CS. */
import { CS, SEGMENT_LIMIT, VCPU_ECX, VCPU_EIP, VCPU_EIP_PAGE } from '../layout';
import { faulted, raise, raiseError, VECTOR_GP, VECTOR_UD } from '../record';
import { segment } from './mode';
import { BLOCK_EXCHANGED, BLOCK_TARGET0, BLOCK_TARGET1, STATUS_FAULT, STATUS_TRANSFER } from './uops';

/** `target` as a near transfer with this operand size loads it; #GP(0) beyond the limit of CS. */
export function nearTarget(s: usize, target: u32, size: u32): u32 {
  const eip = size == 2 ? target & 0xffff : target;
  if (eip > load<u32>(segment(s, CS), SEGMENT_LIMIT)) raiseError(s, VECTOR_GP, 0);
  return eip;
}

/** Goes to target 0 (`first`) or 1 of the block. */
export function transferNear(s: usize, blk: usize, first: bool, size: u32): u32 {
  const offset = load<u32>(blk + (first ? BLOCK_TARGET0 : BLOCK_TARGET1));
  const eip = load<u32>(s + VCPU_EIP_PAGE) + offset;
  // Only a branch taken is truncated; running on past 64 KiB is a limit violation of the next fetch.
  const taken = first != (load<u32>(blk + BLOCK_EXCHANGED) != 0);
  const target = taken ? nearTarget(s, eip, size) : eip;
  if (faulted(s)) return STATUS_FAULT;
  store<u32>(s + VCPU_EIP, target);
  return STATUS_TRANSFER;
}

/** LOOP: decrements CX or ECX and tells whether it is not zero. */
export function countDown(s: usize, addressSize: u32): u32 {
  if (addressSize == 2) {
    const count = (load<u16>(s + VCPU_ECX) - 1) & 0xffff;
    store<u16>(s + VCPU_ECX, count as u16);
    return u32(count != 0);
  }
  const count = load<u32>(s + VCPU_ECX) - 1;
  store<u32>(s + VCPU_ECX, count);
  return u32(count != 0);
}

/** JCXZ, JECXZ */
export function countZero(s: usize, addressSize: u32): u32 {
  return u32((addressSize == 2 ? (load<u16>(s + VCPU_ECX) as u32) : load<u32>(s + VCPU_ECX)) == 0);
}

/** UD0, UD1 and UD2 */
export function invalidOpcode(s: usize): void {
  raise(s, VECTOR_UD);
}
