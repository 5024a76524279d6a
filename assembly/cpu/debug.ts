/**
 * Debug registers. Intel SDM Vol. 3B, 17.2, "Debug Registers"; Vol. 2, "MOV—Move to/from Debug Registers".
 *
 *   DR6  31        16 15 14 13 12       4 3  2  1  0      DR7  31          16 15 14 13 12 10 9  8  7 … 0
 *       ┌────────────┬──┬──┬──┬──────────┬──┬──┬──┬──┐        ┌──────────────┬─────┬──┬─────┬──┬──┬───────┐
 *       │  all ones  │BT│BS│BD│0, ones   │B3│B2│B1│B0│        │ LEN, R/W 3…0 │ 0  0│GD│0 0 1│GE│LE│G3L3…G0L0│
 *       └────────────┴──┴──┴──┴──────────┴──┴──┴──┴──┘        └──────────────┴─────┴──┴─────┴──┴──┴───────┘
 */
import { VCPU_CPL, VCPU_CR4, VCPU_DR0, VCPU_DR6, VCPU_DR7, VCPU_FAULT_ADDRESS } from '../layout';
import { faulted, raise, raiseError, VECTOR_DB, VECTOR_GP, VECTOR_UD } from '../record';
import { CR4_DE } from './control';

// DR6
export const DR6_BD: u32 = 1 << 13; // debug register access detected
export const DR6_BS: u32 = 1 << 14; // single step
export const DR6_BT: u32 = 1 << 15; // task switch
const DR6_ONES: u32 = 0xffff0ff0;
const DR6_WRITABLE: u32 = 0x0000e00f;

// DR7
export const DR7_GD: u32 = 1 << 13; // general detect enable
export const DR7_LOCAL: u32 = 0x155; // L0–L3, LE: cleared by a task switch
const DR7_ONES: u32 = 1 << 10;
const DR7_WRITABLE: u32 = 0xffff23ff;

/**
 * Records a debug exception. `causes` are the DR6 bits that its delivery sets, as a VM exit would report them
 * (SDM Vol. 3C, Table 28-1, "Exit Qualification for Debug Exceptions").
 */
export function raiseDebug(s: usize, causes: u32): void {
  store<u32>(s + VCPU_FAULT_ADDRESS, causes);
  raise(s, VECTOR_DB);
}

/** Checks of both directions; returns the register's number with DR4 and DR5 as DR6 and DR7. */
function checkDr(s: usize, n: u32): u32 {
  if (n == 4 || n == 5) {
    if (load<u32>(s + VCPU_CR4) & CR4_DE) raise(s, VECTOR_UD);
    n += 2;
  }
  if (!faulted(s) && load<u32>(s + VCPU_CPL) != 0) raiseError(s, VECTOR_GP, 0);
  if (!faulted(s) && load<u32>(s + VCPU_DR7) & DR7_GD) raiseDebug(s, DR6_BD);
  return n;
}

/** MOV from DRn; n = 0–7. */
export function movFromDr(s: usize, n: u32): u32 {
  n = checkDr(s, n & 7);
  if (faulted(s)) return 0;
  const value = load<u32>(s + VCPU_DR0 + ((n as usize) << 2));
  // The fixed bits need no initialisation of the vCPU.
  if (n == 6) return value | DR6_ONES;
  if (n == 7) return value | DR7_ONES;
  return value;
}

/** MOV to DRn; n = 0–7. Reserved bits are ignored. */
export function movToDr(s: usize, n: u32, value: u32): void {
  n = checkDr(s, n & 7);
  if (faulted(s)) return;
  if (n == 6) value = (value & DR6_WRITABLE) | DR6_ONES;
  if (n == 7) value = (value & DR7_WRITABLE) | DR7_ONES;
  store<u32>(s + VCPU_DR0 + ((n as usize) << 2), value);
}

/** What the recognition of a debug exception does: DR6 collects the causes, DR7.GD is cleared for the handler. */
export function recordDebug(s: usize, causes: u32): void {
  store<u32>(s + VCPU_DR6, load<u32>(s + VCPU_DR6) | (causes & DR6_WRITABLE) | DR6_ONES);
  store<u32>(s + VCPU_DR7, load<u32>(s + VCPU_DR7) & ~DR7_GD);
}
