/**
 * The block mode key: what decoded code depends on besides its bytes. Blocks are found by (machine address, mode).
 *
 *   bit 0  CS.D          default operand and address size is 32 bits
 *   bit 1  SS.B          stack pointer is ESP, not SP
 *   bit 2  flat data     DS, ES and SS are writable, based at 0 with limit 4 GiB: no address µop is needed
 *   bit 3  flat code     CS is based at 0 with limit 4 GiB
 */
import {
  CS,
  DS,
  ES,
  SEGMENT_ACCESS,
  SEGMENT_BASE,
  SEGMENT_LIMIT,
  SEGMENT_SIZE,
  SLOW_BANK,
  SS,
  TLB_BANK_SIZE,
  VCPU_CPL,
  VCPU_DEBUG,
  VCPU_FETCH_PAGE,
  VCPU_FETCH_USER,
  VCPU_MODE,
  VCPU_SEGMENTS,
  VCPU_TLB,
  VCPU_TLB_BANK,
} from '../layout';
import { alignmentChecked } from '../mmu/access';
import { DEBUG_DATA } from './debug';

export const MODE_CODE32: u32 = 1;
export const MODE_STACK32: u32 = 2;
export const MODE_FLAT_DATA: u32 = 4;
export const MODE_FLAT_CODE: u32 = 8;

// Access rights, SDM Vol. 3C, Table 25-2, "Format of Access Rights"
export const ACCESS_TYPE: u32 = 15;
export const ACCESS_ACCESSED: u32 = 1;
export const ACCESS_WRITABLE: u32 = 2; //  data: writable; code: readable
export const ACCESS_EXPAND_DOWN: u32 = 4; // data: expand down; code: conforming
export const ACCESS_CODE: u32 = 8;
export const ACCESS_S: u32 = 1 << 4; //   code or data, not system
export const ACCESS_DPL_SHIFT: u32 = 5;
export const ACCESS_PRESENT: u32 = 1 << 7;
export const ACCESS_DB: u32 = 1 << 14; //  D/B
export const ACCESS_G: u32 = 1 << 15;
export const ACCESS_UNUSABLE: u32 = 1 << 16;

export function segment(s: usize, index: u32): usize {
  return s + VCPU_SEGMENTS + (index as usize) * SEGMENT_SIZE;
}

/** 0 for present, usable, writable expand-up data based at 0 with limit 4 GiB. */
function notFlat(p: usize): u32 {
  const mask = ACCESS_UNUSABLE | ACCESS_PRESENT | ACCESS_S | ACCESS_CODE | ACCESS_EXPAND_DOWN | ACCESS_WRITABLE;
  const wanted = ACCESS_PRESENT | ACCESS_S | ACCESS_WRITABLE;
  return load<u32>(p, SEGMENT_BASE) | ~load<u32>(p, SEGMENT_LIMIT) | ((load<u32>(p, SEGMENT_ACCESS) & mask) ^ wanted);
}

/**
 * Recomputes the mode key and the L1 bank. To be called after every change of a segment register, CPL, CR0.PE, CR0.AM,
 * EFLAGS.AC or VCPU_DEBUG.
 * The fetch register is dropped only where CS or the CPL changed: see `changeCode`.
 */
export function updateMode(s: usize): void {
  const cs = segment(s, CS);
  const code32 = (load<u32>(cs, SEGMENT_ACCESS) & ACCESS_DB) != 0;
  const flatCode = load<u32>(cs, SEGMENT_BASE) == 0 && load<u32>(cs, SEGMENT_LIMIT) == 0xffffffff;
  const stack32 = (load<u32>(segment(s, SS), SEGMENT_ACCESS) & ACCESS_DB) != 0;
  const flat = (notFlat(segment(s, DS)) | notFlat(segment(s, ES)) | notFlat(segment(s, SS))) == 0;
  store<u32>(
    s + VCPU_MODE,
    (code32 ? MODE_CODE32 : 0) |
      (stack32 ? MODE_STACK32 : 0) |
      (flat ? MODE_FLAT_DATA : 0) |
      (flatCode ? MODE_FLAT_CODE : 0),
  );
  const user = load<u32>(s + VCPU_CPL) == 3;
  // The fast path checks neither alignment nor breakpoints: while either is to be checked, nothing hits.
  const slow = alignmentChecked(s) || (load<u32>(s + VCPU_DEBUG) & DEBUG_DATA) != 0;
  const bank = s + VCPU_TLB + (user ? TLB_BANK_SIZE : 0);
  store<usize>(s + VCPU_TLB_BANK, slow ? SLOW_BANK : bank);
}

/**
 * To be called after CS or the CPL changed. The fetch register holds a linear page and the right to execute it, so it stays
 * unless the CPL went to or from 3.
 */
export function changeCode(s: usize): void {
  if (load<u32>(s + VCPU_FETCH_USER) != u32(load<u32>(s + VCPU_CPL) == 3)) store<u32>(s + VCPU_FETCH_PAGE, 1);
  updateMode(s);
}
