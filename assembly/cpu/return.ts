/**
 * Far RET and IRET. Intel SDM Vol. 2, "RET—Return from Procedure", "IRET/IRETD—Interrupt Return".
 *
 *   far RET   same level:  EIP, CS, (pop bytes)          outer level: … ESP, SS
 *   IRET      same level:  EIP, CS, EFLAGS               outer level: … ESP, SS
 *             to virtual-8086 mode (CPL 0 only):         … ESP, SS, ES, DS, FS, GS
 *             NT set: no frame; the back link of the TSS names the task to resume
 */
import { CS, DS, ES, FS, GS, SEGMENT_LIMIT, SS, VCPU_CPL, VCPU_EFLAGS, VCPU_EIP, VCPU_ESP } from '../layout';
import { faulted, raiseError, VECTOR_GP, VECTOR_NP, VECTOR_SS } from '../record';
import {
  accessDpl,
  descriptorAccess,
  descriptorLimit,
  fetchDescriptor,
  isCode,
  isConforming,
  isNull,
  isPresent,
  isWritableData,
  markAccessed,
  raiseSelector,
  SELECTOR_RPL,
} from './descriptor';
import {
  FLAG_AC,
  FLAG_DF,
  FLAG_ID,
  FLAG_IF,
  FLAG_IOPL,
  FLAG_NT,
  FLAG_RF,
  FLAG_TF,
  FLAG_VIF,
  FLAG_VIP,
  FLAG_VM,
  FLAGS_ARITHMETIC,
  setEflags,
} from './flags';
import { changeCode, segment } from './mode';
import { dropInnerSegments, isReal, isV86, setCode, setRealCode, setSegment, setV86 } from './segments';
import { directStack, loadSlot, mergeEsp, readSlot, readStack, releaseStack } from './stack';
import { returnSwiftly, swiftFrame } from './swift';
import { taskReturn } from './task';

/** No EFLAGS image: a far RET. */
const NO_FLAGS: i64 = -1;

/** RETF; `pop` further bytes are released from both stacks. */
export function farReturn(s: usize, size: u32, pop: u32): void {
  const host = directStack(s, 2 * size);
  const eip = readSlot(s, host, 0, size);
  if (faulted(s)) return;
  const selector = readSlot(s, host, 1, size) & 0xffff;
  if (faulted(s)) return;
  if (isReal(s) || isV86(s)) return realReturn(s, eip, selector, 2 * size + pop, NO_FLAGS);
  protectedReturn(s, eip, selector, size, 2 * size, pop, NO_FLAGS);
}

/** IRET or IRETD. `next`: EIP of the following instruction (saved by a task switch). */
export function interruptReturn(s: usize, next: u32, size: u32): void {
  const v86 = isV86(s);
  const old = load<u32>(s + VCPU_EFLAGS);
  if (v86 && (old & FLAG_IOPL) != FLAG_IOPL) return raiseError(s, VECTOR_GP, 0);
  const real = isReal(s);
  if (!real && !v86 && old & FLAG_NT) return taskReturn(s, next);
  if (!real && !v86 && size == 4) {
    const frame = swiftFrame(s, 12);
    const image = frame ? load<u32>(frame, 8) : FLAG_VM;
    if (!(image & FLAG_VM) && returnSwiftly(s, frame, u32(returnFlags(s, image, 4)))) return;
  }
  const host = directStack(s, 3 * size);
  const eip = readSlot(s, host, 0, size);
  if (faulted(s)) return;
  const selector = readSlot(s, host, 1, size) & 0xffff;
  if (faulted(s)) return;
  const flags = readSlot(s, host, 2, size);
  if (faulted(s)) return;
  if (real || v86) return realReturn(s, eip, selector, 3 * size, returnFlags(s, flags, size));
  if (flags & FLAG_VM && size == 4 && load<u32>(s + VCPU_CPL) == 0) return v86Return(s, eip, selector, flags);
  protectedReturn(s, eip, selector, size, 3 * size, 0, returnFlags(s, flags, size));
}

/**
 * EFLAGS after IRET: the bits of the image that the operand size and the *old* CPL let through; the rest stays.
 * VM never changes here; VIF and VIP change only where a 32-bit image is popped at CPL 0 in protected mode.
 */
function returnFlags(s: usize, image: u32, size: u32): i64 {
  const old = load<u32>(s + VCPU_EFLAGS); // without the arithmetic flags, which the image replaces
  const cpl = load<u32>(s + VCPU_CPL);
  let mask = FLAGS_ARITHMETIC | FLAG_TF | FLAG_DF | FLAG_NT;
  if (size == 4) mask |= FLAG_RF | FLAG_AC | FLAG_ID;
  if (cpl <= (old & FLAG_IOPL) >>> 12) mask |= FLAG_IF;
  if (cpl == 0) mask |= FLAG_IOPL;
  if (cpl == 0 && size == 4 && !isReal(s)) mask |= FLAG_VIF | FLAG_VIP;
  return i64(u64((old & ~mask) | (image & mask)));
}

/** In real and virtual-8086 mode. */
function realReturn(s: usize, eip: u32, selector: u32, bytes: u32, flags: i64): void {
  if (eip > load<u32>(segment(s, CS), SEGMENT_LIMIT)) return raiseError(s, VECTOR_GP, 0);
  releaseStack(s, bytes);
  if (flags != NO_FLAGS) setEflags(s, u32(flags));
  setRealCode(s, selector);
  store<u32>(s + VCPU_EIP, eip);
}

/** In protected mode, to the same or an outer level; `top` bytes of the frame are read already. */
function protectedReturn(s: usize, eip: u32, selector: u32, size: u32, top: u32, pop: u32, flags: i64): void {
  if (isNull(selector)) return raiseError(s, VECTOR_GP, 0);
  const d = fetchDescriptor(s, selector, VECTOR_GP, 0);
  if (faulted(s)) return;
  const access = descriptorAccess(d);
  const rpl = selector & SELECTOR_RPL;
  const dpl = accessDpl(access);
  const cpl = load<u32>(s + VCPU_CPL);
  if (!isCode(access) || rpl < cpl || (isConforming(access) ? dpl > rpl : dpl != rpl))
    return raiseSelector(s, VECTOR_GP, selector, 0);
  if (!isPresent(access)) return raiseSelector(s, VECTOR_NP, selector, 0);
  if (rpl > cpl) return outerReturn(s, eip, selector, d, size, top, pop, flags);
  if (eip > descriptorLimit(d)) return raiseError(s, VECTOR_GP, 0);
  markAccessed(s, selector, access);
  if (faulted(s)) return;
  releaseStack(s, top + pop);
  if (flags != NO_FLAGS) setEflags(s, u32(flags));
  setCode(s, selector, d, cpl);
  store<u32>(s + VCPU_EIP, eip);
}

/** To an outer level: SS:ESP follow on the stack, and inner data segments are dropped. */
function outerReturn(s: usize, eip: u32, cs: u32, code: u64, size: u32, top: u32, pop: u32, flags: i64): void {
  const level = cs & SELECTOR_RPL;
  const host = directStack(s, top + pop + 2 * size);
  const esp = host ? loadSlot(host + top + pop, size) : readStack(s, top + pop, size);
  if (faulted(s)) return;
  const above = top + pop + size;
  const selector = (host ? loadSlot(host + above, size) : readStack(s, above, size)) & 0xffff;
  if (faulted(s)) return;
  if (isNull(selector)) return raiseError(s, VECTOR_GP, 0);
  const d = fetchDescriptor(s, selector, VECTOR_GP, 0);
  if (faulted(s)) return;
  const access = descriptorAccess(d);
  if ((selector & SELECTOR_RPL) != level || accessDpl(access) != level || !isWritableData(access))
    return raiseSelector(s, VECTOR_GP, selector, 0);
  if (!isPresent(access)) return raiseSelector(s, VECTOR_SS, selector, 0);
  if (eip > descriptorLimit(code)) return raiseError(s, VECTOR_GP, 0);
  markAccessed(s, cs, descriptorAccess(code));
  if (faulted(s)) return;
  markAccessed(s, selector, access);
  if (faulted(s)) return;
  setSegment(s, SS, selector, d);
  store<u32>(s + VCPU_ESP, mergeEsp(segment(s, SS), load<u32>(s + VCPU_ESP), esp + pop));
  if (flags != NO_FLAGS) setEflags(s, u32(flags));
  setCode(s, cs, code, level);
  store<u32>(s + VCPU_EIP, eip);
  dropInnerSegments(s);
}

/** IRETD at CPL 0 with VM set in the image. SDM Vol. 3B 20.2.6, "Leaving Virtual-8086 Mode" and IRET's operation. */
function v86Return(s: usize, eip: u32, cs: u32, flags: u32): void {
  const esp = readStack(s, 12, 4);
  if (faulted(s)) return;
  const ss = readStack(s, 16, 4);
  if (faulted(s)) return;
  const es = readStack(s, 20, 4);
  if (faulted(s)) return;
  const ds = readStack(s, 24, 4);
  if (faulted(s)) return;
  const fs = readStack(s, 28, 4);
  if (faulted(s)) return;
  const gs = readStack(s, 32, 4);
  if (faulted(s)) return;
  setEflags(s, flags);
  setV86(s, CS, cs);
  setV86(s, SS, ss & 0xffff);
  setV86(s, ES, es & 0xffff);
  setV86(s, DS, ds & 0xffff);
  setV86(s, FS, fs & 0xffff);
  setV86(s, GS, gs & 0xffff);
  store<u32>(s + VCPU_ESP, esp);
  store<u32>(s + VCPU_EIP, eip & 0xffff);
  store<u32>(s + VCPU_CPL, 3);
  changeCode(s);
}
