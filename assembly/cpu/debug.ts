/**
 * Debug registers. Intel SDM Vol. 3B, 17.2, "Debug Registers"; Vol. 2, "MOV—Move to/from Debug Registers".
 *
 *   DR6  31        16 15 14 13 12       4 3  2  1  0      DR7  31          16 15 14 13 12 10 9  8  7 … 0
 *       ┌────────────┬──┬──┬──┬──────────┬──┬──┬──┬──┐        ┌──────────────┬─────┬──┬─────┬──┬──┬───────┐
 *       │  all ones  │BT│BS│BD│0, ones   │B3│B2│B1│B0│        │ LEN, R/W 3…0 │ 0  0│GD│0 0 1│GE│LE│G3L3…G0L0│
 *       └────────────┴──┴──┴──┴──────────┴──┴──┴──┴──┘        └──────────────┴─────┴──┴─────┴──┴──┴───────┘
 *
 * A vCPU without an armed breakpoint pays nothing: VCPU_DEBUG is 0. With one it is stepped instruction by instruction
 * (cpu/run.ts), and with one on data the interpreter's accesses miss, so that each passes by `observeData`.
 */
import {
  CS,
  SEGMENT_BASE,
  VCPU_CPL,
  VCPU_CR4,
  VCPU_DEBUG,
  VCPU_DEBUG_PENDING,
  VCPU_DR0,
  VCPU_DR6,
  VCPU_DR7,
  VCPU_EIP,
  VCPU_FAULT_ADDRESS,
} from '../layout';
import { faulted, raise, raiseError, VECTOR_DB, VECTOR_GP, VECTOR_UD } from '../record';
import { CR4_DE } from './control';
import { segment, updateMode } from './mode';

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
const DR7_ENABLED: u32 = 3; //         Ln and Gn of breakpoint 0
const DR7_CONDITION_SHIFT: u32 = 16; // R/W0, LEN0: four bits for each breakpoint
const CONDITION_EXECUTE: u32 = 0;
const CONDITION_WRITE: u32 = 1;
const CONDITION_PORT: u32 = 2; //      with CR4.DE
const CONDITION_ACCESS: u32 = 3;

// VCPU_DEBUG: a bit for each of the four breakpoints
const DEBUG_BITS: u32 = 15;
const DEBUG_EXECUTE_SHIFT: u32 = 0;
const DEBUG_WRITE_SHIFT: u32 = 4;
const DEBUG_ACCESS_SHIFT: u32 = 8;
const DEBUG_PORT_SHIFT: u32 = 12;
export const DEBUG_EXECUTE: u32 = DEBUG_BITS << DEBUG_EXECUTE_SHIFT;
export const DEBUG_DATA: u32 = (DEBUG_BITS << DEBUG_WRITE_SHIFT) | (DEBUG_BITS << DEBUG_ACCESS_SHIFT);
export const DEBUG_PORT: u32 = DEBUG_BITS << DEBUG_PORT_SHIFT;

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
  if (n == 7) armBreakpoints(s);
}

/** What the recognition of a debug exception does: DR6 collects the causes, DR7.GD is cleared for the handler. */
export function recordDebug(s: usize, causes: u32): void {
  store<u32>(s + VCPU_DR6, load<u32>(s + VCPU_DR6) | (causes & DR6_WRITABLE) | DR6_ONES);
  store<u32>(s + VCPU_DR7, load<u32>(s + VCPU_DR7) & ~DR7_GD);
}

// ── Breakpoints ─────────────────────────────────────────────────────────────
function condition(s: usize, n: u32): u32 {
  return (load<u32>(s + VCPU_DR7) >>> (DR7_CONDITION_SHIFT + 4 * n)) & 15;
}

/** Derives VCPU_DEBUG. To be called after a change of DR7 or CR4.DE. */
export function armBreakpoints(s: usize): void {
  const dr7 = load<u32>(s + VCPU_DR7);
  const extended = (load<u32>(s + VCPU_CR4) & CR4_DE) != 0;
  let armed: u32 = 0;
  for (let n: u32 = 0; n < 4; n++) {
    if (!((dr7 >>> (2 * n)) & DR7_ENABLED)) continue;
    const kind = condition(s, n) & 3;
    if (kind == CONDITION_EXECUTE) armed |= 1 << (DEBUG_EXECUTE_SHIFT + n);
    else if (kind == CONDITION_WRITE) armed |= 1 << (DEBUG_WRITE_SHIFT + n);
    else if (kind == CONDITION_ACCESS) armed |= 1 << (DEBUG_ACCESS_SHIFT + n);
    else if (kind == CONDITION_PORT && extended) armed |= 1 << (DEBUG_PORT_SHIFT + n);
  }
  store<u32>(s + VCPU_DEBUG, armed);
  updateMode(s);
}

/** Which of the `candidates` (bits 3:0) overlap `size` bytes or ports from `first` on. LEN: 1, 2, 8, 4; it aligns the address. */
function overlapping(s: usize, candidates: u32, first: u32, size: u32): u32 {
  let hits: u32 = 0;
  for (let n: u32 = 0; n < 4; n++) {
    if (!((candidates >>> n) & 1)) continue;
    const code = condition(s, n) >>> 2;
    const length: u32 = code == 2 ? 8 : code + 1;
    const start = load<u32>(s + VCPU_DR0 + ((n as usize) << 2)) & (0 - length);
    if (first - start < length || start - first < size) hits |= 1 << n;
  }
  return hits;
}

/** DR6 bits of the armed instruction breakpoints at CS:EIP. */
export function breakpointsHere(s: usize): u32 {
  const armed = load<u32>(s + VCPU_DEBUG) & DEBUG_EXECUTE;
  if (!armed) return 0;
  return overlapping(s, armed, load<u32>(segment(s, CS), SEGMENT_BASE) + load<u32>(s + VCPU_EIP), 1);
}

/** Notes a data access by an instruction that may still fault; called while DEBUG_DATA is armed. */
export function observeData(s: usize, linear: u32, size: u32, write: bool): void {
  const armed = load<u32>(s + VCPU_DEBUG);
  const candidates = (armed >>> DEBUG_ACCESS_SHIFT) | (write ? armed >>> DEBUG_WRITE_SHIFT : 0);
  met(s, overlapping(s, candidates & DEBUG_BITS, linear, size));
}

/** Notes an access to `size` ports. */
export function observePort(s: usize, port: u32, size: u32): void {
  const armed = load<u32>(s + VCPU_DEBUG) & DEBUG_PORT;
  if (armed) met(s, overlapping(s, armed >>> DEBUG_PORT_SHIFT, port, size));
}

/** A debug trap is to be delivered when the instruction is done. */
export function met(s: usize, causes: u32): void {
  store<u32>(s + VCPU_DEBUG_PENDING, load<u32>(s + VCPU_DEBUG_PENDING) | causes);
}
