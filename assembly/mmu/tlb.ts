/**
 * The first-level TLB of a vCPU: two direct-mapped banks, for supervisor and for user accesses.
 *
 *              bank + index × 16                        held + index × 4
 *   index ──▶ ┌──────┬──────┬──────┬────────┐          ┌────────────┬────────┐
 *             │ tagR │ tagW │ tagX │ addend │          │ page 31:12 │ HELD_* │
 *             └──────┴──────┴──────┴────────┘          └────────────┴────────┘
 *              fast part: what a hit needs              what the TLB architecturally holds
 *
 * Invariants: tagR is armed exactly when READ is held, tagX exactly when EXECUTE is held; tagW only when WRITE is held
 * and the frame is DRAM that holds no decoded code. The addend is valid whenever the entry is held.
 *
 * A 4 MiB page is held as 4 KiB fragments; INVLPG drops them all (Intel SDM Vol. 3A, 4.10.2.3, "Details of TLB Use").
 * Entries that are not global are noted in a log when they are filled, so that flushing a few costs little.
 *
 * What is dropped here is dropped from the second-level TLB (stlb.ts), too; `fill` is the one place where entries are made.
 */
import {
  APIC_PAGE,
  COUNTER_TLB_FLUSH,
  FRAME_CODE_MASK,
  FRAME_GENERATION,
  FRAME_OWNER,
  MMIO_SIZE,
  PAGE_MASK,
  TLB_ADDEND,
  TLB_BANK_SIZE,
  TLB_ENTRIES,
  TLB_ENTRY_SIZE,
  TLB_HELD_BANK_SIZE,
  TLB_HELD_COW,
  TLB_HELD_EXECUTE,
  TLB_HELD_GLOBAL,
  TLB_HELD_LARGE,
  TLB_HELD_READ,
  TLB_HELD_WRITE,
  TLB_INDEX_MASK,
  TLB_LARGE_SIZE,
  TLB_LOG_CAPACITY,
  TLB_NEVER,
  TLB_TAG_R,
  TLB_TAG_W,
  TLB_TAG_X,
  VCPU_FETCH_BASE,
  VCPU_FETCH_GENERATION,
  VCPU_FETCH_PAGE,
  VCPU_TLB,
  VCPU_TLB_GLOBALS,
  VCPU_TLB_HELD,
  VCPU_TLB_LARGE,
  VCPU_TLB_LOG,
  VCPU_TLB_LOG_COUNT,
} from '../layout';
import { count } from '../record';
import { commonOf, entryOfHost, inVoid } from './frame';
import {
  stlbDrop,
  stlbDropAll,
  stlbDropLarge,
  stlbDropLocal,
  stlbFollow,
  stlbInit,
  stlbMove,
  stlbShare,
  stlbUnshare,
} from './stlb';

const SLOTS: u32 = 2 * TLB_ENTRIES; // of both banks
const LARGE_SHIFT: u32 = 22;

/** The fast part for a linear address; `bank` is the host address of one of the vCPU's banks. */
export function entryOf(bank: usize, linear: u32): usize {
  return bank + ((linear >>> 8) & TLB_INDEX_MASK);
}

/** The held part that belongs to a fast part. */
export function heldOf(s: usize, entry: usize): usize {
  return s + VCPU_TLB_HELD + ((entry - (s + VCPU_TLB)) >>> 2);
}

/** Fills the entry for `linear`. `found` is the host address of the page's frame | TLB_HELD_*, as `walk` returns it. */
export function fill(s: usize, entry: usize, linear: u32, found: u32): void {
  const page = linear & PAGE_MASK;
  const host = found & PAGE_MASK;
  const held = heldOf(s, entry);
  const old = load<u32>(held);
  if ((found & TLB_HELD_GLOBAL) != 0) store<u32>(s + VCPU_TLB_GLOBALS, 1);
  else if (old == 0 || (old & TLB_HELD_GLOBAL) != 0) note(s, ((entry - (s + VCPU_TLB)) / TLB_ENTRY_SIZE) as u32);
  if ((found & TLB_HELD_LARGE) != 0) noteLarge(s, page);
  store<u32>(held, page | (found & ~PAGE_MASK));
  arm(entry, page, found, host);
}

function arm(entry: usize, page: u32, rights: u32, host: u32): void {
  const registers = host - (APIC_PAGE as u32) < (MMIO_SIZE as u32);
  store<u32>(entry, (rights & TLB_HELD_READ) != 0 && !registers ? page : TLB_NEVER, TLB_TAG_R);
  store<u32>(entry, (rights & TLB_HELD_WRITE) != 0 && writableFast(host) ? page : TLB_NEVER, TLB_TAG_W);
  store<u32>(entry, (rights & TLB_HELD_EXECUTE) != 0 ? page : TLB_NEVER, TLB_TAG_X);
  store<u32>(entry, host - page, TLB_ADDEND);
}

/** Slot `slot` of both banks holds `held`, page | TLB_HELD_*, of the host page `host`, as another vCPU's did, whose log is copied. */
export function tlbHold(s: usize, slot: u32, held: u32, host: u32): void {
  store<u32>(s + VCPU_TLB_HELD + ((slot as usize) << 2), held);
  arm(s + VCPU_TLB + (slot as usize) * TLB_ENTRY_SIZE, held & PAGE_MASK, held, host);
}

/** Whether writes to the frame at `host` need nothing more than permission. */
function writableFast(host: usize): bool {
  return !inVoid(host) && load<u32>(entryOfHost(host), FRAME_CODE_MASK) == 0;
}

function note(s: usize, slot: u32): void {
  const n = load<u32>(s + VCPU_TLB_LOG_COUNT);
  if (n > TLB_LOG_CAPACITY) return;
  if (n < TLB_LOG_CAPACITY) store<u16>(s + VCPU_TLB_LOG + ((n as usize) << 1), slot as u16);
  store<u32>(s + VCPU_TLB_LOG_COUNT, n + 1); // CAPACITY + 1: overflown
}

function noteLarge(s: usize, page: u32): void {
  const p = s + VCPU_TLB_LARGE + ((page >>> (LARGE_SHIFT + 5)) << 2);
  store<u32>(p, load<u32>(p) | (1 << ((page >>> LARGE_SHIFT) & 31)));
}

/** Whether a fragment of a 4 MiB page at `linear` may be held. */
function mayBeLarge(s: usize, linear: u32): bool {
  return (
    ((load<u32>(s + VCPU_TLB_LARGE + ((linear >>> (LARGE_SHIFT + 5)) << 2)) >>> ((linear >>> LARGE_SHIFT) & 31)) & 1) !=
    0
  );
}

function clearSlot(s: usize, slot: u32): void {
  const entry = s + VCPU_TLB + (slot as usize) * TLB_ENTRY_SIZE;
  store<u32>(entry, TLB_NEVER, TLB_TAG_R);
  store<u32>(entry, TLB_NEVER, TLB_TAG_W);
  store<u32>(entry, TLB_NEVER, TLB_TAG_X);
  store<u32>(s + VCPU_TLB_HELD + ((slot as usize) << 2), 0);
}

function heldSlot(s: usize, slot: u32): u32 {
  return load<u32>(s + VCPU_TLB_HELD + ((slot as usize) << 2));
}

function loggedSlot(s: usize, i: u32): u32 {
  return load<u16>(s + VCPU_TLB_LOG + ((i as usize) << 1));
}

/**
 * Empties the TLB whatever it held, and gives the vCPU its second level; counts nothing. To be called for a new vCPU, also
 * for one that was copied, when VCPU_STLB_ENTRIES is set.
 */
export function tlbInit(s: usize): void {
  empty(s);
  stlbInit(s);
}

function empty(s: usize): void {
  memory.fill(s + VCPU_TLB, 0x01, 2 * TLB_BANK_SIZE); // a tag of 0x01010101 equals no page either
  memory.fill(s + VCPU_TLB_HELD, 0, 2 * TLB_HELD_BANK_SIZE);
  memory.fill(s + VCPU_TLB_LARGE, 0, TLB_LARGE_SIZE);
  store<u32>(s + VCPU_TLB_LOG_COUNT, 0);
  store<u32>(s + VCPU_TLB_GLOBALS, 0);
  store<u32>(s + VCPU_FETCH_PAGE, 1);
}

/** Drops everything, global entries too: changes of CR0.PG, CR0.WP, CR4.PSE, CR4.PGE and of the EPT. */
export function flushAll(s: usize): void {
  count(s, COUNTER_TLB_FLUSH);
  stlbDropAll(s);
  if (load<u32>(s + VCPU_TLB_GLOBALS) != 0) empty(s);
  else dropNonGlobal(s);
}

/** Drops all but global entries: MOV to CR3 (Intel SDM Vol. 3A, 4.10.4.1, "Operations that Invalidate TLBs"). */
export function flushNonGlobal(s: usize): void {
  count(s, COUNTER_TLB_FLUSH);
  stlbDropLocal(s);
  dropNonGlobal(s);
}

function dropNonGlobal(s: usize): void {
  const n = load<u32>(s + VCPU_TLB_LOG_COUNT);
  const globals = load<u32>(s + VCPU_TLB_GLOBALS) != 0;
  if (n <= TLB_LOG_CAPACITY) {
    for (let i: u32 = 0; i < n; i++) {
      const slot = loggedSlot(s, i);
      if ((heldSlot(s, slot) & TLB_HELD_GLOBAL) == 0) clearSlot(s, slot);
    }
  } else if (globals) {
    for (let slot: u32 = 0; slot < SLOTS; slot++) {
      if ((heldSlot(s, slot) & TLB_HELD_GLOBAL) == 0) clearSlot(s, slot);
    }
  } else {
    empty(s);
    return;
  }
  store<u32>(s + VCPU_TLB_LOG_COUNT, 0);
  store<u32>(s + VCPU_FETCH_PAGE, 1);
  if (!globals) memory.fill(s + VCPU_TLB_LARGE, 0, TLB_LARGE_SIZE);
}

/** Drops what is held for the page that contains `linear`, global or not: INVLPG, and after a fault on the page. */
export function flushPage(s: usize, linear: u32): void {
  const page = linear & PAGE_MASK;
  const slot = (linear >>> 12) & (TLB_ENTRIES - 1);
  dropIf(s, slot, page, PAGE_MASK);
  dropIf(s, slot + TLB_ENTRIES, page, PAGE_MASK);
  stlbDrop(s, linear);
  if (load<u32>(s + VCPU_FETCH_PAGE) == page) store<u32>(s + VCPU_FETCH_PAGE, 1);
  if (mayBeLarge(s, linear)) flushLarge(s, linear);
}

function dropIf(s: usize, slot: u32, wanted: u32, mask: u32): void {
  const held = heldSlot(s, slot);
  if (held != 0 && (held & mask) == wanted) clearSlot(s, slot);
}

/** Drops every fragment of the 4 MiB page that contains `linear`: it may lie in any slot. */
function flushLarge(s: usize, linear: u32): void {
  const mask: u32 = ((<u32>0xffffffff) << LARGE_SHIFT) | TLB_HELD_LARGE;
  const wanted = (linear & ((<u32>0xffffffff) << LARGE_SHIFT)) | TLB_HELD_LARGE;
  const n = load<u32>(s + VCPU_TLB_LOG_COUNT);
  if (n <= TLB_LOG_CAPACITY && load<u32>(s + VCPU_TLB_GLOBALS) == 0) {
    for (let i: u32 = 0; i < n; i++) dropIf(s, loggedSlot(s, i), wanted, mask);
  } else {
    for (let slot: u32 = 0; slot < SLOTS; slot++) dropIf(s, slot, wanted, mask);
  }
  stlbDropLarge(s, linear);
  const p = s + VCPU_TLB_LARGE + ((linear >>> (LARGE_SHIFT + 5)) << 2);
  store<u32>(p, load<u32>(p) & ~(1 << ((linear >>> LARGE_SHIFT) & 31)));
  const fetch = load<u32>(s + VCPU_FETCH_PAGE);
  if ((fetch ^ linear) >>> LARGE_SHIFT == 0) store<u32>(s + VCPU_FETCH_PAGE, 1);
}

/** The host address of the page that a held slot leads to. */
function hostOf(s: usize, slot: u32): u32 {
  return (heldSlot(s, slot) & PAGE_MASK) + load<u32>(s + VCPU_TLB + (slot as usize) * TLB_ENTRY_SIZE, TLB_ADDEND);
}

/** A page moved from host address `from` to `to`, where it may be written: what is held of it moves along. */
export function moveFrame(s: usize, from: usize, to: usize): void {
  const n = load<u32>(s + VCPU_TLB_LOG_COUNT);
  if (n <= TLB_LOG_CAPACITY && load<u32>(s + VCPU_TLB_GLOBALS) == 0) {
    for (let i: u32 = 0; i < n; i++) moveSlot(s, loggedSlot(s, i), from as u32, to as u32);
  } else {
    for (let slot: u32 = 0; slot < SLOTS; slot++) moveSlot(s, slot, from as u32, to as u32);
  }
  stlbMove(s, from as u32, to as u32);
  if (load<usize>(s + VCPU_FETCH_BASE) == from) {
    store<usize>(s + VCPU_FETCH_BASE, to);
    store<u32>(s + VCPU_FETCH_GENERATION, load<u32>(entryOfHost(to), FRAME_GENERATION));
  }
}

function moveSlot(s: usize, slot: u32, from: u32, to: u32): void {
  const held = heldSlot(s, slot);
  if (held == 0 || hostOf(s, slot) != from) return;
  const page = held & PAGE_MASK;
  const entry = s + VCPU_TLB + (slot as usize) * TLB_ENTRY_SIZE;
  store<u32>(entry, to - page, TLB_ADDEND);
  if ((held & TLB_HELD_COW) != 0) writeAgain(s, slot, entry, held, to);
}

/** Gives a slot back the write permission that sharing took. */
function writeAgain(s: usize, slot: u32, entry: usize, held: u32, host: u32): void {
  store<u32>(s + VCPU_TLB_HELD + ((slot as usize) << 2), (held & ~TLB_HELD_COW) | TLB_HELD_WRITE);
  if (writableFast(host)) store<u32>(entry, held & PAGE_MASK, TLB_TAG_W);
}

/** All pages become shared: takes write permission from what is held, as if it were to be asked for again. */
export function shareHeld(s: usize): void {
  stlbShare(s);
  for (let slot: u32 = 0; slot < SLOTS; slot++) {
    const held = heldSlot(s, slot);
    if ((held & TLB_HELD_WRITE) == 0 || inVoid(hostOf(s, slot))) continue;
    store<u32>(s + VCPU_TLB_HELD + ((slot as usize) << 2), (held & ~TLB_HELD_WRITE) | TLB_HELD_COW);
    store<u32>(s + VCPU_TLB + (slot as usize) * TLB_ENTRY_SIZE, TLB_NEVER, TLB_TAG_W);
  }
}

/** The counterpart: pages of frames that belong to `owner` may be written again. */
export function unshareHeld(s: usize, owner: u32): void {
  stlbUnshare(s, owner);
  for (let slot: u32 = 0; slot < SLOTS; slot++) {
    const held = heldSlot(s, slot);
    if ((held & TLB_HELD_COW) == 0) continue;
    const host = hostOf(s, slot);
    if ((load<u16>(entryOfHost(host), FRAME_OWNER) as u32) != owner) continue;
    writeAgain(s, slot, s + VCPU_TLB + (slot as usize) * TLB_ENTRY_SIZE, held, host);
  }
}

/** Pages that have become common (mmu/merge.ts): what is held of them leads there, and cannot be written. */
export function followCommon(s: usize): void {
  stlbFollow(s);
  for (let slot: u32 = 0; slot < SLOTS; slot++) {
    const held = heldSlot(s, slot);
    const to = held == 0 ? (0 as usize) : commonOf(hostOf(s, slot) as usize);
    if (to == 0) continue;
    const entry = s + VCPU_TLB + (slot as usize) * TLB_ENTRY_SIZE;
    store<u32>(entry, (to as u32) - (held & PAGE_MASK), TLB_ADDEND);
    if ((held & TLB_HELD_WRITE) == 0) continue;
    store<u32>(s + VCPU_TLB_HELD + ((slot as usize) << 2), (held & ~TLB_HELD_WRITE) | TLB_HELD_COW);
    store<u32>(entry, TLB_NEVER, TLB_TAG_W);
  }
  if ((load<u32>(s + VCPU_FETCH_PAGE) & ~PAGE_MASK) != 0) return;
  const fetch = commonOf(load<usize>(s + VCPU_FETCH_BASE));
  if (fetch == 0) return;
  store<usize>(s + VCPU_FETCH_BASE, fetch);
  store<u32>(s + VCPU_FETCH_GENERATION, load<u32>(entryOfHost(fetch), FRAME_GENERATION));
}

/** Whether slot `slot` of both banks holds a translation to the host page `host`; with `drop` it is dropped then. */
export function dropSlotOf(s: usize, slot: u32, host: usize, drop: bool): bool {
  if (heldSlot(s, slot) == 0 || hostOf(s, slot) != (host as u32)) return false;
  if (drop) clearSlot(s, slot);
  return true;
}

/** Disarms all write tags; what is held stays, so no miss is counted for it. */
export function disarmWrites(s: usize): void {
  for (let slot: u32 = 0; slot < SLOTS; slot++) {
    store<u32>(s + VCPU_TLB + (slot as usize) * TLB_ENTRY_SIZE, TLB_NEVER, TLB_TAG_W);
  }
}

/** Disarms the write tags of the frame at host address `host`. */
export function disarmFrame(s: usize, host: usize): void {
  for (let slot: u32 = 0; slot < SLOTS; slot++) {
    const entry = s + VCPU_TLB + (slot as usize) * TLB_ENTRY_SIZE;
    // A disarmed tag is no multiple of the page size, and so is the sum.
    if (load<u32>(entry, TLB_TAG_W) + load<u32>(entry, TLB_ADDEND) == (host as u32))
      store<u32>(entry, TLB_NEVER, TLB_TAG_W);
  }
}
