/**
 * Descriptors of the GDT, the LDT and the IDT, held as one u64. Formats only: the checks are their users'.
 *
 *   Segment (SDM Vol. 3A, Figure 3-8, "Segment Descriptor")
 *    63      56 55 54 53 52 51   48 47 46 45 44 43  40 39             16 15         0
 *   ┌──────────┬──┬──┬──┬──┬───────┬──┬─────┬──┬──────┬─────────────────┬────────────┐
 *   │base 31:24│ G│DB│ L│AV│lim19:16│ P│ DPL │ S│ type │   base 23:0     │ limit 15:0 │
 *   └──────────┴──┴──┴──┴──┴───────┴──┴─────┴──┴──────┴─────────────────┴────────────┘
 *   Gate (SDM Vol. 3A, Figures 5-8, "Call-Gate Descriptor", and 6-2, "IDT Gate Descriptors")
 *    63             48 47 46 45 44 43  40 39 37 36   32 31      16 15         0
 *   ┌─────────────────┬──┬─────┬──┬──────┬─────┬───────┬──────────┬────────────┐
 *   │  offset 31:16   │ P│ DPL │ 0│ type │  0  │ count │ selector │offset 15:0 │
 *   └─────────────────┴──┴─────┴──┴──────┴─────┴───────┴──────────┴────────────┘
 */
import {
  FAULT_NONE,
  LDTR,
  SEGMENT_ACCESS,
  SEGMENT_BASE,
  SEGMENT_LIMIT,
  VCPU_FAULT,
  VCPU_GDTR_BASE,
  VCPU_GDTR_LIMIT,
} from '../layout';
import { readSystemU32, writeSystemU8 } from '../mmu/access';
import { raiseError } from '../record';
import { directRead, systemBank } from './direct';
import {
  ACCESS_ACCESSED,
  ACCESS_CODE,
  ACCESS_DPL_SHIFT,
  ACCESS_EXPAND_DOWN,
  ACCESS_PRESENT,
  ACCESS_S,
  ACCESS_UNUSABLE,
  ACCESS_WRITABLE,
  segment,
} from './mode';

// SDM Vol. 3A, Table 3-2, "System-Segment and Gate-Descriptor Types"
export const TYPE_TSS16: u32 = 1; //        available
export const TYPE_LDT: u32 = 2;
export const TYPE_TSS16_BUSY: u32 = 3;
export const TYPE_CALL_GATE16: u32 = 4;
export const TYPE_TASK_GATE: u32 = 5;
export const TYPE_INTERRUPT_GATE16: u32 = 6;
export const TYPE_TRAP_GATE16: u32 = 7;
export const TYPE_TSS32: u32 = 9; //        available
export const TYPE_TSS32_BUSY: u32 = 11;
export const TYPE_CALL_GATE32: u32 = 12;
export const TYPE_INTERRUPT_GATE32: u32 = 14;
export const TYPE_TRAP_GATE32: u32 = 15;
/** In a TSS type: busy. In a gate type: 32-bit. */
export const TYPE_BUSY: u32 = 2;
export const TYPE_32: u32 = 8;

// Selector, SDM Vol. 3A, Figure 3-6, "Segment Selector"
export const SELECTOR_RPL: u32 = 3;
export const SELECTOR_TI: u32 = 4; //       1: LDT
export const SELECTOR_INDEX: u32 = 0xfff8;

/** Bits of the access-rights word that a descriptor supplies: G DB L AVL P DPL S type. */
const ACCESS_FROM_DESCRIPTOR: u32 = 0xf0ff;
const GRANULARITY: u64 = 1 << 55;

export function isNull(selector: u32): bool {
  return (selector & 0xfffc) == 0;
}

// ── Fields ──────────────────────────────────────────────────────────────────
export function descriptorBase(d: u64): u32 {
  return (u32(d >>> 16) & 0xffffff) | (u32(d >>> 56) << 24);
}

/** The last valid offset in bytes, granularity applied. */
export function descriptorLimit(d: u64): u32 {
  const limit = u32(d & 0xffff) | (u32(d >>> 32) & 0xf0000);
  return d & GRANULARITY ? (limit << 12) | 0xfff : limit;
}

/** Access rights in the VMCS's format (cpu/mode.ts). */
export function descriptorAccess(d: u64): u32 {
  return u32(d >>> 40) & ACCESS_FROM_DESCRIPTOR;
}

export function gateSelector(d: u64): u32 {
  return u32(d >>> 16) & 0xffff;
}

/** Entry point; of 16-bit gates the upper half is ignored. */
export function gateOffset(d: u64): u32 {
  const low = u32(d & 0xffff);
  return accessType(descriptorAccess(d)) & TYPE_32 ? low | (u32(d >>> 32) & 0xffff0000) : low;
}

/** Number of parameters that a call gate copies, 0–31. */
export function gateCount(d: u64): u32 {
  return u32(d >>> 32) & 31;
}

// ── Predicates on access rights ─────────────────────────────────────────────
export function accessType(access: u32): u32 {
  return access & 15;
}

export function accessDpl(access: u32): u32 {
  return (access >>> ACCESS_DPL_SHIFT) & 3;
}

export function isPresent(access: u32): bool {
  return (access & ACCESS_PRESENT) != 0;
}

export function isSystem(access: u32): bool {
  return (access & ACCESS_S) == 0;
}

export function isCode(access: u32): bool {
  return (access & (ACCESS_S | ACCESS_CODE)) == (ACCESS_S | ACCESS_CODE);
}

export function isConforming(access: u32): bool {
  return (access & ACCESS_EXPAND_DOWN) != 0;
}

export function isWritableData(access: u32): bool {
  return (access & (ACCESS_S | ACCESS_CODE | ACCESS_WRITABLE)) == (ACCESS_S | ACCESS_WRITABLE);
}

/** Data of any kind, or code that may be read. */
export function isReadable(access: u32): bool {
  return (access & ACCESS_S) != 0 && (access & (ACCESS_CODE | ACCESS_WRITABLE)) != ACCESS_CODE;
}

/** System descriptor of a TSS of either size that is not busy. */
export function isAvailableTss(access: u32): bool {
  return (access & (ACCESS_S | 7)) == TYPE_TSS16;
}

export function isBusyTss(access: u32): bool {
  return (access & (ACCESS_S | 7)) == TYPE_TSS16_BUSY;
}

// ── Tables ──────────────────────────────────────────────────────────────────
/** Is the selector's descriptor within the limit of its table? */
export function tableHolds(s: usize, selector: u32): bool {
  const last = selector | 7;
  if (!(selector & SELECTOR_TI)) return last <= load<u32>(s + VCPU_GDTR_LIMIT);
  const ldt = segment(s, LDTR);
  return !(load<u32>(ldt, SEGMENT_ACCESS) & ACCESS_UNUSABLE) && last <= load<u32>(ldt, SEGMENT_LIMIT);
}

/** Linear address of the selector's descriptor. */
export function descriptorLinear(s: usize, selector: u32): u32 {
  const base = selector & SELECTOR_TI ? load<u32>(segment(s, LDTR), SEGMENT_BASE) : load<u32>(s + VCPU_GDTR_BASE);
  return base + (selector & SELECTOR_INDEX);
}

/** Reads eight bytes of a system table; may fault. */
export function readSystemU64(s: usize, linear: u32): u64 {
  const host = directRead(systemBank(s), linear, 8);
  if (host) return load<u64>(host);
  const low = readSystemU32(s, linear);
  if (load<u32>(s + VCPU_FAULT) != FAULT_NONE) return 0;
  return u64(low) | (u64(readSystemU32(s, linear + 4)) << 32);
}

/** The selector's descriptor; beyond the table's limit `vector` is raised with the selector and the EXT bit. */
export function fetchDescriptor(s: usize, selector: u32, vector: u32, external: u32): u64 {
  if (!tableHolds(s, selector)) {
    raiseSelector(s, vector, selector, external);
    return 0;
  }
  return readSystemU64(s, descriptorLinear(s, selector));
}

/** SDM Vol. 3A 6.13, "Error Code": the selector without its RPL, and EXT. */
export function raiseSelector(s: usize, vector: u32, selector: u32, external: u32): void {
  raiseError(s, vector, (selector & 0xfffc) | external);
}

/** Sets the accessed bit in memory where it is clear; may fault. */
export function markAccessed(s: usize, selector: u32, access: u32): void {
  if (access & ACCESS_ACCESSED) return;
  writeSystemU8(s, descriptorLinear(s, selector) + 5, (access | ACCESS_ACCESSED) & 0xff);
}
