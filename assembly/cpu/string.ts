/**
 * String instructions. Intel SDM Vol. 2, "MOVS", "STOS", "LODS", "CMPS", "SCAS" and "REP/REPE/REPZ/REPNE/REPNZ".
 *
 * An element is atomic: a fault leaves the registers as the completed elements made them. EFLAGS changes only when the
 * instruction is complete: whatever stops a repetition of CMPS or SCAS, be it a page fault ("REP/REPE/REPZ/REPNE/REPNZ":
 * "the EFLAGS value is restored to the state prior to the execution of the instruction"), another fault, an interrupt, a
 * trap or the budget, finds the flags of before it (docs/oracle.md, "Where processors differ"). `stringOp` may be called
 * again for the rest, and how a repetition is cut changes nothing that is counted. Hence the rule of the bulk path:
 * it moves a run of elements with one look-up per page only where the loop over elements would find both pages in
 * the TLB each time, that is unless they are different pages with the same TLB index.
 */
import {
  ES,
  SEGMENT_ACCESS,
  SEGMENT_BASE,
  SEGMENT_LIMIT,
  TLB_INDEX_MASK,
  VCPU_CODE_WRITTEN,
  VCPU_EAX,
  VCPU_ECX,
  VCPU_EDI,
  VCPU_EFLAGS,
  VCPU_ESI,
  VCPU_FLAG_AUX,
  VCPU_FLAG_RESULT,
} from '../layout';
import {
  alignmentChecked,
  hostRead,
  hostWrite,
  readU8,
  readU16,
  readU32,
  writeU8,
  writeU16,
  writeU32,
} from '../mmu/access';
import { faulted } from '../record';
import { AUX_AF, AUX_CF, AUX_PO, FLAG_DF, flagZ } from './flags';
import { ACCESS_CODE, ACCESS_EXPAND_DOWN, segment } from './mode';
import { permitted, segmentLinear } from './segments';

// Kinds
export const STRING_MOVS: u32 = 0;
export const STRING_STOS: u32 = 1;
export const STRING_LODS: u32 = 2;
export const STRING_CMPS: u32 = 3;
/** @public */
export const STRING_SCAS: u32 = 4;

// Repetition
export const REP_NONE: u32 = 0;
export const REP_EQUAL: u32 = 1; //     F3: REP, REPE
/** @public */
export const REP_NOT_EQUAL: u32 = 2; // F2: REPNE; as REP where nothing is compared

/** In stringOp's result: the instruction is complete. The other bits are the number of elements done. */
export const STRING_FINISHED: u32 = 1 << 31;

/**
 * Executes elements until the instruction is finished, `maxIterations` (1 … 2^31 − 1) are done or one faults; then
 * STRING_FINISHED is clear. Without repetition one element is done, or none after a fault. `size`: 1, 2 or 4 bytes;
 * `addressSize`: 2 or 4; `source`: segment of eSI.
 */
export function stringOp(
  s: usize,
  kind: u32,
  size: u32,
  addressSize: u32,
  source: u32,
  rep: u32,
  maxIterations: u32,
): u32 {
  const mask: u32 = addressSize == 4 ? 0xffffffff : 0xffff;
  if (rep == REP_NONE) {
    element(s, kind, size, mask, source);
    return faulted(s) ? 0 : STRING_FINISHED | 1;
  }
  const result = load<u32>(s + VCPU_FLAG_RESULT);
  const aux = load<u32>(s + VCPU_FLAG_AUX);
  const done = repeat(s, kind, size, mask, source, rep, maxIterations);
  if (kind >= STRING_CMPS && !(done & STRING_FINISHED)) {
    store<u32>(s + VCPU_FLAG_RESULT, result);
    store<u32>(s + VCPU_FLAG_AUX, aux);
  }
  return done;
}

function repeat(s: usize, kind: u32, size: u32, mask: u32, source: u32, rep: u32, maxIterations: u32): u32 {
  const bulk = kind <= STRING_STOS && !(load<u32>(s + VCPU_EFLAGS) & FLAG_DF) && !alignmentChecked(s);
  let done: u32 = 0;
  store<u32>(s + VCPU_CODE_WRITTEN, 0);
  while (true) {
    const left = load<u32>(s + VCPU_ECX) & mask;
    if (left == 0) return STRING_FINISHED | done;
    if (done == maxIterations) return done;
    let n: u32 = 0;
    if (bulk) {
      const most = min<u32>(left, maxIterations - done);
      n = kind == STRING_MOVS ? moveRun(s, size, mask, source, most) : storeRun(s, size, mask, most);
      if (faulted(s)) return done;
    }
    if (n == 0) {
      element(s, kind, size, mask, source);
      if (faulted(s)) return done;
      n = 1;
    }
    advance(s + VCPU_ECX, 0 - n, mask);
    done += n;
    if (kind >= STRING_CMPS && flagZ(s) != u32(rep == REP_EQUAL)) return STRING_FINISHED | done;
    // It overwrote code of the page it runs from, perhaps itself: the next iteration is fetched anew, as it would be
    // if an interrupt had come in between.
    if (load<u32>(s + VCPU_CODE_WRITTEN) != 0 && (load<u32>(s + VCPU_ECX) & mask) != 0) return done;
  }
}

/** Adds to the part of a register that the address size uses. */
function advance(p: usize, step: u32, mask: u32): void {
  const old = load<u32>(p);
  store<u32>(p, (old & ~mask) | ((old + step) & mask));
}

// ── One element ─────────────────────────────────────────────────────────────
function element(s: usize, kind: u32, size: u32, mask: u32, source: u32): void {
  const step = load<u32>(s + VCPU_EFLAGS) & FLAG_DF ? 0 - size : size;
  const fromSource = kind == STRING_MOVS || kind == STRING_LODS || kind == STRING_CMPS;
  let value = load<u32>(s + VCPU_EAX);
  if (fromSource) {
    value = read(s, source, load<u32>(s + VCPU_ESI) & mask, size);
    if (faulted(s)) return;
  }
  if (kind == STRING_LODS) {
    if (size == 4) store<u32>(s + VCPU_EAX, value);
    else if (size == 2) store<u16>(s + VCPU_EAX, u16(value));
    else store<u8>(s + VCPU_EAX, u8(value));
  } else {
    const offset = load<u32>(s + VCPU_EDI) & mask;
    if (kind >= STRING_CMPS) {
      const other = read(s, ES, offset, size);
      if (faulted(s)) return;
      compare(s, value, other, size);
    } else {
      write(s, offset, value, size);
      if (faulted(s)) return;
    }
    advance(s + VCPU_EDI, step, mask);
  }
  if (fromSource) advance(s + VCPU_ESI, step, mask);
}

function read(s: usize, index: u32, offset: u32, size: u32): u32 {
  const linear = segmentLinear(s, index, offset, size, false);
  if (faulted(s)) return 0;
  if (size == 4) return readU32(s, linear);
  return size == 2 ? readU16(s, linear) : readU8(s, linear);
}

function write(s: usize, offset: u32, value: u32, size: u32): void {
  const linear = segmentLinear(s, ES, offset, size, true);
  if (faulted(s)) return;
  if (size == 4) writeU32(s, linear, value);
  else if (size == 2) writeU16(s, linear, value & 0xffff);
  else writeU8(s, linear, value & 0xff);
}

/** Flags of a − b: the borrow vector, moved so that the operand's sign bit lies at bit 31 (cpu/flags.ts). */
function compare(s: usize, a: u32, b: u32, size: u32): void {
  const difference = a - b;
  const borrow = (~a & b) | (~(a ^ b) & difference);
  const shift = 32 - (size << 3);
  store<u32>(s + VCPU_FLAG_RESULT, i32(difference << shift) >> shift);
  store<u32>(s + VCPU_FLAG_AUX, ((borrow << shift) & (AUX_CF | AUX_PO)) | (borrow & AUX_AF));
}

// ── Runs within a page ──────────────────────────────────────────────────────
/** Bytes from `offset` on that one segment check and one look-up cover: to the end of page, segment or address range. */
function runBytes(s: usize, index: u32, offset: u32, mask: u32, write: bool): u32 {
  const p = segment(s, index);
  const access = load<u32>(p, SEGMENT_ACCESS);
  const expandsDown = (access & (ACCESS_CODE | ACCESS_EXPAND_DOWN)) == ACCESS_EXPAND_DOWN;
  const top = min<u32>(load<u32>(p, SEGMENT_LIMIT), mask);
  if (expandsDown || offset > top || !permitted(s, access, write)) return 0;
  const page: u32 = 4096 - ((load<u32>(p, SEGMENT_BASE) + offset) & 4095);
  return u32(min<u64>(u64(top - offset) + 1, u64(page)));
}

/** REP STOS forwards within a page; returns the elements done, 0 to do one by one. */
function storeRun(s: usize, size: u32, mask: u32, most: u32): u32 {
  const edi = load<u32>(s + VCPU_EDI) & mask;
  const n = min<u32>(most, runBytes(s, ES, edi, mask, true) / size);
  if (n < 2) return 0;
  const bytes = n * size;
  const to = hostWrite(s, load<u32>(segment(s, ES), SEGMENT_BASE) + edi, bytes);
  if (to == 0) return 0;
  fill(to, load<u32>(s + VCPU_EAX), size, bytes);
  advance(s + VCPU_EDI, bytes, mask);
  return n;
}

function fill(to: usize, value: u32, size: u32, bytes: u32): void {
  const byte = value & 0xff;
  const uniform = size == 1 || value == byte * 0x01010101 || (size == 2 && (value & 0xffff) == byte * 0x0101);
  if (uniform) return memory.fill(to, u8(byte), bytes);
  const end = to + bytes;
  if (size == 4) for (; to < end; to += 4) store<u32>(to, value);
  else for (; to < end; to += 2) store<u16>(to, u16(value));
}

/** REP MOVS forwards within a source and a destination page; returns the elements done, 0 to do one by one. */
function moveRun(s: usize, size: u32, mask: u32, source: u32, most: u32): u32 {
  const esi = load<u32>(s + VCPU_ESI) & mask;
  const edi = load<u32>(s + VCPU_EDI) & mask;
  const room = min<u32>(runBytes(s, source, esi, mask, false), runBytes(s, ES, edi, mask, true));
  const n = min<u32>(most, room / size);
  if (n < 2) return 0;
  const fromLinear = load<u32>(segment(s, source), SEGMENT_BASE) + esi;
  const toLinear = load<u32>(segment(s, ES), SEGMENT_BASE) + edi;
  const pages = (fromLinear ^ toLinear) >>> 12;
  if (pages != 0 && !((pages << 4) & TLB_INDEX_MASK)) return 0;
  const bytes = n * size;
  const from = hostRead(s, fromLinear, bytes);
  if (from == 0) return 0;
  const to = hostWrite(s, toLinear, bytes);
  if (to == 0) return 0;
  copy(from, to, size, bytes);
  advance(s + VCPU_ESI, bytes, mask);
  advance(s + VCPU_EDI, bytes, mask);
  return n;
}

/** Copies element by element, upwards: where the destination overlaps ahead of the source, the pattern repeats. */
function copy(from: usize, to: usize, size: u32, bytes: u32): void {
  if (to <= from || to >= from + bytes) return memory.copy(to, from, bytes);
  const end = from + bytes;
  if (size == 4) for (; from < end; from += 4, to += 4) store<u32>(to, load<u32>(from));
  else if (size == 2) for (; from < end; from += 2, to += 2) store<u16>(to, load<u16>(from));
  else for (; from < end; from++, to++) store<u8>(to, load<u8>(from));
}
