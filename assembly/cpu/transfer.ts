/**
 * Far JMP and CALL. Intel SDM Vol. 2, "JMP—Jump", "CALL—Call Procedure"; Vol. 3A 5.8, "Privilege Level Checking When
 * Transferring Program Control Between Code Segments".
 *
 *   selector ─→ descriptor ─┬─ code segment ───────────────────────────→ same level
 *                           ├─ call gate ─→ code segment ─┬────────────→ same level
 *                           │                             └─ CALL only ─→ inner level, stack from the TSS
 *                           ├─ task gate ─→ TSS ─┐
 *                           └─ available TSS ────┴─→ task switch (task.ts)
 */
import { CS, SEGMENT_LIMIT, SEGMENT_SELECTOR, SS, VCPU_CPL, VCPU_EIP, VCPU_ESP } from '../layout';
import { faulted, raiseError, VECTOR_GP, VECTOR_NP } from '../record';
import {
  accessDpl,
  accessType,
  descriptorAccess,
  descriptorLimit,
  fetchDescriptor,
  gateCount,
  gateOffset,
  gateSelector,
  isAvailableTss,
  isCode,
  isConforming,
  isNull,
  isPresent,
  isSystem,
  markAccessed,
  raiseSelector,
  SELECTOR_RPL,
  TYPE_32,
  TYPE_CALL_GATE16,
  TYPE_CALL_GATE32,
  TYPE_TASK_GATE,
} from './descriptor';
import { segment } from './mode';
import { isProtected, setCode, setRealCode } from './segments';
import {
  candidateStack,
  checkFrame,
  commitCandidate,
  frameBegin,
  framePush,
  innerStack,
  readStack,
  writeFrame,
} from './stack';
import { taskTransfer } from './task';

export { farReturn, interruptReturn } from './return';
export { sysenter, sysexit } from './sysenter';

/** JMP to selector:offset. `next`: EIP of the following instruction (saved by a task switch). */
export function farJump(s: usize, selector: u32, offset: u32, next: u32, size: u32): void {
  farTransfer(s, selector & 0xffff, size == 4 ? offset : offset & 0xffff, next, size, false);
}

/** CALL to selector:offset; pushes CS and `next` in slots of `size` bytes (of the gate's size through a gate). */
export function farCall(s: usize, selector: u32, offset: u32, next: u32, size: u32): void {
  farTransfer(s, selector & 0xffff, size == 4 ? offset : offset & 0xffff, next, size, true);
}

function farTransfer(s: usize, selector: u32, offset: u32, next: u32, size: u32, call: bool): void {
  if (!isProtected(s)) return realTransfer(s, selector, offset, next, size, call);
  if (isNull(selector)) return raiseError(s, VECTOR_GP, 0);
  const d = fetchDescriptor(s, selector, VECTOR_GP, 0);
  if (faulted(s)) return;
  const access = descriptorAccess(d);
  if (isCode(access)) return codeTransfer(s, selector, d, offset, next, size, call);
  // The rest is system descriptors: all of them need DPL ≥ CPL and DPL ≥ RPL.
  const dpl = accessDpl(access);
  if (!isSystem(access) || dpl < load<u32>(s + VCPU_CPL) || dpl < (selector & SELECTOR_RPL))
    return raiseSelector(s, VECTOR_GP, selector, 0);
  const type = accessType(access);
  const gate = type == TYPE_CALL_GATE16 || type == TYPE_CALL_GATE32;
  if (!gate && type != TYPE_TASK_GATE && !isAvailableTss(access)) return raiseSelector(s, VECTOR_GP, selector, 0);
  if (!isPresent(access)) return raiseSelector(s, VECTOR_NP, selector, 0);
  if (gate) gateTransfer(s, d, next, call);
  else taskTransfer(s, type == TYPE_TASK_GATE ? gateSelector(d) : selector, next, call);
}

/** Real and virtual-8086 mode: the selector is the base. */
function realTransfer(s: usize, selector: u32, offset: u32, next: u32, size: u32, call: bool): void {
  if (call && !checkCall(s, next, size)) return;
  if (offset > load<u32>(segment(s, CS), SEGMENT_LIMIT)) return raiseError(s, VECTOR_GP, 0);
  if (call && !pushCall(s, size)) return;
  setRealCode(s, selector);
  store<u32>(s + VCPU_EIP, offset);
}

/** Begins the frame of a CALL that keeps its stack, and checks that there is room for it: false if not. */
function checkCall(s: usize, next: u32, size: u32): bool {
  frameBegin(s);
  framePush(s, load<u32>(segment(s, CS), SEGMENT_SELECTOR));
  framePush(s, next);
  checkFrame(s, segment(s, SS), load<u32>(s + VCPU_ESP), size, 0);
  return !faulted(s);
}

/** Pushes it, once nothing else can fail. */
function pushCall(s: usize, size: u32): bool {
  const esp = writeFrame(s, segment(s, SS), load<u32>(s + VCPU_ESP), size, false);
  if (faulted(s)) return false;
  store<u32>(s + VCPU_ESP, esp);
  return true;
}

/** Directly to a code segment: the level stays. */
function codeTransfer(s: usize, selector: u32, d: u64, offset: u32, next: u32, size: u32, call: bool): void {
  const access = descriptorAccess(d);
  const cpl = load<u32>(s + VCPU_CPL);
  const dpl = accessDpl(access);
  const allowed = isConforming(access) ? dpl <= cpl : (selector & SELECTOR_RPL) <= cpl && dpl == cpl;
  if (!allowed) return raiseSelector(s, VECTOR_GP, selector, 0);
  if (!isPresent(access)) return raiseSelector(s, VECTOR_NP, selector, 0);
  sameLevel(s, selector, d, offset, next, size, call);
}

/** The tail of every transfer that keeps the level; the code segment's rights are checked. */
function sameLevel(s: usize, selector: u32, d: u64, offset: u32, next: u32, size: u32, call: bool): void {
  if (call && !checkCall(s, next, size)) return;
  if (offset > descriptorLimit(d)) return raiseError(s, VECTOR_GP, 0);
  markAccessed(s, selector, descriptorAccess(d));
  if (faulted(s)) return;
  if (call && !pushCall(s, size)) return;
  setCode(s, selector, d, load<u32>(s + VCPU_CPL));
  store<u32>(s + VCPU_EIP, offset);
}

/** Through a call gate whose own rights are checked. */
function gateTransfer(s: usize, gate: u64, next: u32, call: bool): void {
  const selector = gateSelector(gate);
  if (isNull(selector)) return raiseError(s, VECTOR_GP, 0);
  const d = fetchDescriptor(s, selector, VECTOR_GP, 0);
  if (faulted(s)) return;
  const access = descriptorAccess(d);
  const cpl = load<u32>(s + VCPU_CPL);
  const dpl = accessDpl(access);
  const inward = !isConforming(access) && dpl < cpl;
  // JMP may not change the level; CALL may go inwards.
  if (!isCode(access) || dpl > cpl || (inward && !call)) return raiseSelector(s, VECTOR_GP, selector, 0);
  if (!isPresent(access)) return raiseSelector(s, VECTOR_NP, selector, 0);
  if (inward) return callInward(s, gate, selector, d, next);
  const size: u32 = accessType(descriptorAccess(gate)) & TYPE_32 ? 4 : 2;
  sameLevel(s, selector, d, gateOffset(gate), next, size, call);
}

/**
 * CALL to an inner level. The new stack:
 *
 *   old SS | old ESP | parameter n … parameter 1 | old CS | old EIP  ← new ESP
 */
function callInward(s: usize, gate: u64, selector: u32, d: u64, next: u32): void {
  const access = descriptorAccess(d);
  const level = accessDpl(access);
  const size: u32 = accessType(descriptorAccess(gate)) & TYPE_32 ? 4 : 2;
  let esp = innerStack(s, level, 0);
  if (faulted(s)) return;
  const stack = candidateStack(s);
  frameBegin(s);
  framePush(s, load<u32>(segment(s, SS), SEGMENT_SELECTOR));
  framePush(s, load<u32>(s + VCPU_ESP));
  for (let n = gateCount(gate); n > 0; n--) {
    const value = readStack(s, (n - 1) * size, size);
    if (faulted(s)) return;
    framePush(s, value);
  }
  framePush(s, load<u32>(segment(s, CS), SEGMENT_SELECTOR));
  framePush(s, next);
  checkFrame(s, stack, esp, size, load<u32>(stack, SEGMENT_SELECTOR) & 0xfffc);
  if (faulted(s)) return;
  if (gateOffset(gate) > descriptorLimit(d)) return raiseError(s, VECTOR_GP, 0);
  markAccessed(s, selector, access);
  if (faulted(s)) return;
  esp = writeFrame(s, stack, esp, size, true);
  if (faulted(s)) return;
  commitCandidate(s);
  store<u32>(s + VCPU_ESP, esp);
  setCode(s, selector, d, level);
  store<u32>(s + VCPU_EIP, gateOffset(gate));
}
