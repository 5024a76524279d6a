/**
 * Several words of guest memory at once, where the TLB's fast part already grants the access: the same compare as in
 * the interpreter's hot path, with as little to count. Elsewhere the result is 0, and the caller takes the accessors.
 *
 *   tag[(linear >>> 8) & mask] == (linear + size − 1) & ~0xFFF   →   host = linear + addend
 */
import { PAGE_MASK, TLB_ADDEND, TLB_INDEX_MASK, TLB_TAG_R, TLB_TAG_W, VCPU_TLB, VCPU_TLB_BANK } from '../layout';

/** The bank for implicit supervisor accesses. */
export function systemBank(s: usize): usize {
  return s + VCPU_TLB;
}

/** The bank for accesses at the current CPL; nothing hits in it while alignment is checked. */
export function currentBank(s: usize): usize {
  return load<usize>(s + VCPU_TLB_BANK);
}

export function directRead(bank: usize, linear: u32, size: u32): usize {
  const entry = bank + ((linear >>> 8) & TLB_INDEX_MASK);
  if (load<u32>(entry, TLB_TAG_R) != ((linear + size - 1) & PAGE_MASK)) return 0;
  return (linear + load<u32>(entry, TLB_ADDEND)) as usize;
}

export function directWrite(bank: usize, linear: u32, size: u32): usize {
  const entry = bank + ((linear >>> 8) & TLB_INDEX_MASK);
  if (load<u32>(entry, TLB_TAG_W) != ((linear + size - 1) & PAGE_MASK)) return 0;
  return (linear + load<u32>(entry, TLB_ADDEND)) as usize;
}
