/**
 * Hardware task switch. Intel SDM Vol. 3A, chapter 7, "Task Management"; the order is that of 7.3, "Task Switching".
 *
 *   check new TSS → read it → save the old task → link, busy bits ══ commit ══ registers → LDT → SS, CS, data → EIP
 *
 * A fault before the commit leaves the old task as it was (bytes of its TSS may be written already). A fault after it
 * belongs to the new task: the fault record is left filled while every register is the new task's. A VM exit after it
 * undoes the switch, so that the instruction or event can be repeated.
 *
 *   offset       32-bit TSS (Figure 7-2)                       16-bit TSS (Figure 7-10)
 *   link         0                                             0
 *   CR3          28                                            none
 *   EIP EFLAGS   32 36                                         14 16
 *   EAX … EDI    40 … 68                                       18 … 32
 *   ES … GS      72 … 92                                       34 … 40 (no FS, GS)
 *   LDT          96                                            42
 *   T            100, bit 0                                    none
 */
import {
  CS,
  DS,
  FAULT_EXIT,
  FAULT_NO_ERROR,
  LDTR,
  SEGMENT_ACCESS,
  SEGMENT_BASE,
  SEGMENT_LIMIT,
  SEGMENT_SELECTOR,
  SS,
  TR,
  VCPU_CPL,
  VCPU_CR0,
  VCPU_CR3,
  VCPU_DEBUG,
  VCPU_DR7,
  VCPU_EAX,
  VCPU_EIP,
  VCPU_ESP,
  VCPU_FAULT,
  VCPU_SEGMENTS,
} from '../layout';
import { readSystemU16, readSystemU32, writeSystemU8, writeSystemU16, writeSystemU32 } from '../mmu/access';
import { flushNonGlobal } from '../mmu/tlb';
import { faulted, raiseError, VECTOR_GP, VECTOR_NP, VECTOR_SS, VECTOR_TS } from '../record';
import { CR0_PG, CR0_TS, CR3_WRITABLE } from './control';
import { armBreakpoints, DR6_BT, DR7_LOCAL, raiseDebug } from './debug';
import {
  accessDpl,
  accessType,
  descriptorAccess,
  descriptorBase,
  descriptorLimit,
  descriptorLinear,
  fetchDescriptor,
  isAvailableTss,
  isBusyTss,
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
  TYPE_32,
  TYPE_BUSY,
  TYPE_LDT,
  tableHolds,
} from './descriptor';
import { FLAG_NT, FLAG_VM, getEflags, setEflags } from './flags';
import { deliverFault } from './interrupts';
import { ACCESS_UNUSABLE, changeCode, segment } from './mode';
import { isV86, setBusyTr, setNull, setSegment, setV86 } from './segments';
import { checkFrame, frameBegin, framePush, STACK_SCRATCH_END, writeFrame } from './stack';

// How the old and the new task are related afterwards. SDM Vol. 3A, Table 7-2.
const JUMP: u32 = 0; //   old not busy, new busy
const CALL: u32 = 1; //   old stays busy, new busy, NT and back link set
const RETURN: u32 = 2; // old not busy and NT clear in its image, new stays busy

// SDM Vol. 3A, Figure 7-2, "32-Bit Task-State Segment (TSS)", and Figure 7-10, "16-Bit TSS Format"
const TSS32_CR3: u32 = 28;
const TSS32_EIP: u32 = 32;
const TSS32_LDT: u32 = 96;
const TSS32_TRAP: u32 = 100;
const TSS32_LIMIT: u32 = 0x67; // of the new task; of the old one what is saved counts
const TSS32_SAVED: u32 = 0x5f;
const TSS16_IP: u32 = 14;
const TSS16_LDT: u32 = 42;
const TSS16_LIMIT: u32 = 0x2b;
const TSS16_SAVED: u32 = 0x29;

// Image of the new task in scratch: u32 words in the order EIP EFLAGS EAX…EDI ES…GS, then LDT CR3 T.
const IMAGE: usize = STACK_SCRATCH_END;
const IMAGE_EIP: usize = IMAGE;
const IMAGE_EFLAGS: usize = IMAGE + 4;
const IMAGE_REGISTERS: usize = IMAGE + 8;
const IMAGE_SELECTORS: usize = IMAGE + 40;
const IMAGE_LDT: usize = IMAGE + 64;
const IMAGE_CR3: usize = IMAGE + 68;
const IMAGE_TRAP: usize = IMAGE + 72;
/** Words up to GS: 16 in a 32-bit TSS, 14 in a 16-bit one. */
const WORDS32: u32 = 16;
const WORDS16: u32 = 14;

// Undo copy of the vCPU's registers: everything below the fault record, and segments to DR7.
const UNDO_GENERAL: usize = IMAGE + 80;
const UNDO_GENERAL_SIZE: usize = VCPU_FAULT;
const UNDO_SYSTEM: usize = UNDO_GENERAL + UNDO_GENERAL_SIZE;
const UNDO_SYSTEM_SIZE: usize = VCPU_DR7 + 4 - VCPU_SEGMENTS;

// ── Entry points ────────────────────────────────────────────────────────────
/** Far JMP or CALL to the TSS of `selector`, whose gate, if any, is checked; `next` is saved as the old task's EIP. */
export function taskTransfer(s: usize, selector: u32, next: u32, call: bool): void {
  const d = fetchTss(s, selector, 0);
  if (faulted(s)) return;
  finish(s, switchTask(s, selector, d, call ? CALL : JUMP, next, getEflags(s), 0, FAULT_NO_ERROR));
}

/** IRET with NT set: back to the task that the back link names. */
export function taskReturn(s: usize, next: u32): void {
  const link = readSystemU16(s, load<u32>(segment(s, TR), SEGMENT_BASE));
  if (faulted(s)) return;
  if (link & SELECTOR_TI) return raiseSelector(s, VECTOR_TS, link, 0);
  const d = fetchDescriptor(s, link, VECTOR_TS, 0);
  if (faulted(s)) return;
  const access = descriptorAccess(d);
  if (!isBusyTss(access)) return raiseSelector(s, VECTOR_TS, link, 0);
  if (!isPresent(access)) return raiseSelector(s, VECTOR_NP, link, 0);
  finish(s, switchTask(s, link, d, RETURN, next, getEflags(s) & ~FLAG_NT, 0, FAULT_NO_ERROR));
}

/**
 * An event through a task gate. `eip`, `flags`: what is saved for the old task; `error`: pushed in the new one unless
 * FAULT_NO_ERROR. Returns true once the switch is committed, also if the fault record is filled for the new task.
 */
export function taskEvent(s: usize, selector: u32, eip: u32, flags: u32, external: u32, error: u32): bool {
  const d = fetchTss(s, selector, external);
  if (faulted(s)) return false;
  return switchTask(s, selector, d, CALL, eip, flags, external, error);
}

/** Delivers, in the new task, the fault that its loading raised. */
function finish(s: usize, committed: bool): void {
  if (committed && faulted(s)) deliverFault(s);
}

/** The descriptor of an available, present TSS in the GDT. */
function fetchTss(s: usize, selector: u32, external: u32): u64 {
  if (selector & SELECTOR_TI) {
    raiseSelector(s, VECTOR_GP, selector, external);
    return 0;
  }
  const d = fetchDescriptor(s, selector, VECTOR_GP, external);
  if (faulted(s)) return 0;
  const access = descriptorAccess(d);
  if (!isAvailableTss(access)) raiseSelector(s, VECTOR_GP, selector, external);
  else if (!isPresent(access)) raiseSelector(s, VECTOR_NP, selector, external);
  return d;
}

// ── The switch ──────────────────────────────────────────────────────────────
function switchTask(s: usize, selector: u32, d: u64, kind: u32, eip: u32, flags: u32, external: u32, error: u32): bool {
  const wide = (accessType(descriptorAccess(d)) & TYPE_32) != 0;
  if (descriptorLimit(d) < (wide ? TSS32_LIMIT : TSS16_LIMIT)) {
    raiseSelector(s, VECTOR_TS, selector, external);
    return false;
  }
  // Read once to find every fault while the old task is intact, and again when it is saved: the TSSs may overlap.
  readImage(s, descriptorBase(d), wide);
  if (faulted(s)) return false;
  saveTask(s, eip, flags, external);
  if (faulted(s)) return false;
  markTasks(s, selector, d, kind);
  if (faulted(s)) return false;
  readImage(s, descriptorBase(d), wide);
  if (faulted(s)) return false;

  memory.copy(s + UNDO_GENERAL, s, UNDO_GENERAL_SIZE);
  memory.copy(s + UNDO_SYSTEM, s + VCPU_SEGMENTS, UNDO_SYSTEM_SIZE);
  commit(s, selector, d, kind, wide);
  loadSegments(s, external);
  changeCode(s);
  if (!faulted(s)) enterTask(s, wide, external, error);
  if (load<u32>(s + VCPU_FAULT) != FAULT_EXIT) return true;
  undo(s, selector, d, kind);
  return false;
}

/** Reads the new task's TSS into the image; may fault. */
function readImage(s: usize, base: u32, wide: bool): void {
  const words = wide ? WORDS32 : WORDS16;
  if (wide) store<u32>(s + IMAGE_CR3, readSystemU32(s, base + TSS32_CR3));
  if (faulted(s)) return;
  for (let i: u32 = 0; i < words; i++) {
    const value = wide ? readSystemU32(s, base + TSS32_EIP + i * 4) : readSystemU16(s, base + TSS16_IP + i * 2);
    if (faulted(s)) return;
    store<u32>(s + IMAGE + ((i as usize) << 2), value);
  }
  if (!wide) {
    // A 16-bit TSS has neither FS nor GS: both become null.
    store<u64>(s + IMAGE_SELECTORS + 16, 0);
    store<u32>(s + IMAGE_TRAP, 0);
    store<u32>(s + IMAGE_LDT, readSystemU16(s, base + TSS16_LDT));
    return;
  }
  store<u32>(s + IMAGE_LDT, readSystemU16(s, base + TSS32_LDT));
  if (faulted(s)) return;
  store<u32>(s + IMAGE_TRAP, readSystemU16(s, base + TSS32_TRAP) & 1);
}

/** Writes the old task's dynamic fields into its TSS; may fault. */
function saveTask(s: usize, eip: u32, flags: u32, external: u32): void {
  const tr = segment(s, TR);
  const access = load<u32>(tr, SEGMENT_ACCESS);
  const wide = (accessType(access) & TYPE_32) != 0;
  if (access & ACCESS_UNUSABLE || load<u32>(tr, SEGMENT_LIMIT) < (wide ? TSS32_SAVED : TSS16_SAVED))
    return raiseSelector(s, VECTOR_TS, load<u32>(tr, SEGMENT_SELECTOR), external);
  const base = load<u32>(tr, SEGMENT_BASE);
  const words = wide ? WORDS32 : WORDS16;
  for (let i: u32 = 0; i < words; i++) {
    let value = eip;
    if (i == 1) value = flags;
    else if (i >= 10) value = load<u32>(segment(s, i - 10), SEGMENT_SELECTOR);
    else if (i >= 2) value = load<u32>(s + VCPU_EAX + (((i - 2) as usize) << 2));
    if (!wide) writeSystemU16(s, base + TSS16_IP + i * 2, value & 0xffff);
    // The upper half of a selector's slot is reserved and stays.
    else if (i >= 10) writeSystemU16(s, base + TSS32_EIP + i * 4, value);
    else writeSystemU32(s, base + TSS32_EIP + i * 4, value);
    if (faulted(s)) return;
  }
}

/** Rewrites the type byte of a TSS descriptor. */
function writeBusy(s: usize, selector: u32, access: u32, busy: bool): void {
  writeSystemU8(s, descriptorLinear(s, selector) + 5, (busy ? access | TYPE_BUSY : access & ~TYPE_BUSY) & 0xff);
}

/** Back link and busy bits. The old task's bit comes last, so that one undo suffices. */
function markTasks(s: usize, selector: u32, d: u64, kind: u32): void {
  const tr = segment(s, TR);
  const old = load<u32>(tr, SEGMENT_SELECTOR);
  if (kind == CALL) {
    writeSystemU16(s, descriptorBase(d), old);
    if (faulted(s)) return;
  }
  const access = descriptorAccess(d);
  if (kind != RETURN) {
    writeBusy(s, selector, access, true);
    if (faulted(s)) return;
  }
  if (kind == CALL) return;
  writeBusy(s, old, load<u32>(tr, SEGMENT_ACCESS), false);
  if (!faulted(s)) return;
  const fault = load<u32>(s + VCPU_FAULT);
  store<u32>(s + VCPU_FAULT, 0);
  if (kind != RETURN) writeBusy(s, selector, access, false);
  store<u32>(s + VCPU_FAULT, fault);
}

/** From here on the new task runs: everything that needs no descriptor. */
function commit(s: usize, selector: u32, d: u64, kind: u32, wide: bool): void {
  setBusyTr(s, selector, d);
  store<u32>(s + VCPU_CR0, load<u32>(s + VCPU_CR0) | CR0_TS);
  store<u32>(s + VCPU_DR7, load<u32>(s + VCPU_DR7) & ~DR7_LOCAL);
  if (load<u32>(s + VCPU_DEBUG)) armBreakpoints(s);
  if (wide && load<u32>(s + VCPU_CR0) & CR0_PG) {
    store<u32>(s + VCPU_CR3, load<u32>(s + IMAGE_CR3) & CR3_WRITABLE);
    flushNonGlobal(s);
  }
  store<u32>(s + VCPU_EIP, load<u32>(s + IMAGE_EIP));
  memory.copy(s + VCPU_EAX, s + IMAGE_REGISTERS, 32);
  setEflags(s, load<u32>(s + IMAGE_EFLAGS) | (kind == CALL ? FLAG_NT : 0));
  const cs = imageSelector(s, CS);
  store<u32>(s + VCPU_CPL, load<u32>(s + IMAGE_EFLAGS) & FLAG_VM ? 3 : cs & SELECTOR_RPL);
  for (let index: u32 = 0; index < 6; index++) setNull(s, index, imageSelector(s, index));
  setNull(s, LDTR, load<u32>(s + IMAGE_LDT));
}

function imageSelector(s: usize, index: u32): u32 {
  return load<u32>(s + IMAGE_SELECTORS + ((index as usize) << 2)) & 0xffff;
}

/** The new task's first steps: the entry point, the event's error code, the T bit. */
function enterTask(s: usize, wide: bool, external: u32, error: u32): void {
  if (error != FAULT_NO_ERROR) {
    const stack = segment(s, SS);
    const esp = load<u32>(s + VCPU_ESP);
    const size: u32 = wide ? 4 : 2;
    frameBegin(s);
    framePush(s, error);
    checkFrame(s, stack, esp, size, external);
    if (faulted(s)) return;
    const top = writeFrame(s, stack, esp, size, false);
    if (faulted(s)) return;
    store<u32>(s + VCPU_ESP, top);
  }
  if (load<u32>(s + VCPU_EIP) > load<u32>(segment(s, CS), SEGMENT_LIMIT)) return raiseError(s, VECTOR_GP, external);
  if (load<u32>(s + IMAGE_TRAP)) raiseDebug(s, DR6_BT);
}

/** Takes a committed switch back. The pages were writable a moment ago, so nothing faults here. */
function undo(s: usize, selector: u32, d: u64, kind: u32): void {
  const fault = load<u32>(s + VCPU_FAULT);
  memory.copy(s, s + UNDO_GENERAL, UNDO_GENERAL_SIZE);
  memory.copy(s + VCPU_SEGMENTS, s + UNDO_SYSTEM, UNDO_SYSTEM_SIZE);
  flushNonGlobal(s);
  const tr = segment(s, TR);
  store<u32>(s + VCPU_FAULT, 0);
  if (kind != RETURN) writeBusy(s, selector, descriptorAccess(d), false);
  if (kind != CALL) writeBusy(s, load<u32>(tr, SEGMENT_SELECTOR), load<u32>(tr, SEGMENT_ACCESS), true);
  store<u32>(s + VCPU_FAULT, fault);
  armBreakpoints(s);
  changeCode(s);
}

// ── Segments of the new task ────────────────────────────────────────────────
/**
 * SDM Vol. 3A, Table 7-1, "Exception Conditions Checked During a Task Switch", from the LDT on and in its order: the
 * levels of CS are compared before SS is looked at, its validity and presence after, and SS's own RPL after that.
 */
function loadSegments(s: usize, external: u32): void {
  loadTaskLdt(s, external);
  if (faulted(s)) return;
  if (isV86(s)) {
    for (let index: u32 = 0; index < 6; index++) setV86(s, index, imageSelector(s, index));
    return;
  }
  checkCodeLevel(s, external);
  if (faulted(s)) return;
  loadTaskSegment(s, SS, external);
  if (faulted(s)) return;
  loadTaskSegment(s, CS, external);
  if (faulted(s)) return;
  const stack = imageSelector(s, SS);
  if ((stack & SELECTOR_RPL) != load<u32>(s + VCPU_CPL)) return raiseSelector(s, VECTOR_TS, stack, external);
  loadTaskSegment(s, 0, external);
  for (let index: u32 = DS; index < 6 && !faulted(s); index++) loadTaskSegment(s, index, external);
}

function loadTaskLdt(s: usize, external: u32): void {
  const selector = load<u32>(s + IMAGE_LDT) & 0xffff;
  if (isNull(selector)) return;
  if (selector & SELECTOR_TI) return raiseSelector(s, VECTOR_TS, selector, external);
  const d = fetchDescriptor(s, selector, VECTOR_TS, external);
  if (faulted(s)) return;
  const access = descriptorAccess(d);
  if (!isSystem(access) || accessType(access) != TYPE_LDT || !isPresent(access))
    return raiseSelector(s, VECTOR_TS, selector, external);
  setSegment(s, LDTR, selector, d);
}

/** The level of a code segment must suit the selector's RPL; what is no code segment is left to the later checks. */
function checkCodeLevel(s: usize, external: u32): void {
  const selector = imageSelector(s, CS);
  if (isNull(selector) || !tableHolds(s, selector)) return;
  const d = fetchDescriptor(s, selector, VECTOR_TS, external);
  if (faulted(s)) return;
  const access = descriptorAccess(d);
  if (isCode(access) && !allowed(s, CS, selector, access)) raiseSelector(s, VECTOR_TS, selector, external);
}

function loadTaskSegment(s: usize, index: u32, external: u32): void {
  const selector = imageSelector(s, index);
  if (isNull(selector)) {
    if (index == SS || index == CS) raiseSelector(s, VECTOR_TS, selector, external);
    return;
  }
  const d = fetchDescriptor(s, selector, VECTOR_TS, external);
  if (faulted(s)) return;
  const access = descriptorAccess(d);
  if (!allowed(s, index, selector, access)) return raiseSelector(s, VECTOR_TS, selector, external);
  if (!isPresent(access)) return raiseSelector(s, index == SS ? VECTOR_SS : VECTOR_NP, selector, external);
  markAccessed(s, selector, access);
  if (faulted(s)) return;
  setSegment(s, index, selector, d);
}

/** Type and privilege of a new task's segment; its CPL is the RPL of its CS. */
function allowed(s: usize, index: u32, selector: u32, access: u32): bool {
  const cpl = load<u32>(s + VCPU_CPL);
  const rpl = selector & SELECTOR_RPL;
  const dpl = accessDpl(access);
  if (index == CS) return isCode(access) && (isConforming(access) ? dpl <= rpl : dpl == rpl);
  if (index == SS) return isWritableData(access) && dpl == cpl;
  return isReadable(access) && ((isCode(access) && isConforming(access)) || (dpl >= cpl && dpl >= rpl));
}
