/**
 * Pages of equal content, kept once: what Xen's mem_sharing and Linux's KSM do. Which pages, and when, is policy
 * (src/hypervisor/page-sharing.ts); a write takes a page out again (share.ts). Between quanta only.
 *
 *   domain A  EPT leaf ─▶ frame 7 ═══════════╗ nominate: the frame becomes common, A's leaf loses W and gets EPT_COW
 *   domain B  EPT leaf ─▶ frame 9 ──────▶ frame 7   merge: B's leaf leads there, frame 9 remembers it (FRAME_TYPE_LEFT)
 *             TLB entries of A and B        follow: all that is held of frames 7 and 9 leads to 7 and cannot be written
 *                           frame 9         is freed
 *
 * To the guest it never happened: see share.ts.
 */
import {
  DOMAIN_EPTP,
  DOMAIN_ID,
  DOMAIN_MEMORY,
  DOMAIN_MERGED,
  DOMAIN_MERGES,
  FRAME_LINK,
  FRAME_NONE,
  FRAME_OWNER,
  FRAME_OWNER_COMMON,
  FRAME_TYPE,
  FRAME_TYPE_COMMON,
  FRAME_TYPE_GUEST,
  FRAME_TYPE_LEFT,
  HOST_DRAM,
  HOST_FRAME_FRESH,
  HOST_FRAMES,
  HOST_MERGE_FRAMES,
  HOST_MERGE_ORPHANS,
  HOST_MERGE_PAGES,
  PAGE_MASK,
  PAGE_SHIFT,
  PAGE_SIZE,
} from '../layout';
import { EPT_ADDRESS, EPT_COW, EPT_RIGHTS, EPT_WRITE, eptIndex, eptLeaf, eptPresent } from './ept';
import { frameEntry, frameFree, machineToHost } from './frame';
import { dropMerged, mergeSlot } from './merge-table';

// Primes of xxHash64, in halves.
const PRIME_1: u64 = ((0x9e3779b1 as u64) << 32) | (0x85ebca87 as u64);
const PRIME_2: u64 = ((0xc2b2ae3d as u64) << 32) | (0x27d4eb4f as u64);

/** Host address of the level-1 entry for `gpa` if the page is writable ordinary memory that nobody but the domain has; else 0. */
function ownLeaf(d: usize, gpa: u32): usize {
  let table = load<u32>(d + DOMAIN_EPTP) & PAGE_MASK;
  for (let level: u32 = 4; level > 0; level--) {
    const p = machineToHost(table) + eptIndex(gpa, level);
    const entry = load<u64>(p);
    if (!eptPresent(entry) || (entry & EPT_COW) != 0) return 0;
    if (level == 1) return (entry & EPT_RIGHTS) == EPT_RIGHTS && ownFrame(d, entry) ? p : 0;
    if (eptLeaf(entry, level)) return 0;
    table = (entry as u32) & PAGE_MASK;
  }
  return 0;
}

function ownFrame(d: usize, entry: u64): bool {
  const frame = ((entry & EPT_ADDRESS) as u32) >>> PAGE_SHIFT;
  if (frame >= load<u32>(HOST_FRAMES)) return false;
  const p = frameEntry(frame);
  if (load<u16>(p, FRAME_TYPE) != FRAME_TYPE_GUEST || load<u32>(p, FRAME_LINK) != 1) return false;
  return (load<u16>(p, FRAME_OWNER) as u32) == load<u32>(d + DOMAIN_ID);
}

/** The frame of the page at `gpa` if it may become common, or FRAME_NONE: large pages, granted ones and such stay as they are. */
export function mergeCandidate(d: usize, gpa: u32): u32 {
  const p = mergeSlot(d, gpa) == 0 ? (0 as usize) : ownLeaf(d, gpa);
  return p == 0 ? FRAME_NONE : ((load<u64>(p) & EPT_ADDRESS) as u32) >>> PAGE_SHIFT;
}

/** The frame of the page at `gpa`, a candidate, becomes common, and the page is that. */
export function mergeNominate(d: usize, gpa: u32): void {
  const p = ownLeaf(d, gpa);
  const frame = ((load<u64>(p) & EPT_ADDRESS) as u32) >>> PAGE_SHIFT;
  const entry = frameEntry(frame);
  store<u16>(entry, FRAME_OWNER_COMMON, FRAME_OWNER);
  store<u16>(entry, FRAME_TYPE_COMMON, FRAME_TYPE);
  store<u32>(entry, 0, FRAME_LINK);
  store<u32>(HOST_MERGE_FRAMES, load<u32>(HOST_MERGE_FRAMES) + 1);
  lead(d, gpa, p, frame);
}

/** The page at `gpa`, a candidate of the same content, becomes the common frame. Its own is to be freed after `mergeFollow`. */
export function mergeInto(d: usize, gpa: u32, common: u32): void {
  const p = ownLeaf(d, gpa);
  const own = frameEntry(((load<u64>(p) & EPT_ADDRESS) as u32) >>> PAGE_SHIFT);
  store<u16>(own, FRAME_TYPE_LEFT, FRAME_TYPE);
  store<u32>(own, common, FRAME_LINK);
  lead(d, gpa, p, common);
}

function lead(d: usize, gpa: u32, leaf: usize, common: u32): void {
  const kept = load<u64>(leaf) & ~(EPT_ADDRESS | EPT_WRITE);
  store<u64>(leaf, kept | ((common << PAGE_SHIFT) as u64) | EPT_COW);
  store<u32>(mergeSlot(d, gpa), common + 1);
  const link = frameEntry(common) + FRAME_LINK;
  store<u32>(link, load<u32>(link) + 1);
  store<u32>(d + DOMAIN_MERGED, load<u32>(d + DOMAIN_MERGED) + 1);
  store<u32>(d + DOMAIN_MERGES, load<u32>(d + DOMAIN_MERGES) + 1);
  store<u32>(HOST_MERGE_PAGES, load<u32>(HOST_MERGE_PAGES) + 1);
}

/** The domain ends: it holds no common frame any more. Its EPT is left as it is. */
export function mergeRelease(d: usize): void {
  const end = load<u32>(d + DOMAIN_MEMORY);
  for (let gpa: u32 = 0; load<u32>(d + DOMAIN_MERGED) > 0 && gpa < end; gpa += PAGE_SIZE) {
    const slot = mergeSlot(d, gpa);
    if (slot != 0 && load<u32>(slot) != 0) dropMerged(d, gpa);
  }
  mergeReap();
}

/** Frees common frames that no page is any more. */
export function mergeReap(): void {
  const fresh = load<u32>(HOST_FRAME_FRESH);
  for (let frame: u32 = 0; load<u32>(HOST_MERGE_ORPHANS) > 0 && frame < fresh; frame++) {
    const p = frameEntry(frame);
    if (load<u16>(p, FRAME_TYPE) != FRAME_TYPE_COMMON || load<u32>(p, FRAME_LINK) != 0) continue;
    frameFree(frame);
    store<u32>(HOST_MERGE_ORPHANS, load<u32>(HOST_MERGE_ORPHANS) - 1);
    store<u32>(HOST_MERGE_FRAMES, load<u32>(HOST_MERGE_FRAMES) - 1);
  }
}

/** 53 bits that tell the contents of a frame: the finaliser and primes of xxHash64, four lanes of eight bytes. */
export function frameHash(frame: u32): f64 {
  let a = PRIME_1;
  let b = PRIME_2;
  let c: u64 = 0;
  let d = ~PRIME_1;
  const start = load<usize>(HOST_DRAM) + ((frame as usize) << PAGE_SHIFT);
  for (let p = start; p < start + PAGE_SIZE; p += 32) {
    a = rotl<u64>(a + load<u64>(p) * PRIME_2, 31) * PRIME_1;
    b = rotl<u64>(b + load<u64>(p, 8) * PRIME_2, 31) * PRIME_1;
    c = rotl<u64>(c + load<u64>(p, 16) * PRIME_2, 31) * PRIME_1;
    d = rotl<u64>(d + load<u64>(p, 24) * PRIME_2, 31) * PRIME_1;
  }
  let h = rotl<u64>(a, 1) + rotl<u64>(b, 7) + rotl<u64>(c, 12) + rotl<u64>(d, 18);
  h ^= h >>> 33;
  h *= PRIME_2;
  h ^= h >>> 29;
  h *= PRIME_1;
  return ((h ^ (h >>> 32)) >>> 11) as f64;
}

/** Whether two frames hold the same. */
export function frameEqual(one: u32, other: u32): bool {
  const dram = load<usize>(HOST_DRAM);
  return memory.compare(dram + ((one as usize) << PAGE_SHIFT), dram + ((other as usize) << PAGE_SHIFT), 4096) == 0;
}
