/**
 * Building and changing EPTs: the mechanism under the hypervisor's physmap. Tables are frames of DRAM that belong to the
 * domain whose PML4 it is (FRAME_TYPE_EPT). Callers flush the TLBs of the domain's vCPUs afterwards (INVEPT).
 *
 * Smaller pages are made from larger ones by splitting; a larger page replaces only an entry that maps nothing below it.
 */
import { FRAME_NONE, FRAME_OWNER, FRAME_TYPE_EPT, HOST_DRAM, PAGE_MASK, PAGE_SHIFT } from '../layout';
import {
  EPT_COW,
  EPT_LARGE,
  EPT_RIGHTS,
  EPT_TYPE_SHIFT,
  EPT_WRITE,
  EPTP_ACCESSED_DIRTY,
  EPTP_WALK_LENGTH_4,
  EPTP_WRITE_BACK,
  eptIndex,
  eptLeaf,
  eptOffsetMask,
  eptPeek,
  eptPresent,
  MEMORY_WRITE_BACK,
} from './ept';
import { frameAllocate, frameEntry, inVoid, machineToHost } from './frame';

/** Results of eptMap and eptUnmap below 0. */
export const EPT_NO_FRAME: i32 = -1; // no frame is left for a table
export const EPT_OBSTRUCTED: i32 = -2; // a table with smaller pages is in the way
export const EPT_MISALIGNED: i32 = -3; // address, frame, level or rights out of range

const NO_TABLE: i32 = -4; // internal: nothing is mapped there

const DESCEND_RIGHTS: u64 = EPT_RIGHTS; // entries that reference tables permit all; leaves decide

/** Makes an empty EPT for `owner`. Returns its pointer (EPTP), or 0 if no frame is left. */
export function eptCreate(owner: u32, accessedDirty: bool): u32 {
  const frame = frameAllocate(owner, FRAME_TYPE_EPT as u32);
  if (frame == FRAME_NONE) return 0;
  return (frame << PAGE_SHIFT) | EPTP_WRITE_BACK | EPTP_WALK_LENGTH_4 | (accessedDirty ? EPTP_ACCESSED_DIRTY : 0);
}

/**
 * Maps the page of `level` (1: 4 KiB, 2: 2 MiB, 3: 1 GiB) at `gpa` to the frames from `frame` on, write-back, with
 * `rights` (bit 0 read, 1 write, 2 execute; never 2 or 6, which the hardware refuses). An old mapping is replaced.
 * Returns the number of table frames allocated, or EPT_*.
 */
export function eptMap(eptp: u32, gpa: u32, frame: u32, level: u32, rights: u32): i32 {
  const pages = (eptOffsetMask(level) >>> PAGE_SHIFT) + 1;
  if (level < 1 || level > 3 || (gpa & eptOffsetMask(level)) != 0 || (frame & (pages - 1)) != 0) return EPT_MISALIGNED;
  if (rights == 0 || rights > 7 || (rights & 3) == 2 || frame >= (<u32>1) << 20) return EPT_MISALIGNED;
  const made = descend(eptp, gpa, level, true);
  if (made < 0) return made;
  const p = entryAt(eptp, gpa, level);
  const old = load<u64>(p);
  if (eptPresent(old) && !eptLeaf(old, level)) return EPT_OBSTRUCTED;
  put(p, leaf(frame << PAGE_SHIFT, level, rights as u64));
  return made;
}

/**
 * Removes the page of `level` at `gpa`; a larger page is split. Returns the number of table frames allocated for that
 * (0 if nothing was mapped), or EPT_*.
 */
export function eptUnmap(eptp: u32, gpa: u32, level: u32): i32 {
  if (level < 1 || level > 3 || (gpa & eptOffsetMask(level)) != 0) return EPT_MISALIGNED;
  const made = descend(eptp, gpa, level, false);
  if (made < 0) return made == NO_TABLE ? 0 : made;
  const p = entryAt(eptp, gpa, level);
  const entry = load<u64>(p);
  if (eptPresent(entry) && !eptLeaf(entry, level)) return EPT_OBSTRUCTED;
  put(p, 0);
  return made;
}

/** The frame that holds guest-physical address `gpa`, or FRAME_NONE if it is not mapped to DRAM. */
export function eptFrame(eptp: u32, gpa: u32): u32 {
  const found = eptPeek(eptp, gpa);
  if (found == 0 || inVoid(found & PAGE_MASK)) return FRAME_NONE;
  return ((found & PAGE_MASK) - load<u32>(HOST_DRAM)) >>> PAGE_SHIFT;
}

/** 1 if the 4 KiB page at `gpa` can be mapped or unmapped without a new table: no frame is allocated. */
export function eptTablesReady(eptp: u32, gpa: u32): u32 {
  let p = machineToHost(eptp & PAGE_MASK) + eptIndex(gpa, 4);
  for (let level: u32 = 4; level > 1; level--) {
    const entry = load<u64>(p);
    if (!eptPresent(entry) || eptLeaf(entry, level) || (entry & EPT_COW) != 0) return 0;
    p = machineToHost((entry as u32) & PAGE_MASK) + eptIndex(gpa, level - 1);
  }
  return 1;
}

/** Host address of the entry of `level` for `gpa`; the tables above it exist. */
function entryAt(eptp: u32, gpa: u32, level: u32): usize {
  let p = machineToHost(eptp & PAGE_MASK) + eptIndex(gpa, 4);
  for (let l: u32 = 3; l >= level; l--) p = machineToHost((load<u64>(p) as u32) & PAGE_MASK) + eptIndex(gpa, l);
  return p;
}

/**
 * Makes sure that a table of `level` exists for `gpa`, and that it is the domain's own. Without `create` leaves are split,
 * but nothing else is made.
 */
function descend(eptp: u32, gpa: u32, level: u32, create: bool): i32 {
  const owner = load<u16>(frameEntry(eptp >>> PAGE_SHIFT), FRAME_OWNER) as u32;
  let made: i32 = 0;
  for (let l: u32 = 4; l > level; l--) {
    const p = entryAt(eptp, gpa, l);
    const entry = load<u64>(p);
    const table = eptPresent(entry) && !eptLeaf(entry, l);
    if (table && (entry & EPT_COW) == 0) continue;
    if (!eptPresent(entry) && !create) return NO_TABLE;
    const frame = frameAllocate(owner, FRAME_TYPE_EPT as u32);
    if (frame == FRAME_NONE) return EPT_NO_FRAME;
    made++;
    if (table) shareTable((entry as u32) & PAGE_MASK, frame << PAGE_SHIFT);
    else if (eptPresent(entry)) split(entry, l, machineToHost(frame << PAGE_SHIFT));
    put(p, ((frame << PAGE_SHIFT) as u64) | DESCEND_RIGHTS);
  }
  return made;
}

/** Stores an entry; tables that an attacker moved to absent memory drop it. */
function put(p: usize, entry: u64): void {
  if (!inVoid(p)) store<u64>(p, entry);
}

/** Copies a table of machine addresses `from` to `to`: what could be written below each entry becomes shared (share.ts). */
export function shareTable(from: u32, to: u32): void {
  const source = machineToHost(from);
  const target = machineToHost(to);
  for (let i: usize = 0; i < 4096; i += 8) {
    const entry = load<u64>(source + i);
    store<u64>(target + i, (entry & EPT_WRITE) != 0 ? (entry & ~EPT_WRITE) | EPT_COW : entry);
  }
}

/** Fills a table with the pages of `level − 1` that make up a leaf of `level`; its flags are inherited. */
export function split(entry: u64, level: u32, table: usize): void {
  const size: u64 = (eptOffsetMask(level - 1) as u64) + 1;
  let part = level == 2 ? entry & ~EPT_LARGE : entry;
  for (let i: usize = 0; i < 4096; i += 8) {
    store<u64>(table + i, part);
    part += size;
  }
}

function leaf(machine: u32, level: u32, rights: u64): u64 {
  return (machine as u64) | (level > 1 ? EPT_LARGE : 0) | (MEMORY_WRITE_BACK << EPT_TYPE_SHIFT) | rights;
}
