/**
 * Delivery of exceptions and interrupts. Intel SDM Vol. 3A, chapter 6, "Interrupt and Exception Handling"; Vol. 2,
 * "INT n/INTO/INT3/INT1—Call to Interrupt Procedure", whose operation the checks follow in order.
 *
 *   vector ─→ IDT gate ─┬─ interrupt or trap gate ─→ code segment ─┬─ same level: EFLAGS CS EIP [error] on this stack
 *                       │                                          ├─ inner level: SS ESP before them, TSS's stack
 *                       │                                          └─ from V86: GS FS DS ES before those, to level 0
 *                       └─ task gate ─→ task switch (task.ts)
 *   real mode: four-byte vectors at IDTR.base; FLAGS CS IP
 *
 * A delivery can itself fault; `deliver` repeats until one succeeds, and ends in a double or triple fault.
 */
import {
  ACTIVITY_ACTIVE,
  ACTIVITY_SHUTDOWN,
  COUNTER_DOUBLE_FAULT,
  COUNTER_EXCEPTION,
  COUNTER_INTERRUPT,
  COUNTER_PAGE_FAULT,
  CS,
  DS,
  ES,
  FAULT_EXCEPTION,
  FAULT_EXIT,
  FAULT_NO_ERROR,
  FAULT_NONE,
  FS,
  GS,
  SEGMENT_LIMIT,
  SEGMENT_SELECTOR,
  SS,
  VCPU_ACTIVITY,
  VCPU_CPL,
  VCPU_CR2,
  VCPU_DR6,
  VCPU_EFLAGS,
  VCPU_EIP,
  VCPU_ESP,
  VCPU_FAULT,
  VCPU_FAULT_ADDRESS,
  VCPU_FAULT_ERROR,
  VCPU_FAULT_VECTOR,
  VCPU_IDTR_BASE,
  VCPU_IDTR_LIMIT,
  VCPU_INHIBIT,
  VCPU_VECTORING_ERROR,
  VCPU_VECTORING_INFO,
} from '../layout';
import { readSystemU32 } from '../mmu/access';
import {
  count,
  EXIT_TRIPLE_FAULT,
  exitInstruction,
  faulted,
  INFO_VALID,
  raiseError,
  VECTOR_BP,
  VECTOR_DB,
  VECTOR_DE,
  VECTOR_DF,
  VECTOR_GP,
  VECTOR_MC,
  VECTOR_NMI,
  VECTOR_NP,
  VECTOR_OF,
  VECTOR_PF,
  VECTOR_TS,
} from '../record';
import { DR6_BD, recordDebug } from './debug';
import {
  accessDpl,
  descriptorAccess,
  descriptorLimit,
  fetchDescriptor,
  gateOffset,
  gateSelector,
  isCode,
  isConforming,
  isNull,
  isPresent,
  markAccessed,
  raiseSelector,
  readSystemU64,
  TYPE_32,
  TYPE_INTERRUPT_GATE16,
  TYPE_INTERRUPT_GATE32,
  TYPE_TASK_GATE,
  TYPE_TRAP_GATE16,
  TYPE_TRAP_GATE32,
} from './descriptor';
import { FLAG_AC, FLAG_IF, FLAG_IOPL, FLAG_NT, FLAG_RF, FLAG_TF, FLAG_VM, flagO, getEflags } from './flags';
import { ACCESS_S, ACCESS_TYPE, segment } from './mode';
import { isReal, isV86, setCode, setNull, setRealCode } from './segments';
import { candidateStack, checkFrame, commitCandidate, frameBegin, framePush, innerStack, writeFrame } from './stack';
import { enterSwiftly } from './swift';
import { taskEvent } from './task';

// Interruption types, SDM Vol. 3C, Table 25-17, "Format of the IDT-Vectoring Information Field"
const TYPE_EXTERNAL: u32 = 0;
const TYPE_NMI: u32 = 2;
const TYPE_EXCEPTION: u32 = 3; //  hardware exception
const TYPE_SOFTWARE: u32 = 4; //   INT n, and injected events without EXT
const INFO_TYPE_SHIFT: u32 = 8;
const INFO_ERROR: u32 = 1 << 11;

// Kinds of software interrupt, the last argument of softwareInterrupt
export const SOFTWARE_INT: u32 = 0; //        INT n: sensitive to IOPL in virtual-8086 mode
export const SOFTWARE_EXCEPTION: u32 = 1; //  INT3, INTO: DPL is checked, IOPL is not
export const SOFTWARE_DEBUG: u32 = 2; //      INT1: neither

// Classes, SDM Vol. 3A, Table 6-4, "Interrupt and Exception Classes"
const BENIGN: u32 = 0;
const CONTRIBUTORY: u32 = 1;
const PAGE_FAULT: u32 = 2;

/** Deliveries in a row that may fault; only a benign fault whose own delivery raises it again gets that far. */
const ATTEMPTS: u32 = 64;

// ── Entry points ────────────────────────────────────────────────────────────
/**
 * Delivers an exception; VCPU_EIP is the return EIP. `error`: error code or FAULT_NO_ERROR. `address`: the linear
 * address of #PF, or the DR6 bits of #DB. Afterwards the handler is entered, or the exit record is filled.
 */
export function deliverException(s: usize, vector: u32, error: u32, address: u32): void {
  deliver(s, vector, TYPE_EXCEPTION, error, address);
}

/** Delivers an interrupt at the instruction boundary VCPU_EIP. `external`: error codes of faults have EXT set. */
export function deliverInterrupt(s: usize, vector: u32, external: bool): void {
  const type = external ? (vector == VECTOR_NMI ? TYPE_NMI : TYPE_EXTERNAL) : TYPE_SOFTWARE;
  deliver(s, vector, type, FAULT_NO_ERROR, 0);
}

/** Delivers the exception in the fault record; VCPU_EIP is the return EIP. An exit record stays as it is. */
export function deliverFault(s: usize): void {
  if (load<u32>(s + VCPU_FAULT) != FAULT_EXCEPTION) return;
  const vector = load<u32>(s + VCPU_FAULT_VECTOR);
  deliver(s, vector, TYPE_EXCEPTION, load<u32>(s + VCPU_FAULT_ERROR), load<u32>(s + VCPU_FAULT_ADDRESS));
}

/**
 * Repeats the delivery that a VM exit interrupted; to be called before the vCPU runs on. Does nothing if none was.
 * Afterwards, as deliverException.
 */
export function resumeDelivery(s: usize): void {
  const info = load<u32>(s + VCPU_VECTORING_INFO);
  if (!(info & INFO_VALID)) return;
  const vector = info & 0xff;
  const error = info & INFO_ERROR ? load<u32>(s + VCPU_VECTORING_ERROR) : FAULT_NO_ERROR;
  // CR2 and DR6 were set when the event was recognised.
  const address = load<u32>(s + (vector == VECTOR_PF ? VCPU_CR2 : VCPU_DR6));
  deliver(s, vector, (info >>> INFO_TYPE_SHIFT) & 7, error, address);
}

/**
 * INT n, INT3, INTO and INT1. `next`: return EIP; `kind`: SOFTWARE_*. A fault before the handler is entered is left in
 * the record, to be delivered at the instruction itself.
 */
export function softwareInterrupt(s: usize, vector: u32, next: u32, kind: u32): void {
  const v86 = isV86(s);
  if (kind == SOFTWARE_INT && v86 && (load<u32>(s + VCPU_EFLAGS) & FLAG_IOPL) != FLAG_IOPL)
    return raiseError(s, VECTOR_GP, 0);
  const external: u32 = kind == SOFTWARE_DEBUG ? 1 : 0;
  if (!enter(s, vector & 0xff, FAULT_NO_ERROR, next, getEflags(s), external, kind != SOFTWARE_DEBUG)) return;
  count(s, COUNTER_INTERRUPT);
  deliverFault(s); // of the new task, if the gate was a task gate
}

/** INTO: #OF as a trap if OF is set, else on to `next`. */
export function interruptOverflow(s: usize, next: u32): void {
  if (flagO(s)) softwareInterrupt(s, VECTOR_OF, next, SOFTWARE_EXCEPTION);
  else store<u32>(s + VCPU_EIP, next);
}

// ── The sequence of deliveries ──────────────────────────────────────────────
function deliver(s: usize, vector: u32, type: u32, error: u32, address: u32): void {
  store<u32>(s + VCPU_VECTORING_INFO, 0);
  for (let attempt: u32 = 0; attempt < ATTEMPTS; attempt++) {
    store<u32>(s + VCPU_FAULT, FAULT_NONE);
    const exception = type == TYPE_EXCEPTION;
    if (exception && vector == VECTOR_PF) store<u32>(s + VCPU_CR2, address);
    if (exception && vector == VECTOR_DB) recordDebug(s, address);
    const flags = getEflags(s) | (exception && isFault(vector, address) ? FLAG_RF : 0);
    const external: u32 = type == TYPE_SOFTWARE ? 0 : 1;
    if (enter(s, vector, error, load<u32>(s + VCPU_EIP), flags, external, false)) countEvent(s, vector, exception);
    if (!faulted(s)) return;
    if (load<u32>(s + VCPU_FAULT) == FAULT_EXIT) return recordVectoring(s, vector, type, error);

    const second = load<u32>(s + VCPU_FAULT_VECTOR);
    const first = exception ? exceptionClass(vector) : BENIGN;
    const worse = exceptionClass(second) != BENIGN;
    if (exception && vector == VECTOR_DF && worse) break;
    if ((first == CONTRIBUTORY && exceptionClass(second) == CONTRIBUTORY) || (first == PAGE_FAULT && worse)) {
      // A page fault that becomes #DF has still loaded CR2.
      if (second == VECTOR_PF) store<u32>(s + VCPU_CR2, load<u32>(s + VCPU_FAULT_ADDRESS));
      vector = VECTOR_DF;
      error = 0;
    } else {
      vector = second;
      error = load<u32>(s + VCPU_FAULT_ERROR);
      address = load<u32>(s + VCPU_FAULT_ADDRESS);
    }
    type = TYPE_EXCEPTION;
  }
  store<u32>(s + VCPU_ACTIVITY, ACTIVITY_SHUTDOWN);
  exitInstruction(s, EXIT_TRIPLE_FAULT, 0, 0);
}

/** SDM Vol. 3A, Table 6-5, "Conditions for Generating a Double Fault". */
function exceptionClass(vector: u32): u32 {
  if (vector == VECTOR_PF) return PAGE_FAULT;
  return vector == VECTOR_DE || (vector >= VECTOR_TS && vector <= VECTOR_GP) ? CONTRIBUTORY : BENIGN;
}

/**
 * RF is set in the image that a fault pushes (SDM Vol. 3B 18.3.1.1, "Instruction-Breakpoint Exception Condition"), but not
 * for traps and instruction breakpoints. #DF pushes what EFLAGS.RF "was at the time the event handler was called": set, by
 * the fault that it is made of, as kernel logs of double faults show (EFLAGS 00010xxx on Intel's processors) and in Bochs.
 * `address`: the DR6 bits of #DB; general detect is a fault.
 */
function isFault(vector: u32, address: u32): bool {
  if (vector == VECTOR_DB) return (address & DR6_BD) != 0;
  return vector != VECTOR_NMI && vector != VECTOR_BP && vector != VECTOR_OF && vector != VECTOR_MC;
}

function countEvent(s: usize, vector: u32, exception: bool): void {
  count(s, exception ? COUNTER_EXCEPTION : COUNTER_INTERRUPT);
  if (!exception) return;
  if (vector == VECTOR_PF) count(s, COUNTER_PAGE_FAULT);
  if (vector == VECTOR_DF) count(s, COUNTER_DOUBLE_FAULT);
}

/** Notes the event whose delivery a VM exit interrupted. */
function recordVectoring(s: usize, vector: u32, type: u32, error: u32): void {
  const info = INFO_VALID | vector | (type << INFO_TYPE_SHIFT);
  store<u32>(s + VCPU_VECTORING_INFO, error == FAULT_NO_ERROR ? info : info | INFO_ERROR);
  store<u32>(s + VCPU_VECTORING_ERROR, error == FAULT_NO_ERROR ? 0 : error);
}

// ── One delivery ────────────────────────────────────────────────────────────
/**
 * One attempt. `eip`, `flags`: saved state; `external`: the EXT bit; `checked`: the gate's DPL limits the CPL.
 * Returns true once control has been transferred. The fault record may then be filled only for a new task.
 */
function enter(s: usize, vector: u32, error: u32, eip: u32, flags: u32, external: u32, checked: bool): bool {
  const done = isReal(s)
    ? enterReal(s, vector, eip, flags, external)
    : enterSwiftly(s, vector, error, eip, flags, checked) ||
      enterProtected(s, vector, error, eip, flags, external, checked);
  if (done) {
    store<u32>(s + VCPU_ACTIVITY, ACTIVITY_ACTIVE);
    store<u32>(s + VCPU_INHIBIT, 0);
  }
  return done;
}

/** Through the interrupt vector table. SDM Vol. 3B 20.1.4, "Interrupt and Exception Handling"; no error codes. */
function enterReal(s: usize, vector: u32, eip: u32, flags: u32, external: u32): bool {
  if ((vector << 2) + 3 > load<u32>(s + VCPU_IDTR_LIMIT)) return refuse(s, VECTOR_GP, (vector << 3) | 2 | external);
  const entry = readSystemU32(s, load<u32>(s + VCPU_IDTR_BASE) + (vector << 2));
  if (faulted(s)) return false;
  beginFrame(s, flags, eip);
  const stack = segment(s, SS);
  let esp = load<u32>(s + VCPU_ESP);
  checkFrame(s, stack, esp, 2, external);
  if (faulted(s)) return false;
  if ((entry & 0xffff) > load<u32>(segment(s, CS), SEGMENT_LIMIT)) return refuse(s, VECTOR_GP, external);
  esp = writeFrame(s, stack, esp, 2, false);
  if (faulted(s)) return false;
  store<u32>(s + VCPU_ESP, esp);
  store<u32>(s + VCPU_EFLAGS, load<u32>(s + VCPU_EFLAGS) & ~(FLAG_IF | FLAG_TF | FLAG_AC | FLAG_RF));
  setRealCode(s, entry >>> 16);
  store<u32>(s + VCPU_EIP, entry & 0xffff);
  return true;
}

function beginFrame(s: usize, flags: u32, eip: u32): void {
  frameBegin(s);
  pushReturn(s, flags, eip);
}

function pushReturn(s: usize, flags: u32, eip: u32): void {
  framePush(s, flags);
  framePush(s, load<u32>(segment(s, CS), SEGMENT_SELECTOR));
  framePush(s, eip);
}

function refuse(s: usize, vector: u32, error: u32): bool {
  raiseError(s, vector, error);
  return false;
}

function refuseSelector(s: usize, vector: u32, selector: u32, external: u32): bool {
  raiseSelector(s, vector, selector, external);
  return false;
}

/** Through the IDT, SDM Vol. 3A 6.12, "Exception and Interrupt Handling". */
function enterProtected(s: usize, vector: u32, error: u32, eip: u32, flags: u32, external: u32, checked: bool): bool {
  const entry = (vector << 3) | 2 | external; // error code that names the gate: index, IDT, EXT
  if ((vector << 3) + 7 > load<u32>(s + VCPU_IDTR_LIMIT)) return refuse(s, VECTOR_GP, entry);
  const gate = readSystemU64(s, load<u32>(s + VCPU_IDTR_BASE) + (vector << 3));
  if (faulted(s)) return false;
  const rights = descriptorAccess(gate);
  const type = rights & (ACCESS_S | ACCESS_TYPE);
  const wide = type == TYPE_INTERRUPT_GATE32 || type == TYPE_TRAP_GATE32;
  if (!wide && type != TYPE_INTERRUPT_GATE16 && type != TYPE_TRAP_GATE16 && type != TYPE_TASK_GATE)
    return refuse(s, VECTOR_GP, entry);
  if (checked && accessDpl(rights) < load<u32>(s + VCPU_CPL)) return refuse(s, VECTOR_GP, entry);
  if (!isPresent(rights)) return refuse(s, VECTOR_NP, entry);
  const selector = gateSelector(gate);
  if (type == TYPE_TASK_GATE) return taskEvent(s, selector, eip, flags, external, error);
  return enterGate(s, gate, selector, error, eip, flags, external);
}

/** Through an interrupt or trap gate whose own rights are checked. */
function enterGate(s: usize, gate: u64, selector: u32, error: u32, eip: u32, flags: u32, external: u32): bool {
  if (isNull(selector)) return refuse(s, VECTOR_GP, external);
  const d = fetchDescriptor(s, selector, VECTOR_GP, external);
  if (faulted(s)) return false;
  const access = descriptorAccess(d);
  const cpl = load<u32>(s + VCPU_CPL);
  const dpl = accessDpl(access);
  if (!isCode(access) || dpl > cpl) return refuseSelector(s, VECTOR_GP, selector, external);
  if (!isPresent(access)) return refuseSelector(s, VECTOR_NP, selector, external);
  const inner = !isConforming(access) && dpl < cpl;
  const v86 = isV86(s);
  // Virtual-8086 mode is left for level 0 only.
  if (v86 && (!inner || dpl != 0)) return refuseSelector(s, VECTOR_GP, selector, external);

  const stack = inner ? candidateStack(s) : segment(s, SS);
  let esp = inner ? innerStack(s, dpl, external) : load<u32>(s + VCPU_ESP);
  if (faulted(s)) return false;
  frameBegin(s);
  if (v86) {
    framePush(s, load<u32>(segment(s, GS), SEGMENT_SELECTOR));
    framePush(s, load<u32>(segment(s, FS), SEGMENT_SELECTOR));
    framePush(s, load<u32>(segment(s, DS), SEGMENT_SELECTOR));
    framePush(s, load<u32>(segment(s, ES), SEGMENT_SELECTOR));
  }
  if (inner) {
    framePush(s, load<u32>(segment(s, SS), SEGMENT_SELECTOR));
    framePush(s, load<u32>(s + VCPU_ESP));
  }
  pushReturn(s, flags, eip);
  if (error != FAULT_NO_ERROR) framePush(s, error);
  const type = descriptorAccess(gate) & ACCESS_TYPE;
  const size: u32 = type & TYPE_32 ? 4 : 2;
  checkFrame(s, stack, esp, size, inner ? (load<u32>(stack, SEGMENT_SELECTOR) & 0xfffc) | external : external);
  if (faulted(s)) return false;
  if (gateOffset(gate) > descriptorLimit(d)) return refuse(s, VECTOR_GP, external);
  markAccessed(s, selector, access);
  if (faulted(s)) return false;
  esp = writeFrame(s, stack, esp, size, inner);
  if (faulted(s)) return false;

  if (inner) commitCandidate(s);
  store<u32>(s + VCPU_ESP, esp);
  if (v86) {
    setNull(s, GS, 0);
    setNull(s, FS, 0);
    setNull(s, DS, 0);
    setNull(s, ES, 0);
  }
  const masks = (type & ~TYPE_32) == TYPE_INTERRUPT_GATE16; // an interrupt gate, not a trap gate
  const cleared = FLAG_TF | FLAG_NT | FLAG_RF | FLAG_VM | (masks ? FLAG_IF : 0);
  store<u32>(s + VCPU_EFLAGS, load<u32>(s + VCPU_EFLAGS) & ~cleared);
  setCode(s, selector, d, inner ? dpl : cpl);
  store<u32>(s + VCPU_EIP, gateOffset(gate));
  return true;
}
