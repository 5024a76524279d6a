/**
 * The slow path of every guest memory access: what the one-compare TLB hit cannot do.
 *
 *   linear ─▶ held in the TLB with the right? ──yes──▶ host address ─▶ load
 *                │ no: TLB miss                             │
 *                ▼                                          └─▶ void page? dropped · decoded code? stale ─▶ store
 *              second level ──hit──▶ fill ─▶ host address
 *                │ no
 *                ▼
 *              walk ─▶ fault or exit recorded, page dropped
 *                └──▶ second level ─▶ secure-memory unit ─▶ fill ─▶ host address
 *
 * An access that crosses a page translates both pages before it touches a byte, so faults are precise. Accessors
 * return 0, or do nothing, when they recorded a fault: callers test `faulted(s)`.
 */

import { CR0_AM } from '../cpu/control';
import { observeData } from '../cpu/debug';
import { FLAG_AC } from '../cpu/flags';
import { segment } from '../cpu/mode';
import { isMmio, mmioRead, mmioWrite } from '../device/mmio';
import {
  COUNTER_STLB_HIT,
  COUNTER_TLB_MISS,
  COUNTER_WALK_EPT,
  COUNTER_WALK_GUEST,
  CS,
  FRAME_CODE_MASK,
  PAGE_MASK,
  PAGE_SIZE,
  SEGMENT_BASE,
  SLOW_BANK,
  TLB_ADDEND,
  TLB_BANK_SIZE,
  TLB_HELD_EXECUTE,
  TLB_HELD_READ,
  TLB_HELD_WRITE,
  TLB_TAG_W,
  VCPU_COUNTERS,
  VCPU_CPL,
  VCPU_CR0,
  VCPU_EFLAGS,
  VCPU_EIP_PAGE,
  VCPU_FETCH_BASE,
  VCPU_FETCH_GENERATION,
  VCPU_FETCH_PAGE,
  VCPU_FETCH_USER,
  VCPU_SHARED_WRITE,
  VCPU_SMM,
  VCPU_TLB,
  VCPU_TLB_BANK,
} from '../layout';
import { count, faulted, raiseError, VECTOR_AC } from '../record';
import { filled, inBuffer, markDirty, resolve } from '../smm/buffer';
import { codeGeneration, codeWritten } from './code';
import { FETCH, HELD_OF_READ, READ, WRITE } from './ept';
import { entryOfHost, inVoid } from './frame';
import { peek, SUPERVISOR, USER, walk } from './paging';
import { stlbFind, stlbPut } from './stlb';
import { entryOf, fill, flushPage, heldOf } from './tlb';

const OFFSET: u32 = PAGE_SIZE - 1;
const NO_ADDRESS: u32 = 0xffffffff;
const HELD_RIGHTS: u32 = TLB_HELD_READ | TLB_HELD_WRITE | TLB_HELD_EXECUTE;

/** The bank of the current CPL where VCPU_TLB_BANK names the slow bank instead, which is never filled. */
function current(s: usize): usize {
  return s + VCPU_TLB + (load<u32>(s + VCPU_CPL) == 3 ? TLB_BANK_SIZE : 0);
}

/** The supervisor's bank: implicit accesses to descriptor tables and the TSS (Intel SDM Vol. 3A, 4.6.1). */
function system(s: usize): usize {
  return s + VCPU_TLB;
}

/** Host address of the byte at `linear` for an access of kind `access`, or 0 if a fault was recorded. */
function translate(s: usize, bank: usize, linear: u32, access: u32, right: u32): usize {
  const entry = entryOf(bank, linear);
  if ((load<u32>(heldOf(s, entry)) & (PAGE_MASK | right)) != ((linear & PAGE_MASK) | right)) {
    if (!miss(s, bank, entry, linear, access, right)) return 0;
  }
  return (linear + load<u32>(entry, TLB_ADDEND)) as usize;
}

/**
 * Fills the entry from the second level or by a walk. A translation that faults is dropped (Intel SDM Vol. 3A, 4.10.4.1;
 * Vol. 3C, 28.4.3.1). A write to a page that is shared is tried again when it was copied: the first try counts nothing and
 * drops nothing.
 */
function miss(s: usize, bank: usize, entry: usize, linear: u32, access: u32, right: u32): bool {
  const user = bank == s + VCPU_TLB ? SUPERVISOR : USER;
  const known = stlbFind(s, linear, user);
  if ((known & right) != 0) {
    count(s, COUNTER_STLB_HIT);
    return install(s, entry, linear, access, known);
  }
  const counters = s + VCPU_COUNTERS;
  const guest = load<u64>(counters + COUNTER_WALK_GUEST * 8);
  const ept = load<u64>(counters + COUNTER_WALK_EPT * 8);
  count(s, COUNTER_TLB_MISS);
  const found = walk(s, linear, access, user);
  if (found != 0) {
    // What is no memory is held by the first level alone: forks take write permission from all of the second.
    if (!isMmio(found & PAGE_MASK)) stlbPut(s, linear, user, found, known);
    return install(s, entry, linear, access, found);
  }
  if (load<u32>(s + VCPU_SHARED_WRITE) == 0) {
    flushPage(s, linear);
    return false;
  }
  store<u32>(s + VCPU_SHARED_WRITE, 0);
  store<u64>(counters + COUNTER_TLB_MISS * 8, load<u64>(counters + COUNTER_TLB_MISS * 8) - 1);
  store<u64>(counters + COUNTER_WALK_GUEST * 8, guest);
  store<u64>(counters + COUNTER_WALK_EPT * 8, ept);
  return false;
}

/**
 * Fills the entry with what a walk found, as the secure-memory unit lets the vCPU use it: a page of its buffer, or less rights.
 * False: an exit was recorded. The second level holds pages of DRAM: where their plaintext is, changes.
 */
function install(s: usize, entry: usize, linear: u32, access: u32, found: u32): bool {
  if (load<usize>(s + VCPU_SMM) == 0 || isMmio(found & PAGE_MASK)) {
    fill(s, entry, linear, found);
    return true;
  }
  const page = resolve(s, found & PAGE_MASK, access, linear, NO_ADDRESS) as u32;
  if (page == 0) {
    flushPage(s, linear);
    return false;
  }
  const rights = ((page & READ) << HELD_OF_READ) | (page & (WRITE | FETCH));
  fill(s, entry, linear, (page & PAGE_MASK) | (found & ~PAGE_MASK & (rights | ~HELD_RIGHTS)));
  if (inBuffer(page)) filled(s, entry, page & PAGE_MASK);
  return true;
}

// ── Alignment ───────────────────────────────────────────────────────────────

/** Whether unaligned accesses of this vCPU raise #AC: CR0.AM, EFLAGS.AC, CPL 3 (Intel SDM Vol. 3A, 6.15). */
export function alignmentChecked(s: usize): bool {
  return (
    (load<u32>(s + VCPU_EFLAGS) & FLAG_AC) != 0 &&
    (load<u32>(s + VCPU_CR0) & CR0_AM) != 0 &&
    load<u32>(s + VCPU_CPL) == 3
  );
}

/**
 * The one place of the alignment check: called for unaligned accesses before their pages are looked up, as processors do;
 * the manual leaves the order to them (Intel SDM Vol. 3A, 6.9, "Prioritization of Concurrent Events"). While it may fail,
 * the interpreter uses the slow bank (cpu/mode.ts).
 */
function misaligned(s: usize, bank: usize): bool {
  if (bank == s + VCPU_TLB || !alignmentChecked(s)) return false;
  raiseError(s, VECTOR_AC, 0);
  return true;
}

// ── Loads ───────────────────────────────────────────────────────────────────

function load8(s: usize, bank: usize, linear: u32): u32 {
  const host = translate(s, bank, linear, READ, TLB_HELD_READ);
  if (isMmio(host)) return mmioRead(s, host, linear, 1);
  return host == 0 ? 0 : (load<u8>(host) as u32);
}

function load16(s: usize, bank: usize, linear: u32): u32 {
  if ((linear & OFFSET) > PAGE_SIZE - 2) return loadCrossing(s, bank, linear, 2);
  if ((linear & 1) != 0 && misaligned(s, bank)) return 0;
  const host = translate(s, bank, linear, READ, TLB_HELD_READ);
  if (isMmio(host)) return mmioRead(s, host, linear, 2);
  if (host == 0) return 0;
  return load<u16>(host) as u32;
}

function load32(s: usize, bank: usize, linear: u32): u32 {
  if ((linear & OFFSET) > PAGE_SIZE - 4) return loadCrossing(s, bank, linear, 4);
  if ((linear & 3) != 0 && misaligned(s, bank)) return 0;
  const host = translate(s, bank, linear, READ, TLB_HELD_READ);
  if (isMmio(host)) return mmioRead(s, host, linear, 4);
  if (host == 0) return 0;
  return load<u32>(host);
}

function loadCrossing(s: usize, bank: usize, linear: u32, size: u32): u32 {
  if (misaligned(s, bank)) return 0;
  const low = translate(s, bank, linear, READ, TLB_HELD_READ);
  if (low == 0) return 0;
  const high = translate(s, bank, (linear & PAGE_MASK) + PAGE_SIZE, READ, TLB_HELD_READ);
  if (high == 0) return 0;
  const split = PAGE_SIZE - (linear & OFFSET); // bytes in the lower page
  let value: u32 = 0;
  for (let i: u32 = 0; i < size; i++) {
    value |= (load<u8>(i < split ? low + i : high + (i - split)) as u32) << (i << 3);
  }
  return value;
}

// ── Stores ──────────────────────────────────────────────────────────────────

/** Whether the `size` bytes at `host` are to be stored; makes code decoded from them stale. */
function prepareStore(s: usize, bank: usize, linear: u32, host: usize, size: u32): bool {
  if (inVoid(host)) return false;
  if (inBuffer(host)) markDirty(s, host);
  const frame = entryOfHost(host);
  if (load<u32>(frame, FRAME_CODE_MASK) != 0) codeWritten(s, host, size);
  if (load<u32>(frame, FRAME_CODE_MASK) == 0) store<u32>(entryOf(bank, linear), linear & PAGE_MASK, TLB_TAG_W);
  return true;
}

function store8(s: usize, bank: usize, linear: u32, value: u32): void {
  const host = translate(s, bank, linear, WRITE, TLB_HELD_WRITE);
  if (host == 0) return;
  if (prepareStore(s, bank, linear, host, 1)) store<u8>(host, value as u8);
  else if (isMmio(host)) mmioWrite(s, host, linear, value, 1);
}

function store16(s: usize, bank: usize, linear: u32, value: u32): void {
  if ((linear & OFFSET) > PAGE_SIZE - 2) {
    storeCrossing(s, bank, linear, value, 2);
    return;
  }
  if ((linear & 1) != 0 && misaligned(s, bank)) return;
  const host = translate(s, bank, linear, WRITE, TLB_HELD_WRITE);
  if (host == 0) return;
  if (prepareStore(s, bank, linear, host, 2)) store<u16>(host, value as u16);
  else if (isMmio(host)) mmioWrite(s, host, linear, value, 2);
}

function store32(s: usize, bank: usize, linear: u32, value: u32): void {
  if ((linear & OFFSET) > PAGE_SIZE - 4) {
    storeCrossing(s, bank, linear, value, 4);
    return;
  }
  if ((linear & 3) != 0 && misaligned(s, bank)) return;
  const host = translate(s, bank, linear, WRITE, TLB_HELD_WRITE);
  if (host == 0) return;
  if (prepareStore(s, bank, linear, host, 4)) store<u32>(host, value);
  else if (isMmio(host)) mmioWrite(s, host, linear, value, 4);
}

function storeCrossing(s: usize, bank: usize, linear: u32, value: u32, size: u32): void {
  const next = (linear & PAGE_MASK) + PAGE_SIZE;
  if (misaligned(s, bank)) return;
  const low = translate(s, bank, linear, WRITE, TLB_HELD_WRITE);
  if (low == 0) return;
  const high = translate(s, bank, next, WRITE, TLB_HELD_WRITE);
  if (high == 0) return;
  const split = PAGE_SIZE - (linear & OFFSET);
  if (prepareStore(s, bank, linear, low, split)) {
    for (let i: u32 = 0; i < split; i++) store<u8>(low + i, (value >>> (i << 3)) as u8);
  }
  if (prepareStore(s, bank, next, high, size - split)) {
    for (let i = split; i < size; i++) store<u8>(high + (i - split), (value >>> (i << 3)) as u8);
  }
}

// ── The interface ───────────────────────────────────────────────────────────

/** Reads with the rights of the current CPL. */
export function readU8(s: usize, linear: u32): u32 {
  const bank = load<usize>(s + VCPU_TLB_BANK);
  return bank != SLOW_BANK ? load8(s, bank, linear) : observedRead(s, linear, 1);
}
export function readU16(s: usize, linear: u32): u32 {
  const bank = load<usize>(s + VCPU_TLB_BANK);
  return bank != SLOW_BANK ? load16(s, bank, linear) : observedRead(s, linear, 2);
}
export function readU32(s: usize, linear: u32): u32 {
  const bank = load<usize>(s + VCPU_TLB_BANK);
  return bank != SLOW_BANK ? load32(s, bank, linear) : observedRead(s, linear, 4);
}

/** Writes with the rights of the current CPL. */
export function writeU8(s: usize, linear: u32, value: u32): void {
  const bank = load<usize>(s + VCPU_TLB_BANK);
  if (bank != SLOW_BANK) store8(s, bank, linear, value);
  else observedWrite(s, linear, value, 1);
}
export function writeU16(s: usize, linear: u32, value: u32): void {
  const bank = load<usize>(s + VCPU_TLB_BANK);
  if (bank != SLOW_BANK) store16(s, bank, linear, value);
  else observedWrite(s, linear, value, 2);
}
export function writeU32(s: usize, linear: u32, value: u32): void {
  const bank = load<usize>(s + VCPU_TLB_BANK);
  if (bank != SLOW_BANK) store32(s, bank, linear, value);
  else observedWrite(s, linear, value, 4);
}

/** The same where alignment is checked or breakpoints on data are armed. */
function observedRead(s: usize, linear: u32, size: u32): u32 {
  const bank = current(s);
  const value = size == 4 ? load32(s, bank, linear) : size == 2 ? load16(s, bank, linear) : load8(s, bank, linear);
  if (!faulted(s)) observeData(s, linear, size, false);
  return value;
}

function observedWrite(s: usize, linear: u32, value: u32, size: u32): void {
  const bank = current(s);
  if (size == 4) store32(s, bank, linear, value);
  else if (size == 2) store16(s, bank, linear, value);
  else store8(s, bank, linear, value);
  if (!faulted(s)) observeData(s, linear, size, true);
}

/** Implicit supervisor-mode reads, whatever the CPL. */
export function readSystemU8(s: usize, linear: u32): u32 {
  return load8(s, system(s), linear);
}
export function readSystemU16(s: usize, linear: u32): u32 {
  return load16(s, system(s), linear);
}
export function readSystemU32(s: usize, linear: u32): u32 {
  return load32(s, system(s), linear);
}

/** Implicit supervisor-mode writes, whatever the CPL. */
export function writeSystemU8(s: usize, linear: u32, value: u32): void {
  store8(s, system(s), linear, value);
}
export function writeSystemU16(s: usize, linear: u32, value: u32): void {
  store16(s, system(s), linear, value);
}
export function writeSystemU32(s: usize, linear: u32, value: u32): void {
  store32(s, system(s), linear, value);
}

/** Makes sure that a following access to `size` ≤ 4096 bytes at the current CPL cannot fault; 2, 4 and 8 are one operand. */
export function probeRead(s: usize, linear: u32, size: u32): void {
  probe(s, linear, size, READ, TLB_HELD_READ);
}
export function probeWrite(s: usize, linear: u32, size: u32): void {
  probe(s, linear, size, WRITE, TLB_HELD_WRITE);
}

function probe(s: usize, linear: u32, size: u32, access: u32, right: u32): void {
  const bank = current(s);
  const operand = size <= 8 && (size & (size - 1)) == 0;
  if (operand && (linear & (size - 1)) != 0 && misaligned(s, bank)) return;
  if (translate(s, bank, linear, access, right) == 0) return;
  if ((linear & OFFSET) + size > PAGE_SIZE) translate(s, bank, (linear & PAGE_MASK) + PAGE_SIZE, access, right);
}

/** Host address of `size` readable bytes, or 0: they cross a page, are observed, belong to a device, or a fault was recorded. */
export function hostRead(s: usize, linear: u32, size: u32): usize {
  const bank = load<usize>(s + VCPU_TLB_BANK);
  if ((linear & OFFSET) + size > PAGE_SIZE || bank == SLOW_BANK) return 0;
  const host = translate(s, bank, linear, READ, TLB_HELD_READ);
  return isMmio(host) ? 0 : host;
}

/** Host address of `size` bytes that may be written directly, or 0: also if the frame holds code or is absent. */
export function hostWrite(s: usize, linear: u32, size: u32): usize {
  const bank = load<usize>(s + VCPU_TLB_BANK);
  if ((linear & OFFSET) + size > PAGE_SIZE || bank == SLOW_BANK) return 0;
  const host = translate(s, bank, linear, WRITE, TLB_HELD_WRITE);
  if (host == 0 || inVoid(host) || load<u32>(entryOfHost(host), FRAME_CODE_MASK) != 0) return 0;
  if (inBuffer(host)) markDirty(s, host);
  return host;
}

/** Makes the page of `linear` the one that instructions are fetched from. Returns false if a fault was recorded. */
export function fetchPage(s: usize, linear: u32): bool {
  const host = translate(s, current(s), linear, FETCH, TLB_HELD_EXECUTE) & (PAGE_MASK as usize);
  if (host == 0) return false;
  const page = linear & PAGE_MASK;
  store<u32>(s + VCPU_FETCH_PAGE, page);
  store<u32>(s + VCPU_FETCH_USER, u32(load<u32>(s + VCPU_CPL) == 3));
  store<usize>(s + VCPU_FETCH_BASE, host);
  store<u32>(s + VCPU_FETCH_GENERATION, codeGeneration(host));
  store<u32>(s + VCPU_EIP_PAGE, page - load<u32>(segment(s, CS), SEGMENT_BASE));
  return true;
}

/** The byte at `linear` without any side effect and whatever the rights, or −1 if it is not mapped. */
export function peekU8(s: usize, linear: u32): i32 {
  const found = peek(s, linear, false);
  return found == 0 ? -1 : (load<u8>(((found & PAGE_MASK) | (linear & OFFSET)) as usize) as i32);
}
