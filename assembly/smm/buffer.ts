/**
 * The SMM buffer of a pCPU: the only place where pages of protected domains are plaintext. It lies behind DRAM, where no
 * machine address reaches.
 *
 *   slot entry   0       4       8       12     16            44          48
 *                ┌───────┬───────┬───────┬──────┬─────────────┬──────────┐
 *                │ FRAME │ FLAGS │ STAMP │ NEXT │ REFS × 7    │ OVERFLOW │        page: 4 KiB at PAGES + number × 4096
 *                └───────┴───────┴───────┴──────┴─────────────┴──────────┘
 *   REFS: the L1 TLB entries that point into the page, so that dropping it finds them
 *
 * A slot has an entry in the frame table behind those of DRAM, at the place that its address says: decoded code is kept
 * by slot and generation, and the MMU needs no other case for it.
 *
 * Replacement is CLOCK. No victim are pinned slots, the page that the current vCPU fetches from, and the last SMM_WINDOW
 * slots resolved, because an instruction may hold several pages.
 */
import {
  COUNTER_SMM_FILL,
  FRAME_NONE,
  HOST_DRAM,
  HOST_END,
  HOST_SMM_BATCH,
  HOST_VCPU_BASE,
  HOST_VCPUS,
  PAGE_MASK,
  PAGE_SHIFT,
  PCPU_SMM,
  SMM_CLEAR,
  SMM_COUNT_CLEAN,
  SMM_COUNT_EVICTION,
  SMM_COUNT_FILL,
  SMM_FRAME_OWNER,
  SMM_FRAME_RIGHTS,
  SMM_FRAME_SLOT,
  SMM_FRAME_STATE,
  SMM_KEY_DOMAIN,
  SMM_KEY_MODE,
  SMM_OPEN,
  SMM_PIN,
  SMM_SLOT_DIRTY,
  SMM_SLOT_FLAGS,
  SMM_SLOT_FRAME,
  SMM_SLOT_NEXT,
  SMM_SLOT_OVERFLOW,
  SMM_SLOT_PINNED,
  SMM_SLOT_REFERENCED,
  SMM_SLOT_REFS,
  SMM_SLOT_REFS_MAX,
  SMM_SLOT_SIZE,
  SMM_SLOT_STAMP,
  SMM_UNIT_FREE,
  SMM_UNIT_HAND,
  SMM_UNIT_PAGES,
  SMM_UNIT_SCRATCH,
  SMM_UNIT_SEQUENCE,
  SMM_UNIT_SLOTS,
  SMM_UNIT_TABLE,
  SMM_UNIT_USED,
  SMM_UNIT_VCPU,
  SMM_VIOLATION_PERMISSION,
  SMM_WINDOW,
  TLB_ENTRIES,
  TLB_ENTRY_SIZE,
  TLB_NEVER,
  TLB_TAG_W,
  VCPU_FETCH_BASE,
  VCPU_FETCH_PAGE,
  VCPU_INDEX,
  VCPU_PCPU,
  VCPU_SIZE,
  VCPU_SMM,
  VCPU_TLB,
} from '../layout';
import { dropCode, entryOfHost, inVoid } from '../mmu/frame';
import { dropSlotOf } from '../mmu/tlb';
import { keyOf } from './keys';
import { permissionOf, rightsOn } from './permissions';
import { seal, sealLater, sealQueued, unseal } from './seal';
import { charge, refuse, tally } from './violation';

const REF_SHIFT: u32 = 13; // of a vCPU's number: the TLB's slots of both banks are below it

/** Whether host address `host` lies in a buffer and not in DRAM. */
export function inBuffer(host: usize): bool {
  return host >= load<usize>(HOST_END);
}

/** The unit of the pCPU that runs the vCPU. */
export function unitOf(s: usize): usize {
  return load<usize>(load<usize>(s + VCPU_PCPU) + PCPU_SMM);
}

function slotEntry(unit: usize, index: u32): usize {
  return unit + SMM_UNIT_TABLE + (index as usize) * SMM_SLOT_SIZE;
}

function pageOf(unit: usize, index: u32): usize {
  return load<usize>(unit, SMM_UNIT_PAGES) + ((index as usize) << PAGE_SHIFT);
}

/** The entry of the slot whose page holds `host`. */
function entryOfPage(unit: usize, host: usize): usize {
  return slotEntry(unit, ((host - load<usize>(unit, SMM_UNIT_PAGES)) >>> PAGE_SHIFT) as u32);
}

function cipherScratch(unit: usize): usize {
  return load<usize>(unit, SMM_UNIT_SCRATCH) + 4096;
}

// ── Replacement ─────────────────────────────────────────────────────────────

/** Whether the current vCPU executes from the page: its decoder reads there at any time. */
function fetched(unit: usize, page: usize): bool {
  const s = load<usize>(unit, SMM_UNIT_VCPU);
  return s != 0 && load<usize>(s + VCPU_FETCH_BASE) == page && (load<u32>(s + VCPU_FETCH_PAGE) & ~PAGE_MASK) == 0;
}

/** CLOCK: the first slot from the hand on that was not resolved since the hand last passed. There always is one. */
function victim(unit: usize): u32 {
  const slots = load<u32>(unit, SMM_UNIT_SLOTS);
  const sequence = load<u32>(unit, SMM_UNIT_SEQUENCE);
  let hand = load<u32>(unit, SMM_UNIT_HAND);
  let index: u32 = 0;
  let found = false;
  while (!found) {
    index = hand;
    hand = hand + 1 == slots ? 0 : hand + 1;
    const entry = slotEntry(unit, index);
    const flags = load<u32>(entry, SMM_SLOT_FLAGS);
    if ((flags & SMM_SLOT_PINNED) != 0 || sequence - load<u32>(entry, SMM_SLOT_STAMP) < SMM_WINDOW) continue;
    if ((flags & SMM_SLOT_REFERENCED) != 0) store<u32>(entry, flags & ~SMM_SLOT_REFERENCED, SMM_SLOT_FLAGS);
    else found = !fetched(unit, pageOf(unit, index));
  }
  store<u32>(unit, hand, SMM_UNIT_HAND);
  return index;
}

/** Takes an empty slot, evicting a page if there is none. vCPU `s` pays for it. */
function take(s: usize, unit: usize): u32 {
  let index = load<u32>(unit, SMM_UNIT_FREE);
  if (index == 0) {
    const evicted = victim(unit);
    const entry = slotEntry(unit, evicted);
    tally(keyOf(ownerOf(load<u32>(entry, SMM_SLOT_FRAME))), SMM_COUNT_EVICTION, 1);
    writeBack(s, unit, evicted);
    index = load<u32>(unit, SMM_UNIT_FREE);
  }
  store<u32>(unit, load<u32>(slotEntry(unit, index - 1), SMM_SLOT_NEXT), SMM_UNIT_FREE);
  store<u32>(unit, load<u32>(unit, SMM_UNIT_USED) + 1, SMM_UNIT_USED);
  return index - 1;
}

function ownerOf(frame: u32): u32 {
  return load<u16>(permissionOf(frame), SMM_FRAME_OWNER) as u32;
}

/** Makes a slot that was taken empty again. */
function giveBack(unit: usize, index: u32): void {
  const entry = slotEntry(unit, index);
  store<u32>(entry, FRAME_NONE, SMM_SLOT_FRAME);
  store<u32>(entry, 0, SMM_SLOT_FLAGS);
  store<u32>(entry, load<u32>(unit, SMM_UNIT_FREE), SMM_SLOT_NEXT);
  store<u32>(unit, index + 1, SMM_UNIT_FREE);
  store<u32>(unit, load<u32>(unit, SMM_UNIT_USED) - 1, SMM_UNIT_USED);
}

// ── TLB entries that point into a slot ──────────────────────────────────────

function vcpuAt(index: u32): usize {
  return load<usize>(HOST_VCPU_BASE) + (index as usize) * VCPU_SIZE;
}

/** Notes that the L1 TLB entry at `tlb` of vCPU `s` now points into the page; a note that became stale makes room. */
function noteEntry(unit: usize, s: usize, tlb: usize, page: usize): void {
  const entry = entryOfPage(unit, page);
  const note =
    1 +
    ((load<u32>(s + VCPU_INDEX) << REF_SHIFT) | ((((tlb - (s + VCPU_TLB)) as u32) / (TLB_ENTRY_SIZE as u32)) as u32));
  let room: usize = 0;
  for (let i: u32 = 0; i < SMM_SLOT_REFS_MAX; i++) {
    const at = entry + SMM_SLOT_REFS + ((i as usize) << 2);
    const old = load<u32>(at);
    if (old == note) return;
    if (room == 0 && (old == 0 || !pointsTo(old, page))) room = at;
  }
  if (room != 0) store<u32>(room, note);
  else store<u32>(entry, 1, SMM_SLOT_OVERFLOW);
}

function pointsTo(note: u32, page: usize): bool {
  const slot = (note - 1) & ((1 << REF_SHIFT) - 1);
  return dropSlotOf(vcpuAt((note - 1) >>> REF_SHIFT), slot, page, false);
}

/** Drops every L1 TLB entry that points into the page. */
function dropEntries(unit: usize, index: u32, page: usize): void {
  const entry = slotEntry(unit, index);
  for (let i: u32 = 0; i < SMM_SLOT_REFS_MAX; i++) {
    const at = entry + SMM_SLOT_REFS + ((i as usize) << 2);
    const note = load<u32>(at);
    if (note == 0) continue;
    dropSlotOf(vcpuAt((note - 1) >>> REF_SHIFT), (note - 1) & ((1 << REF_SHIFT) - 1), page, true);
    store<u32>(at, 0);
  }
  if (load<u32>(entry, SMM_SLOT_OVERFLOW) == 0) return;
  store<u32>(entry, 0, SMM_SLOT_OVERFLOW);
  const vcpus = load<u32>(HOST_VCPUS);
  for (let i: u32 = 0; i < vcpus; i++) {
    const s = vcpuAt(i);
    if (load<usize>(s + VCPU_SMM) == 0 || unitOf(s) != unit) continue;
    for (let slot: u32 = 0; slot < 2 * TLB_ENTRIES; slot++) dropSlotOf(s, slot, page, true);
  }
}

// ── Life of a slot ──────────────────────────────────────────────────────────

/** Empties a slot without writing back; whoever fetches from it looks the page up anew. */
function drop(unit: usize, index: u32): void {
  const page = pageOf(unit, index);
  dropEntries(unit, index, page);
  dropCode(entryOfHost(page));
  if (fetched(unit, page)) store<u32>(load<usize>(unit, SMM_UNIT_VCPU) + VCPU_FETCH_PAGE, 1);
  store<u32>(permissionOf(load<u32>(slotEntry(unit, index), SMM_SLOT_FRAME)), 0, SMM_FRAME_SLOT);
  giveBack(unit, index);
}

/** Empties a slot, writing back what changed. */
function writeBack(s: usize, unit: usize, index: u32): void {
  const entry = slotEntry(unit, index);
  const frame = load<u32>(entry, SMM_SLOT_FRAME);
  if ((load<u32>(entry, SMM_SLOT_FLAGS) & SMM_SLOT_DIRTY) != 0) {
    seal(s, frame, pageOf(unit, index), cipherScratch(unit));
  } else {
    tally(keyOf(ownerOf(frame)), SMM_COUNT_CLEAN, 1);
  }
  drop(unit, index);
}

/** Fills a slot with a protected frame. Returns its page, or SMM_VIOLATION_*. vCPU `s` pays, or nobody. */
function fillSlot(s: usize, unit: usize, frame: u32): usize {
  const index = take(s, unit);
  const page = pageOf(unit, index);
  const violation = unseal(s, frame, page, cipherScratch(unit), false);
  if (violation != 0) {
    giveBack(unit, index);
    return violation;
  }
  const p = permissionOf(frame);
  tally(keyOf(load<u16>(p, SMM_FRAME_OWNER) as u32), SMM_COUNT_FILL, 1);
  charge(s, COUNTER_SMM_FILL, 1);
  const entry = slotEntry(unit, index);
  store<u32>(entry, frame, SMM_SLOT_FRAME);
  if ((load<u8>(p, SMM_FRAME_RIGHTS) & (SMM_PIN as u8)) != 0) store<u32>(entry, SMM_SLOT_PINNED, SMM_SLOT_FLAGS);
  store<u32>(p, page as u32, SMM_FRAME_SLOT);
  return page;
}

/** Where the plaintext of a protected frame is: a slot's page, or SMM_VIOLATION_* (below 4096). vCPU `s` pays, or nobody. */
export function plaintext(s: usize, unit: usize, frame: u32): usize {
  let page = load<usize>(permissionOf(frame), SMM_FRAME_SLOT);
  if (page == 0) {
    page = fillSlot(s, unit, frame);
    if (page < 4096) return page;
  }
  touch(unit, page);
  return page;
}

/**
 * Where the domain with key-table entry `key` reads a table of its own at machine address `machine`, if that needs no more
 * than looking: host page, or 0. `touchStructures` must follow if it is read.
 */
export function structureAt(key: usize, machine: u32): usize {
  const p = permissionOf(machine >>> PAGE_SHIFT);
  if (load<u8>(p, SMM_FRAME_STATE) == SMM_OPEN) {
    return load<u32>(key, SMM_KEY_MODE) == 0 ? load<usize>(HOST_DRAM) + (machine as usize) : 0;
  }
  return (load<u16>(p, SMM_FRAME_OWNER) as u32) == load<u32>(key, SMM_KEY_DOMAIN) ? load<usize>(p, SMM_FRAME_SLOT) : 0;
}

/** Notes that a walk read two tables, or one (0: none). */
export function touchStructures(s: usize, upper: usize, lower: usize): void {
  const unit = unitOf(s);
  if (inBuffer(upper)) touch(unit, upper);
  if (inBuffer(lower)) touch(unit, lower);
}

/** Notes that the slot's page was resolved. */
function touch(unit: usize, page: usize): void {
  const entry = entryOfPage(unit, page);
  const sequence = load<u32>(unit, SMM_UNIT_SEQUENCE) + 1;
  store<u32>(unit, sequence, SMM_UNIT_SEQUENCE);
  store<u32>(entry, sequence, SMM_SLOT_STAMP);
  store<u32>(entry, load<u32>(entry, SMM_SLOT_FLAGS) | SMM_SLOT_REFERENCED, SMM_SLOT_FLAGS);
}

/** Whether the bytes of a frame in this state are in DRAM as they are. */
function inDram(state: u8): bool {
  return state == SMM_OPEN || state == SMM_CLEAR;
}

/**
 * Where vCPU `s`, whose accesses pass the SMM, finds the page at DRAM address `host` (or the void page): host address of
 * the page | rights (READ, WRITE, FETCH); or 0 with an exit recorded.
 */
export function resolve(s: usize, host: usize, access: u32, linear: u32, physical: u32): usize {
  if (inVoid(host)) return host | 7;
  const frame = ((host - load<usize>(HOST_DRAM)) >>> PAGE_SHIFT) as u32;
  const rights = rightsOn(load<usize>(s + VCPU_SMM), frame);
  if ((access & ~rights) != 0) return refuse(s, SMM_VIOLATION_PERMISSION, frame, linear, physical);
  if (inDram(load<u8>(permissionOf(frame), SMM_FRAME_STATE))) return host | rights;
  const page = plaintext(s, unitOf(s), frame);
  return page < 4096 ? refuse(s, page as u32, frame, linear, physical) : page | rights;
}

/** To be called when a TLB entry was filled with a page of the buffer: while the page is clean, its first write is seen. */
export function filled(s: usize, tlb: usize, page: usize): void {
  const unit = unitOf(s);
  noteEntry(unit, s, tlb, page);
  if ((load<u32>(entryOfPage(unit, page), SMM_SLOT_FLAGS) & SMM_SLOT_DIRTY) == 0) store<u32>(tlb, TLB_NEVER, TLB_TAG_W);
}

/** To be called before vCPU `s` writes to the page of the buffer that holds `host`. */
export function markDirty(s: usize, host: usize): void {
  markSlotDirty(unitOf(s), host);
}

export function markSlotDirty(unit: usize, host: usize): void {
  const entry = entryOfPage(unit, host);
  store<u32>(entry, load<u32>(entry, SMM_SLOT_FLAGS) | SMM_SLOT_DIRTY, SMM_SLOT_FLAGS);
}

/**
 * Writes back and drops the slots of `domain`, or all if it is SMM_NO_DOMAIN. vCPU `s` pays, or nobody. Returns their number. Where
 * the host encrypts, dirty pages wait for each other: a slot is empty then, but its bytes stay until all are encrypted.
 */
export function flushDomain(s: usize, unit: usize, domain: u32): u32 {
  let n: u32 = 0;
  const slots = load<u32>(unit, SMM_UNIT_SLOTS);
  const batch = load<u32>(HOST_SMM_BATCH);
  let queued: u32 = 0;
  for (let index: u32 = 0; index < slots && load<u32>(unit, SMM_UNIT_USED) != 0; index++) {
    const frame = load<u32>(slotEntry(unit, index), SMM_SLOT_FRAME);
    if (frame == FRAME_NONE || (domain != 0xffffffff && ownerOf(frame) != domain)) continue;
    n++;
    if (batch != 0 && (load<u32>(slotEntry(unit, index), SMM_SLOT_FLAGS) & SMM_SLOT_DIRTY) != 0) {
      if (queued == batch) queued = sealAll(s, unit, queued);
      if (sealLater(s, frame, pageOf(unit, index), cipherScratch(unit), queued)) {
        drop(unit, index);
        queued++;
        continue;
      }
      queued = sealAll(s, unit, queued);
    }
    writeBack(s, unit, index);
  }
  sealAll(s, unit, queued);
  return n;
}

function sealAll(s: usize, unit: usize, queued: u32): u32 {
  sealQueued(s, cipherScratch(unit), queued);
  return 0;
}

/** Drops the frame's slot, if it has one: with what changed, or without (the frame's contents are given up). */
export function releaseSlot(unit: usize, frame: u32, keep: bool): void {
  const page = load<usize>(permissionOf(frame), SMM_FRAME_SLOT);
  if (page == 0) return;
  const index = ((page - load<usize>(unit, SMM_UNIT_PAGES)) >>> PAGE_SHIFT) as u32;
  if (keep) writeBack(0, unit, index);
  else drop(unit, index);
}
