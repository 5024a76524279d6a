/**
 * Segment registers: loading, and the check of every access that goes through one.
 * Intel SDM Vol. 3A, chapter 5, "Protection"; Vol. 2, "MOV—Move", "LLDT", "LTR".
 *
 * A register's hidden part is kept as a VMCS keeps it. In real mode a load changes selector and base alone: limit, G
 * and D/B stay what they were (64 KiB after reset, 4 GiB after an excursion to protected mode).
 */
import {
  CS,
  ES,
  LDTR,
  SEGMENT_ACCESS,
  SEGMENT_BASE,
  SEGMENT_LIMIT,
  SEGMENT_SELECTOR,
  SS,
  TR,
  VCPU_CPL,
  VCPU_CR0,
  VCPU_EFLAGS,
} from '../layout';
import { writeSystemU8 } from '../mmu/access';
import { faulted, raise, raiseError, VECTOR_GP, VECTOR_NP, VECTOR_SS, VECTOR_UD } from '../record';
import { CR0_PE } from './control';
import {
  accessDpl,
  accessType,
  descriptorAccess,
  descriptorBase,
  descriptorLimit,
  descriptorLinear,
  fetchDescriptor,
  isAvailableTss,
  isCode,
  isConforming,
  isNull,
  isPresent,
  isReadable,
  isSystem,
  isWritableData,
  markAccessed,
  raiseSelector,
  SELECTOR_RPL,
  SELECTOR_TI,
  TYPE_BUSY,
  TYPE_LDT,
} from './descriptor';
import { FLAG_VM } from './flags';
import {
  ACCESS_ACCESSED,
  ACCESS_CODE,
  ACCESS_DB,
  ACCESS_EXPAND_DOWN,
  ACCESS_G,
  ACCESS_PRESENT,
  ACCESS_S,
  ACCESS_UNUSABLE,
  ACCESS_WRITABLE,
  changeCode,
  segment,
  updateMode,
} from './mode';

/** Writable data, present, DPL 0 or 3: what real mode and virtual-8086 mode make of every segment. */
const ACCESS_REAL: u32 = ACCESS_PRESENT | ACCESS_S | ACCESS_WRITABLE | ACCESS_ACCESSED;
const ACCESS_V86: u32 = ACCESS_REAL | (3 << 5);

// ── Modes ───────────────────────────────────────────────────────────────────
export function isReal(s: usize): bool {
  return !(load<u32>(s + VCPU_CR0) & CR0_PE);
}

export function isV86(s: usize): bool {
  return (load<u32>(s + VCPU_EFLAGS) & FLAG_VM) != 0;
}

/** Protected mode proper: selectors name descriptors. */
export function isProtected(s: usize): bool {
  return !isReal(s) && !isV86(s);
}

// ── Hidden parts ────────────────────────────────────────────────────────────
/** Fills the segment register at address `p` from a descriptor. */
export function fillSegment(p: usize, selector: u32, d: u64): void {
  const access = descriptorAccess(d);
  store<u32>(p, selector, SEGMENT_SELECTOR);
  store<u32>(p, descriptorBase(d), SEGMENT_BASE);
  store<u32>(p, descriptorLimit(d), SEGMENT_LIMIT);
  store<u32>(p, isSystem(access) ? access : access | ACCESS_ACCESSED, SEGMENT_ACCESS);
}

/** Loads a segment register from a descriptor that has passed its checks. */
export function setSegment(s: usize, index: u32, selector: u32, d: u64): void {
  fillSegment(segment(s, index), selector, d);
}

/** Makes a segment register unusable; it keeps the (null) selector. */
export function setNull(s: usize, index: u32, selector: u32): void {
  const p = segment(s, index);
  store<u32>(p, selector, SEGMENT_SELECTOR);
  store<u32>(p, 0, SEGMENT_BASE);
  store<u32>(p, 0, SEGMENT_LIMIT);
  store<u32>(p, ACCESS_UNUSABLE, SEGMENT_ACCESS);
}

/** Loads a segment register in real mode. */
export function setReal(s: usize, index: u32, selector: u32): void {
  const p = segment(s, index);
  const access = load<u32>(p, SEGMENT_ACCESS);
  store<u32>(p, selector, SEGMENT_SELECTOR);
  store<u32>(p, selector << 4, SEGMENT_BASE);
  if (access & ACCESS_UNUSABLE) store<u32>(p, 0xffff, SEGMENT_LIMIT);
  store<u32>(
    p,
    access & ACCESS_UNUSABLE ? ACCESS_REAL : (access & (ACCESS_DB | ACCESS_G)) | ACCESS_REAL,
    SEGMENT_ACCESS,
  );
}

/** Loads a segment register in virtual-8086 mode. */
export function setV86(s: usize, index: u32, selector: u32): void {
  const p = segment(s, index);
  store<u32>(p, selector, SEGMENT_SELECTOR);
  store<u32>(p, selector << 4, SEGMENT_BASE);
  store<u32>(p, 0xffff, SEGMENT_LIMIT);
  store<u32>(p, ACCESS_V86, SEGMENT_ACCESS);
}

/** Loads CS in real or virtual-8086 mode. */
export function setRealCode(s: usize, selector: u32): void {
  if (isV86(s)) setV86(s, CS, selector);
  else setReal(s, CS, selector);
  changeCode(s);
}

/** Loads CS from a checked descriptor, for a transfer to privilege level `cpl`. */
export function setCode(s: usize, selector: u32, d: u64, cpl: u32): void {
  setSegment(s, CS, (selector & ~SELECTOR_RPL) | cpl, d);
  store<u32>(s + VCPU_CPL, cpl);
  changeCode(s);
}

// ── Loads by instructions ───────────────────────────────────────────────────
/** MOV, POP and LxS to ES, SS, DS, FS or GS. SDM Vol. 2, "MOV—Move", "Loading a segment register". */
export function loadSegment(s: usize, index: u32, selector: u32): void {
  selector &= 0xffff;
  if (!isProtected(s)) {
    if (isV86(s)) setV86(s, index, selector);
    else setReal(s, index, selector);
    return updateMode(s);
  }
  if (isNull(selector)) {
    if (index == SS) return raiseError(s, VECTOR_GP, 0);
    setNull(s, index, selector);
    return updateMode(s);
  }
  const d = fetchDescriptor(s, selector, VECTOR_GP, 0);
  if (faulted(s)) return;
  const access = descriptorAccess(d);
  const rpl = selector & SELECTOR_RPL;
  const cpl = load<u32>(s + VCPU_CPL);
  const dpl = accessDpl(access);
  if (index == SS) {
    if (rpl != cpl || dpl != cpl || !isWritableData(access)) return raiseSelector(s, VECTOR_GP, selector, 0);
    if (!isPresent(access)) return raiseSelector(s, VECTOR_SS, selector, 0);
  } else {
    if (!isReadable(access)) return raiseSelector(s, VECTOR_GP, selector, 0);
    const conforming = isCode(access) && isConforming(access);
    if (!conforming && (rpl > dpl || cpl > dpl)) return raiseSelector(s, VECTOR_GP, selector, 0);
    if (!isPresent(access)) return raiseSelector(s, VECTOR_NP, selector, 0);
  }
  markAccessed(s, selector, access);
  if (faulted(s)) return;
  setSegment(s, index, selector, d);
  updateMode(s);
}

/** LLDT. SDM Vol. 2, "LLDT—Load Local Descriptor Table Register". */
export function loadLdt(s: usize, selector: u32): void {
  if (!isProtected(s)) return raise(s, VECTOR_UD);
  if (load<u32>(s + VCPU_CPL) != 0) return raiseError(s, VECTOR_GP, 0);
  selector &= 0xffff;
  if (isNull(selector)) return setNull(s, LDTR, selector);
  if (selector & SELECTOR_TI) return raiseSelector(s, VECTOR_GP, selector, 0);
  const d = fetchDescriptor(s, selector, VECTOR_GP, 0);
  if (faulted(s)) return;
  const access = descriptorAccess(d);
  if (!isSystem(access) || accessType(access) != TYPE_LDT) return raiseSelector(s, VECTOR_GP, selector, 0);
  if (!isPresent(access)) return raiseSelector(s, VECTOR_NP, selector, 0);
  setSegment(s, LDTR, selector, d);
}

/** LTR. SDM Vol. 2, "LTR—Load Task Register". */
export function loadTr(s: usize, selector: u32): void {
  if (!isProtected(s)) return raise(s, VECTOR_UD);
  if (load<u32>(s + VCPU_CPL) != 0) return raiseError(s, VECTOR_GP, 0);
  selector &= 0xffff;
  if (isNull(selector)) return raiseError(s, VECTOR_GP, 0);
  if (selector & SELECTOR_TI) return raiseSelector(s, VECTOR_GP, selector, 0);
  const d = fetchDescriptor(s, selector, VECTOR_GP, 0);
  if (faulted(s)) return;
  const access = descriptorAccess(d);
  if (!isAvailableTss(access)) return raiseSelector(s, VECTOR_GP, selector, 0);
  if (!isPresent(access)) return raiseSelector(s, VECTOR_NP, selector, 0);
  writeSystemU8(s, descriptorLinear(s, selector) + 5, (access | TYPE_BUSY) & 0xff);
  if (faulted(s)) return;
  setBusyTr(s, selector, d);
}

/** Loads TR with a TSS that is marked busy. */
export function setBusyTr(s: usize, selector: u32, d: u64): void {
  setSegment(s, TR, selector, d | ((TYPE_BUSY as u64) << 40));
}

/**
 * On a return to an outer level, data segments that it may not use become null. SDM Vol. 2B, "RET". A null selector with an
 * RPL becomes 0 there, too, as processors do: what lies in its segment register counts as DPL 0.
 */
export function dropInnerSegments(s: usize): void {
  const cpl = load<u32>(s + VCPU_CPL);
  let dropped = false;
  for (let index: u32 = ES; index <= 5; index++) {
    if (index == CS || index == SS) continue;
    const access = load<u32>(segment(s, index), SEGMENT_ACCESS);
    const usable = !(access & ACCESS_UNUSABLE);
    if (usable && (accessDpl(access) >= cpl || (isCode(access) && isConforming(access)))) continue;
    setNull(s, index, 0);
    dropped = dropped || usable;
  }
  if (dropped) updateMode(s);
}

// ── The check of an access ──────────────────────────────────────────────────
/** Does `limit` allow `size` bytes at `offset`? SDM Vol. 3A 5.3, "Limit Checking". */
export function withinLimit(access: u32, limit: u32, offset: u32, size: u32): bool {
  const last = offset + size - 1;
  if ((access & (ACCESS_CODE | ACCESS_EXPAND_DOWN)) == ACCESS_EXPAND_DOWN) {
    const top: u32 = access & ACCESS_DB ? 0xffffffff : 0xffff;
    return offset > limit && last >= offset && last <= top;
  }
  // With a limit of 4 GiB an access may wrap: the behaviour is implementation-specific, and flat code has no check.
  return limit == 0xffffffff || (last >= offset && last <= limit);
}

/** Do the segment's type and state allow the access? */
export function permitted(s: usize, access: u32, write: bool): bool {
  if (access & ACCESS_UNUSABLE) return false;
  return isReal(s) || (write ? isWritableData(access) : isReadable(access));
}

/**
 * Linear address of `size` bytes at `offset` in a segment, after the checks of type and limit. Raises
 * #SS(0) for SS, #GP(0) for the others; then returns 0.
 */
export function segmentLinear(s: usize, index: u32, offset: u32, size: u32, write: bool): u32 {
  const p = segment(s, index);
  const access = load<u32>(p, SEGMENT_ACCESS);
  if (!permitted(s, access, write) || !withinLimit(access, load<u32>(p, SEGMENT_LIMIT), offset, size)) {
    raiseError(s, index == SS ? VECTOR_SS : VECTOR_GP, 0);
    return 0;
  }
  return load<u32>(p, SEGMENT_BASE) + offset;
}
