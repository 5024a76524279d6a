/**
 * Which pages of a domain are common frames: pages of equal content that several domains read, kept once (mmu/merge.ts).
 *
 *   HOST_MERGE ─▶ │ address, entries │ … per domain slot      table: u32 per guest page: 1 + common frame, or 0
 *
 * The tables lie outside DRAM. A domain's EPT says the same, but a privileged domain may have written that: who holds a
 * reference to a common frame, and gives it back, is decided here.
 */
import {
  DOMAIN_ID,
  DOMAIN_MERGED,
  FRAME_LINK,
  HOST_MERGE,
  HOST_MERGE_ORPHANS,
  HOST_MERGE_PAGES,
  MERGE_ENTRY,
  PAGE_SHIFT,
} from '../layout';
import { frameEntry } from './frame';

/** The entry for guest-physical address `gpa` of the domain at `d`, or 0 if that takes no part. */
export function mergeSlot(d: usize, gpa: u32): usize {
  const directory = load<usize>(HOST_MERGE);
  if (directory == 0) return 0;
  const p = directory + (load<u32>(d + DOMAIN_ID) as usize) * MERGE_ENTRY;
  const page = gpa >>> PAGE_SHIFT;
  return page < load<u32>(p, 4) ? load<usize>(p) + ((page as usize) << 2) : 0;
}

/** 1 + the common frame that the page at `gpa` is, or 0. */
export function mergedAt(d: usize, gpa: u32): u32 {
  const slot = mergeSlot(d, gpa);
  return slot == 0 ? 0 : load<u32>(slot);
}

/**
 * The page at `gpa` is a common frame no longer. pCPUs do this side by side; a frame that nobody holds any more is freed
 * between quanta.
 */
export function dropMerged(d: usize, gpa: u32): void {
  const slot = mergeSlot(d, gpa);
  const frame = load<u32>(slot) - 1;
  store<u32>(slot, 0);
  store<u32>(d + DOMAIN_MERGED, load<u32>(d + DOMAIN_MERGED) - 1);
  atomic.sub<u32>(HOST_MERGE_PAGES, 1);
  if (atomic.sub<u32>(frameEntry(frame) + FRAME_LINK, 1) == 1) atomic.add<u32>(HOST_MERGE_ORPHANS, 1);
}
