/** SYSENTER and SYSEXIT. Intel SDM Vol. 2, "SYSENTER—Fast System Call", "SYSEXIT—Fast Return from Fast System Call". */
import {
  CS,
  SEGMENT_ACCESS,
  SEGMENT_BASE,
  SEGMENT_LIMIT,
  SEGMENT_SELECTOR,
  SS,
  VCPU_CPL,
  VCPU_ECX,
  VCPU_EDX,
  VCPU_EFLAGS,
  VCPU_EIP,
  VCPU_ESP,
  VCPU_SYSENTER_CS,
  VCPU_SYSENTER_EIP,
  VCPU_SYSENTER_ESP,
} from '../layout';
import { raiseError, VECTOR_GP } from '../record';
import { isNull } from './descriptor';
import { FLAG_IF, FLAG_RF, FLAG_VM } from './flags';
import { ACCESS_DPL_SHIFT, changeCode, segment } from './mode';
import { isReal } from './segments';

const ACCESS_FLAT_CODE: u32 = 0xc09b; // G, D, present, execute/read, accessed
const ACCESS_FLAT_DATA: u32 = 0xc093; // G, B, present, read/write, accessed

/** Loads a flat segment of level `dpl` without looking at any descriptor. */
function setFlat(s: usize, index: u32, selector: u32, access: u32, dpl: u32): void {
  const p = segment(s, index);
  store<u32>(p, (selector & 0xfffc) | dpl, SEGMENT_SELECTOR);
  store<u32>(p, 0, SEGMENT_BASE);
  store<u32>(p, 0xffffffff, SEGMENT_LIMIT);
  store<u32>(p, access | (dpl << ACCESS_DPL_SHIFT), SEGMENT_ACCESS);
}

function enterLevel(s: usize, selector: u32, level: u32, esp: u32, eip: u32): void {
  setFlat(s, CS, selector, ACCESS_FLAT_CODE, level);
  setFlat(s, SS, selector + 8, ACCESS_FLAT_DATA, level);
  store<u32>(s + VCPU_ESP, esp);
  store<u32>(s + VCPU_EIP, eip);
  store<u32>(s + VCPU_CPL, level);
  changeCode(s);
}

export function sysenter(s: usize): void {
  const selector = load<u32>(s + VCPU_SYSENTER_CS);
  if (isReal(s) || isNull(selector)) return raiseError(s, VECTOR_GP, 0);
  store<u32>(s + VCPU_EFLAGS, load<u32>(s + VCPU_EFLAGS) & ~(FLAG_VM | FLAG_IF | FLAG_RF));
  enterLevel(s, selector, 0, load<u32>(s + VCPU_SYSENTER_ESP), load<u32>(s + VCPU_SYSENTER_EIP));
}

export function sysexit(s: usize): void {
  const selector = load<u32>(s + VCPU_SYSENTER_CS);
  if (isReal(s) || isNull(selector) || load<u32>(s + VCPU_CPL) != 0) return raiseError(s, VECTOR_GP, 0);
  enterLevel(s, selector + 16, 3, load<u32>(s + VCPU_ECX), load<u32>(s + VCPU_EDX));
}
