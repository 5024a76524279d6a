/**
 * Copy on write through EPT: a fork reads its parent's pages until it writes them.
 *
 *   fork's PML4 ─▶ parent's PDPT ─▶ parent's PD ─▶ parent's PT ─▶ parent's frames       when it is made: one table
 *        │  COW
 *        └─▶ own PDPT ─▶ own PD ─▶ own PT ─▶ own copy of the page                       after the first write
 *              │ COW       │ COW      └ COW ─▶ parent's frames
 *              ▼           ▼
 *            parent's tables: shared as long as nothing below them was written
 *
 * EPT_COW (an ignored bit) marks an entry whose write permission was taken away; a write there ends in an EPT violation,
 * and `unsharePage` gives the fork its own tables down to the page, and a copy of the page. The parent is paused as long as
 * it has forks, so what they share never changes.
 *
 * To the guest it never happened: the failed access leaves no trace in the counters (mmu/access.ts), and what the TLB holds
 * of the page moves with it. The exit is counted; its cost is the host's time, not the domain's.
 *
 * Frames come from the pool of the pCPU, which is filled between quanta: what a pCPU takes does not depend on the others.
 */
import {
  DOMAIN_COPIED,
  DOMAIN_EPTP,
  DOMAIN_FORKS,
  DOMAIN_ID,
  DOMAIN_PARENT,
  DOMAIN_TABLE_PAGES,
  DOMAIN_VCPU,
  FAULT_EXIT,
  FRAME_NONE,
  FRAME_OWNER,
  FRAME_OWNER_HYPERVISOR,
  FRAME_TYPE,
  FRAME_TYPE_EPT,
  FRAME_TYPE_GUEST,
  FRAME_TYPE_POOL,
  HOST_FRAMES,
  HOST_MERGE_UNDONE,
  PAGE_MASK,
  PAGE_SHIFT,
  PAGE_SIZE,
  PCPU_POOL,
  PCPU_POOL_CAPACITY,
  PCPU_POOL_COUNT,
  VCPU_DOMAIN,
  VCPU_EXIT_PHYSICAL,
  VCPU_EXIT_QUALIFICATION,
  VCPU_EXIT_REASON,
  VCPU_FAULT,
  VCPU_PCPU,
} from '../layout';
import { EXIT_EPT_VIOLATION } from '../record';
import {
  EPT_ACCESSED,
  EPT_ADDRESS,
  EPT_COW,
  EPT_RIGHTS,
  EPT_WRITE,
  EPTP_ACCESSED_DIRTY,
  eptIndex,
  eptLeaf,
  eptOffsetMask,
  eptPresent,
  WRITE,
} from './ept';
import { EPT_NO_FRAME, eptCreate, shareTable, split } from './ept-map';
import { frameAllocate, frameEntry, frameFree, machineToHost } from './frame';
import { dropMerged, mergedAt } from './merge-table';
import { moveFrame } from './tlb';

/** Results of unsharePage below 0; EPT_NO_FRAME: the pool is empty. */
export const NOT_SHARED: i32 = -5; // the page is not there, or it may not be written for another reason

// ── The pool of a pCPU ──────────────────────────────────────────────────────

/** Fills the pool of a pCPU up to `wanted` frames, or as far as there are any. Returns how many it holds. Between quanta. */
export function poolFill(pcpu: usize, wanted: u32): u32 {
  let n = load<u32>(pcpu + PCPU_POOL_COUNT);
  const most = min(wanted, PCPU_POOL_CAPACITY);
  while (n < most) {
    const frame = frameAllocate(FRAME_OWNER_HYPERVISOR as u32, FRAME_TYPE_POOL as u32);
    if (frame == FRAME_NONE) break;
    store<u32>(pcpu + PCPU_POOL + ((n as usize) << 2), frame);
    n++;
  }
  store<u32>(pcpu + PCPU_POOL_COUNT, n);
  return n;
}

/** Gives the frames of the pool back. Between quanta. */
export function poolDrain(pcpu: usize): void {
  for (let n = load<u32>(pcpu + PCPU_POOL_COUNT); n > 0; n--) {
    frameFree(load<u32>(pcpu + PCPU_POOL + ((n as usize) << 2) - 4));
  }
  store<u32>(pcpu + PCPU_POOL_COUNT, 0);
}

function take(pcpu: usize, owner: u32, type: u16): u32 {
  const n = load<u32>(pcpu + PCPU_POOL_COUNT);
  if (n == 0) return FRAME_NONE;
  store<u32>(pcpu + PCPU_POOL_COUNT, n - 1);
  const frame = load<u32>(pcpu + PCPU_POOL + ((n as usize) << 2) - 4);
  store<u16>(frameEntry(frame), owner as u16, FRAME_OWNER);
  store<u16>(frameEntry(frame), type, FRAME_TYPE);
  return frame;
}

// ── Sharing ─────────────────────────────────────────────────────────────────

/**
 * An EPT for `owner` that shares everything with `parent`, an EPTP. Returns its pointer, or 0 if no frame is left. Accessed
 * flags of the parent are set first: afterwards nobody writes its tables.
 */
export function eptFork(parent: u32, owner: u32): u32 {
  const flags = parent & EPTP_ACCESSED_DIRTY;
  const eptp = eptCreate(owner, flags != 0);
  if (eptp != 0) shareTable(parent & PAGE_MASK, eptp & PAGE_MASK);
  return eptp;
}

/** Sets the accessed flags of all present entries of the owner's tables. Entries lie in tables of `level` and below. */
export function eptAge(table: u32, level: u32): void {
  const owner = load<u16>(frameEntry(table >>> PAGE_SHIFT), FRAME_OWNER);
  for (let i: usize = 0; i < 4096; i += 8) {
    const p = machineToHost(table) + i;
    const entry = load<u64>(p);
    if (!eptPresent(entry)) continue;
    store<u64>(p, entry | EPT_ACCESSED);
    if (!eptLeaf(entry, level) && owns(entry, owner, FRAME_TYPE_EPT)) eptAge((entry as u32) & PAGE_MASK, level - 1);
  }
}

function owns(entry: u64, owner: u16, type: u16): bool {
  const frame = (entry as u32) >>> PAGE_SHIFT;
  if (frame >= load<u32>(HOST_FRAMES)) return false;
  return load<u16>(frameEntry(frame), FRAME_OWNER) == owner && load<u16>(frameEntry(frame), FRAME_TYPE) == type;
}

// ── Unsharing ───────────────────────────────────────────────────────────────

/**
 * Makes the tables down to `level` for `gpa` the domain's own, splitting large pages on the way. Returns the host address
 * of the entry of `level`, 0 if nothing is mapped there, or 1 if the pool is empty.
 */
function ownTables(d: usize, gpa: u32, last: u32, pcpu: usize): usize {
  const owner = load<u32>(d + DOMAIN_ID);
  let table = load<u32>(d + DOMAIN_EPTP) & PAGE_MASK;
  for (let level: u32 = 4; level > 0; level--) {
    const p = machineToHost(table) + eptIndex(gpa, level);
    const entry = load<u64>(p);
    if (!eptPresent(entry)) return 0;
    if (level == last) return p;
    table = (entry as u32) & PAGE_MASK;
    const large = eptLeaf(entry, level);
    if ((entry & EPT_COW) == 0) {
      if (large) return p;
      continue;
    }
    const frame = take(pcpu, owner, FRAME_TYPE_EPT);
    if (frame == FRAME_NONE) return 1;
    table = frame << PAGE_SHIFT;
    if (large) split(entry, level, machineToHost(table));
    else shareTable((entry as u32) & PAGE_MASK, table);
    store<u64>(p, (table as u64) | EPT_RIGHTS | (entry & EPT_ACCESSED));
    store<u32>(d + DOMAIN_TABLE_PAGES, load<u32>(d + DOMAIN_TABLE_PAGES) + 1);
  }
  return 0;
}

/**
 * Makes the page at `gpa` of the domain at `d` its own, to be written. Returns its frame, or a number below 0. Pages that are
 * its own already stay.
 */
export function unsharePage(d: usize, gpa: u32, pcpu: usize): i32 {
  const fork = load<u32>(d + DOMAIN_PARENT) != 0;
  const common = mergedAt(d, gpa);
  if (!fork && common == 0) return NOT_SHARED;
  // What forks read must not change, and they hold no reference of their own.
  if (!fork && load<u32>(d + DOMAIN_FORKS) != 0) return EPT_NO_FRAME;
  const p = ownTables(d, gpa, 1, pcpu);
  if (p == 0) return NOT_SHARED;
  if (p == 1) return EPT_NO_FRAME;
  const entry = load<u64>(p);
  if ((entry & EPT_COW) == 0 || (!fork && ((entry & EPT_ADDRESS) as u32) >>> PAGE_SHIFT != common - 1))
    return NOT_SHARED;
  const frame = take(pcpu, load<u32>(d + DOMAIN_ID), FRAME_TYPE_GUEST);
  if (frame == FRAME_NONE) return EPT_NO_FRAME;
  const old = machineToHost((entry as u32) & PAGE_MASK);
  const copy = machineToHost(frame << PAGE_SHIFT);
  memory.copy(copy, old, PAGE_SIZE as usize);
  store<u64>(p, (entry & ~(EPT_ADDRESS | EPT_COW)) | ((frame << PAGE_SHIFT) as u64) | EPT_WRITE);
  store<u32>(d + DOMAIN_COPIED, load<u32>(d + DOMAIN_COPIED) + 1);
  if (common != 0) {
    dropMerged(d, gpa);
    atomic.add<u32>(HOST_MERGE_UNDONE, 1);
  }
  const s = load<usize>(d + DOMAIN_VCPU);
  if (s != 0) moveFrame(s, old, copy);
  return frame as i32;
}

/** Whether a page of the domain at `gpa` is shared and would be copied for a write. */
export function isShared(d: usize, gpa: u32): bool {
  let table = load<u32>(d + DOMAIN_EPTP) & PAGE_MASK;
  let shared: u64 = 0;
  for (let level: u32 = 4; level > 0; level--) {
    const entry = load<u64>(machineToHost(table) + eptIndex(gpa, level));
    if (!eptPresent(entry)) return false;
    shared |= entry & EPT_COW;
    if (eptLeaf(entry, level)) return shared != 0 && (entry & (EPT_COW | EPT_WRITE)) != 0;
    table = (entry as u32) & PAGE_MASK;
  }
  return false;
}

/** Resolves the EPT violation in the exit record if it is a write to a shared page. Returns as unsharePage. */
export function unshareFault(s: usize): i32 {
  if (load<u32>(s + VCPU_FAULT) != FAULT_EXIT || load<u32>(s + VCPU_EXIT_REASON) != EXIT_EPT_VIOLATION)
    return NOT_SHARED;
  if ((load<u32>(s + VCPU_EXIT_QUALIFICATION) & WRITE) == 0) return NOT_SHARED;
  return unsharePage(load<usize>(s + VCPU_DOMAIN), load<u32>(s + VCPU_EXIT_PHYSICAL), load<usize>(s + VCPU_PCPU));
}

// ── The end of a fork ───────────────────────────────────────────────────────

/** Frees the domain's own pages and tables, the root too. Returns the number of frames freed. Between quanta. */
export function eptReclaim(eptp: u32): u32 {
  return eptp == 0 ? 0 : reclaim(eptp & PAGE_MASK, 4);
}

function reclaim(table: u32, level: u32): u32 {
  const owner = load<u16>(frameEntry(table >>> PAGE_SHIFT), FRAME_OWNER);
  const host = machineToHost(table);
  let freed: u32 = 0;
  for (let i: i32 = 4096 - 8; i >= 0; i -= 8) {
    const entry = load<u64>(host + (i as usize));
    if (!eptPresent(entry)) continue;
    if (!eptLeaf(entry, level)) {
      if (owns(entry, owner, FRAME_TYPE_EPT)) freed += reclaim((entry as u32) & PAGE_MASK, level - 1);
      continue;
    }
    const frame = ((entry as u32) & PAGE_MASK & ~eptOffsetMask(level)) >>> PAGE_SHIFT;
    const count = (eptOffsetMask(level) >>> PAGE_SHIFT) + 1;
    for (let n = count; n > 0; n--) {
      const at = frame + n - 1;
      if (owns((at << PAGE_SHIFT) as u64, owner, FRAME_TYPE_GUEST) && frameFree(at)) freed++;
    }
  }
  return frameFree(table >>> PAGE_SHIFT) ? freed + 1 : freed;
}
