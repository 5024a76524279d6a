/**
 * Stack frames of far transfers and events. A frame is first collected, then checked as a whole, then written, so that
 * nothing is pushed onto a stack that cannot hold it.
 *
 *   frameBegin → framePush … framePush → checkFrame (limits: #SS) → writeFrame (page faults) → commit ESP
 *
 * The stack is either SS or the *candidate*: a segment register in scratch that holds the SS of an inner level.
 */
import {
  SEGMENT_ACCESS,
  SEGMENT_BASE,
  SEGMENT_LIMIT,
  SEGMENT_SELECTOR,
  SEGMENT_SIZE,
  SS,
  TR,
  VCPU_ESP,
  VCPU_SCRATCH,
} from '../layout';
import {
  readSystemU16,
  readSystemU32,
  readU16,
  readU32,
  writeSystemU16,
  writeSystemU32,
  writeU16,
  writeU32,
} from '../mmu/access';
import { faulted, raiseError, VECTOR_SS, VECTOR_TS } from '../record';
import {
  accessDpl,
  accessType,
  descriptorAccess,
  fetchDescriptor,
  isNull,
  isPresent,
  isWritableData,
  markAccessed,
  raiseSelector,
  SELECTOR_RPL,
  TYPE_32,
} from './descriptor';
import { currentBank, directRead, directWrite, systemBank } from './direct';
import { ACCESS_DB, ACCESS_EXPAND_DOWN, ACCESS_UNUSABLE, segment } from './mode';
import { fillSegment, segmentLinear, withinLimit } from './segments';

const CANDIDATE: usize = VCPU_SCRATCH;
const FRAME_COUNT: usize = CANDIDATE + SEGMENT_SIZE;
const FRAME: usize = FRAME_COUNT + 16;
/** Longest frame: SS, ESP, 31 parameters, CS, EIP of a call gate. */
export const FRAME_CAPACITY: usize = 48;
export const STACK_SCRATCH_END: usize = FRAME + FRAME_CAPACITY * 4;

/** The bits of ESP that a stack segment uses: 32, or 16 where SS.B is clear. */
export function stackMask(stack: usize): u32 {
  return load<u32>(stack, SEGMENT_ACCESS) & ACCESS_DB ? 0xffffffff : 0xffff;
}

/** ESP with the part that the stack segment uses replaced. */
export function mergeEsp(stack: usize, old: u32, value: u32): u32 {
  const mask = stackMask(stack);
  return (old & ~mask) | (value & mask);
}

/** Reads a slot of the current stack, `offset` bytes above its top. */
export function readStack(s: usize, offset: u32, size: u32): u32 {
  const sp = (load<u32>(s + VCPU_ESP) + offset) & stackMask(segment(s, SS));
  const linear = segmentLinear(s, SS, sp, size, false);
  if (faulted(s)) return 0;
  return size == 4 ? readU32(s, linear) : readU16(s, linear);
}

/**
 * Host address of the `bytes` at the top of the current stack, or 0 where they are to be read one by one: they wrap,
 * leave the segment or a page, or the TLB does not hold them.
 */
export function directStack(s: usize, bytes: u32): usize {
  const stack = segment(s, SS);
  const access = load<u32>(stack, SEGMENT_ACCESS);
  const mask = stackMask(stack);
  const sp = load<u32>(s + VCPU_ESP) & mask;
  if (access & (ACCESS_UNUSABLE | ACCESS_EXPAND_DOWN) || sp + bytes - 1 > mask) return 0;
  if (!withinLimit(access, load<u32>(stack, SEGMENT_LIMIT), sp, bytes)) return 0;
  return directRead(currentBank(s), load<u32>(stack, SEGMENT_BASE) + sp, bytes);
}

/** Slot `n` of `size` bytes above the top of the current stack; `host` is directStack's result for it. */
export function readSlot(s: usize, host: usize, n: u32, size: u32): u32 {
  if (!host) return readStack(s, n * size, size);
  return loadSlot(host + n * size, size);
}

export function loadSlot(host: usize, size: u32): u32 {
  return size == 4 ? load<u32>(host) : load<u16>(host);
}

/** Moves the current stack's top up. */
export function releaseStack(s: usize, bytes: u32): void {
  const esp = load<u32>(s + VCPU_ESP);
  store<u32>(s + VCPU_ESP, mergeEsp(segment(s, SS), esp, esp + bytes));
}

// ── Frames ──────────────────────────────────────────────────────────────────
export function frameBegin(s: usize): void {
  store<u32>(s + FRAME_COUNT, 0);
}

export function framePush(s: usize, value: u32): void {
  const n = load<u32>(s + FRAME_COUNT);
  store<u32>(s + FRAME + ((n as usize) << 2), value);
  store<u32>(s + FRAME_COUNT, n + 1);
}

/** Raises #SS(`error`) unless the stack has room for the frame in slots of `size` bytes below `esp`. */
export function checkFrame(s: usize, stack: usize, esp: u32, size: u32, error: u32): void {
  const access = load<u32>(stack, SEGMENT_ACCESS);
  const limit = load<u32>(stack, SEGMENT_LIMIT);
  const mask = stackMask(stack);
  const n = load<u32>(s + FRAME_COUNT);
  // One compare where an ordinary stack holds the whole frame without wrapping.
  const top = esp & mask;
  if (!(access & (ACCESS_UNUSABLE | ACCESS_EXPAND_DOWN)) && top >= n * size && top - 1 <= limit) return;
  for (let i: u32 = 1; i <= n; i++) {
    const sp = (esp - i * size) & mask;
    if (access & ACCESS_UNUSABLE || !withinLimit(access, limit, sp, size)) return raiseError(s, VECTOR_SS, error);
  }
}

/**
 * Writes the frame and returns the new ESP, which the caller commits; may fault.
 * `inner`: the stack is that of an inner privilege level, so the accesses are the supervisor's.
 */
export function writeFrame(s: usize, stack: usize, esp: u32, size: u32, inner: bool): u32 {
  const base = load<u32>(stack, SEGMENT_BASE);
  const mask = stackMask(stack);
  const n = load<u32>(s + FRAME_COUNT);
  const bytes = n * size;
  let sp = esp & mask;
  if (sp >= bytes && size == 4) {
    const host = directWrite(inner ? systemBank(s) : currentBank(s), base + sp - bytes, bytes);
    if (host) {
      for (let i: u32 = 0; i < n; i++)
        store<u32>(host + (((n - 1 - i) as usize) << 2), load<u32>(s + FRAME + ((i as usize) << 2)));
      return mergeEsp(stack, esp, sp - bytes);
    }
  }
  for (let i: u32 = 0; i < n; i++) {
    sp = (sp - size) & mask;
    const linear = base + sp;
    const value = load<u32>(s + FRAME + ((i as usize) << 2));
    if (size == 4) {
      if (inner) writeSystemU32(s, linear, value);
      else writeU32(s, linear, value);
    } else if (inner) writeSystemU16(s, linear, value & 0xffff);
    else writeU16(s, linear, value & 0xffff);
    if (faulted(s)) return esp;
  }
  return mergeEsp(stack, esp, sp);
}

// ── Inner stacks ────────────────────────────────────────────────────────────
export function candidateStack(s: usize): usize {
  return s + CANDIDATE;
}

/** Makes the candidate the current stack. */
export function commitCandidate(s: usize): void {
  memory.copy(segment(s, SS), s + CANDIDATE, SEGMENT_SIZE);
}

/**
 * Fetches the stack of privilege level `level` from the TSS into the candidate and returns its ESP; raises #TS or #SS.
 * SDM Vol. 3A 5.8.5, "Stack Switching".
 *
 *   32-bit TSS:  ESP at 4 + 8 × level, SS at 8 + 8 × level     16-bit TSS:  SP at 2 + 4 × level, SS at 4 + 4 × level
 */
export function innerStack(s: usize, level: u32, external: u32): u32 {
  const tr = segment(s, TR);
  const wide = (accessType(load<u32>(tr, SEGMENT_ACCESS)) & TYPE_32) != 0;
  const offset: u32 = wide ? 4 + (level << 3) : 2 + (level << 2);
  if (load<u32>(tr, SEGMENT_ACCESS) & ACCESS_UNUSABLE || offset + (wide ? 5 : 3) > load<u32>(tr, SEGMENT_LIMIT)) {
    raiseSelector(s, VECTOR_TS, load<u32>(tr, SEGMENT_SELECTOR), external);
    return 0;
  }
  const linear = load<u32>(tr, SEGMENT_BASE) + offset;
  const host = wide ? directRead(systemBank(s), linear, 8) : 0;
  if (host) {
    loadCandidate(s, load<u16>(host + 4), level, external);
    return load<u32>(host);
  }
  const esp = wide ? readSystemU32(s, linear) : readSystemU16(s, linear);
  if (faulted(s)) return 0;
  const selector = readSystemU16(s, linear + (wide ? 4 : 2));
  if (faulted(s)) return 0;
  loadCandidate(s, selector, level, external);
  return esp;
}

function loadCandidate(s: usize, selector: u32, level: u32, external: u32): void {
  if (isNull(selector)) return raiseError(s, VECTOR_TS, external);
  const d = fetchDescriptor(s, selector, VECTOR_TS, external);
  if (faulted(s)) return;
  const access = descriptorAccess(d);
  if ((selector & SELECTOR_RPL) != level || accessDpl(access) != level || !isWritableData(access))
    return raiseSelector(s, VECTOR_TS, selector, external);
  if (!isPresent(access)) return raiseSelector(s, VECTOR_SS, selector, external);
  markAccessed(s, selector, access);
  if (faulted(s)) return;
  fillSegment(s + CANDIDATE, selector, d);
}
