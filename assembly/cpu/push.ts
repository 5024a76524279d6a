/** PUSH, POP and their families on any stack. Intel SDM Vol. 2B, "PUSH", "POP", "PUSHA/PUSHAD", "ENTER", "LEAVE". */
import { INHIBIT_MOV_SS, SS, VCPU_EAX, VCPU_EBP, VCPU_ESP, VCPU_INHIBIT } from '../layout';
import { probeWrite, readU16, readU32, writeU16, writeU32 } from '../mmu/access';
import { faulted } from '../record';
import { selector } from './far';
import { segment } from './mode';
import { loadSegment, segmentLinear } from './segments';
import { mergeEsp, readStack, releaseStack, stackMask } from './stack';
import { flagsImage, popFlags } from './system';

function write(s: usize, linear: u32, value: u32, size: u32): void {
  if (size == 4) writeU32(s, linear, value);
  else writeU16(s, linear, value & 0xffff);
}

/** Linear address of the slot `depth` × size bytes below the top. */
function below(s: usize, depth: u32, size: u32): u32 {
  const sp = (load<u32>(s + VCPU_ESP) - depth * size) & stackMask(segment(s, SS));
  return segmentLinear(s, SS, sp, size, true);
}

/** Moves the top by a multiple of the operand size; wraps as the stack segment's width says. */
export function adjustStack(s: usize, bytes: u32): void {
  releaseStack(s, bytes);
}

export function pushValue(s: usize, value: u32, size: u32): void {
  const linear = below(s, 1, size);
  if (faulted(s)) return;
  write(s, linear, value, size);
  if (!faulted(s)) adjustStack(s, 0 - size);
}

/** The value at the top of the stack, zero-extended; the stack stays. */
export function stackTop(s: usize, size: u32): u32 {
  return readStack(s, 0, size);
}

/** The double word at SS:EBP, which LEAVE pops. */
export function stackFrame(s: usize): u32 {
  const linear = segmentLinear(s, SS, load<u32>(s + VCPU_EBP) & stackMask(segment(s, SS)), 4, false);
  return faulted(s) ? 0 : readU32(s, linear);
}

/** LEAVE with any operand size and stack width. */
export function leave(s: usize, size: u32): void {
  const mask = stackMask(segment(s, SS));
  const linear = segmentLinear(s, SS, load<u32>(s + VCPU_EBP) & mask, size, false);
  if (faulted(s)) return;
  const value = size == 4 ? readU32(s, linear) : readU16(s, linear);
  if (faulted(s)) return;
  store<u32>(s + VCPU_ESP, mergeEsp(segment(s, SS), load<u32>(s + VCPU_ESP), load<u32>(s + VCPU_EBP) + size));
  if (size == 4) store<u32>(s + VCPU_EBP, value);
  else store<u16>(s + VCPU_EBP, value as u16);
}

export function pushAll(s: usize, size: u32): void {
  // Check the whole frame first: nothing may change when a later slot faults.
  for (let n: u32 = 1; n <= 8; n++) {
    const linear = below(s, n, size);
    if (faulted(s)) return;
    probeWrite(s, linear, size);
    if (faulted(s)) return;
  }
  for (let n: u32 = 0; n < 8; n++) write(s, below(s, n + 1, size), load<u32>(s + VCPU_EAX + ((n as usize) << 2)), size);
  adjustStack(s, 0 - 8 * size);
}

export function popAll(s: usize, size: u32): void {
  // Two passes, so that no register changes when a later slot faults. The slot of ESP is skipped.
  for (let n: u32 = 0; n < 8; n++) {
    readStack(s, n * size, size);
    if (faulted(s)) return;
  }
  for (let n: u32 = 0; n < 8; n++) {
    const at = s + VCPU_EAX + (((7 - n) as usize) << 2);
    if (n == 3) continue;
    const value = readStack(s, n * size, size);
    if (size == 4) store<u32>(at, value);
    else store<u16>(at, value as u16);
  }
  adjustStack(s, 8 * size);
}

export function pushFlags(s: usize, size: u32): void {
  const image = flagsImage(s);
  if (!faulted(s)) pushValue(s, image, size);
}

export function popFlagsStack(s: usize, size: u32): void {
  const value = stackTop(s, size);
  if (faulted(s)) return;
  popFlags(s, value, size);
  if (!faulted(s)) adjustStack(s, size);
}

export function pushSegment(s: usize, index: u32, size: u32): void {
  pushValue(s, selector(s, index), size);
}

export function popSegment(s: usize, index: u32, size: u32): void {
  const value = stackTop(s, size);
  if (faulted(s)) return;
  const esp = load<u32>(s + VCPU_ESP);
  loadSegment(s, index, value & 0xffff);
  if (faulted(s)) return;
  if (index == SS) store<u32>(s + VCPU_INHIBIT, INHIBIT_MOV_SS);
  // POP SS: the new segment decides how the pointer moves.
  store<u32>(s + VCPU_ESP, mergeEsp(segment(s, SS), esp, esp + size));
}

/** ENTER: `frame` holds the size in its low and the nesting level in its high word. */
export function enter(s: usize, frame: u32, size: u32): void {
  const bytes = frame & 0xffff;
  const level = (frame >>> 16) & 31;
  const stack = segment(s, SS);
  const mask = stackMask(stack);
  const esp = load<u32>(s + VCPU_ESP);
  const ebp = load<u32>(s + VCPU_EBP);
  const slots = level ? level + 1 : 1;
  for (let n: u32 = 1; n <= slots; n++) {
    const linear = below(s, n, size);
    if (faulted(s)) return;
    probeWrite(s, linear, size);
    if (faulted(s)) return;
  }
  // The final stack top is probed too: SDM, "ENTER", operation.
  const last = segmentLinear(s, SS, (esp - slots * size - bytes) & mask, size, true);
  if (faulted(s)) return;
  probeWrite(s, last, size);
  if (faulted(s)) return;
  // EBP goes first: where the outer frame lies below it, the copies read what was just pushed.
  write(s, below(s, 1, size), ebp, size);
  for (let n: u32 = 1; n < level; n++) {
    const linear = segmentLinear(s, SS, (ebp - n * size) & mask, size, false);
    if (faulted(s)) return;
    const value = size == 4 ? readU32(s, linear) : readU16(s, linear);
    if (faulted(s)) return;
    write(s, below(s, n + 1, size), value, size);
  }
  const top = (esp - size) & mask;
  if (level) write(s, below(s, level + 1, size), mergeEsp(stack, esp, top), size);
  if (size == 4) store<u32>(s + VCPU_EBP, mergeEsp(stack, ebp, top));
  else store<u16>(s + VCPU_EBP, top as u16);
  store<u32>(s + VCPU_ESP, mergeEsp(stack, esp, esp - slots * size - bytes));
}
