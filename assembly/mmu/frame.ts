/**
 * The frame table: who owns which frame of DRAM, and the allocator over it. One 16-byte entry per frame:
 *
 *   0        2       4               8               12              16
 *   ┌────────┬───────┬───────────────┬───────────────┬───────────────┐
 *   │ OWNER  │ TYPE  │ LINK          │ CODE_MASK     │ GENERATION    │
 *   └────────┴───────┴───────────────┴───────────────┴───────────────┘
 *
 *   frames   0 ········ allocated and linked ········ HOST_FRAME_FRESH ········ untouched ········ HOST_FRAMES
 *
 * Frames from HOST_FRAME_FRESH on were never used: they are free, hold zeros and are linked nowhere, so that a
 * large host costs nothing to start. TYPE alone says whether a frame is free (an untouched entry is all zeros).
 * Free frames hold no data, because `frameFree` scrubs, unless the host keeps residue (HOST_KEEP_RESIDUE) or the frame was
 * protected: then what it held is ciphertext without a key. Such a frame is scrubbed when somebody takes it who relies on
 * zeros. The order of allocation depends on the calls alone.
 *
 * The allocator is not reentrant across workers: it is called between quanta.
 */
import {
  FRAME_CODE_MASK,
  FRAME_ENTRY_SIZE,
  FRAME_GENERATION,
  FRAME_LINK,
  FRAME_NONE,
  FRAME_OWNER,
  FRAME_OWNER_FREE,
  FRAME_OWNER_RESIDUE,
  FRAME_TYPE,
  FRAME_TYPE_COMMON,
  FRAME_TYPE_FREE,
  FRAME_TYPE_GUEST,
  FRAME_TYPE_LEFT,
  HOST_DRAM,
  HOST_FRAME_FRESH,
  HOST_FRAME_TABLE,
  HOST_FRAMES,
  HOST_FREE_COUNT,
  HOST_FREE_HEAD,
  HOST_KEEP_RESIDUE,
  MMIO_SIZE,
  PAGE_MASK,
  PAGE_SHIFT,
  PAGE_SIZE,
  SLOW_BANK,
  SLOW_BANK_SIZE,
  VOID_PAGE,
} from '../layout';
import { isProtected, smmRelease } from '../smm/unit';
import { scrub } from './scrub';

/**
 * Makes all HOST_FRAMES frames free and fills the void page and the slow bank. To be called once, on zeroed memory, after the header's
 * region bases were set.
 */
export function frameInit(): void {
  store<u32>(HOST_FREE_HEAD, FRAME_NONE);
  store<u32>(HOST_FREE_COUNT, load<u32>(HOST_FRAMES));
  store<u32>(HOST_FRAME_FRESH, 0);
  memory.fill(VOID_PAGE, 0xff, (PAGE_SIZE as usize) + MMIO_SIZE);
  memory.fill(SLOW_BANK, 0x01, SLOW_BANK_SIZE); // tags that equal no page
}

/** The frame's entry in the frame table. `frame` must be below HOST_FRAMES. */
export function frameEntry(frame: u32): usize {
  return load<usize>(HOST_FRAME_TABLE) + (frame as usize) * FRAME_ENTRY_SIZE;
}

/** Host address of machine address `machine`; bytes of absent memory are those of the void page. */
export function machineToHost(machine: u32): usize {
  return machine >>> PAGE_SHIFT < load<u32>(HOST_FRAMES)
    ? load<usize>(HOST_DRAM) + (machine as usize)
    : VOID_PAGE + (machine & (PAGE_SIZE - 1));
}

/** Whether there is no memory behind a host address: the void page, or those of device registers behind it. */
export function inVoid(host: usize): bool {
  return host - VOID_PAGE < (PAGE_SIZE as usize) + MMIO_SIZE;
}

/** The frame-table entry of the frame that holds host address `host`, which must lie in DRAM. */
export function entryOfHost(host: usize): usize {
  return frameEntry(((host - load<usize>(HOST_DRAM)) >>> PAGE_SHIFT) as u32);
}

/** Host address of the frame that the page at host address `host` has become (mmu/merge.ts), or 0. */
export function commonOf(host: usize): usize {
  const frame = ((host - load<usize>(HOST_DRAM)) >>> PAGE_SHIFT) as u32;
  if (frame >= load<u32>(HOST_FRAMES)) return 0;
  const type = load<u16>(frameEntry(frame), FRAME_TYPE);
  if (type == FRAME_TYPE_COMMON) return host & (PAGE_MASK as usize);
  return type == FRAME_TYPE_LEFT ? machineToHost(load<u32>(frameEntry(frame), FRAME_LINK) << PAGE_SHIFT) : 0;
}

function take(frame: u32, owner: u32, type: u32): void {
  const p = frameEntry(frame);
  if (load<u16>(p, FRAME_OWNER) == FRAME_OWNER_RESIDUE && wantsZeros(owner, type)) scrubFrame(frame);
  store<u16>(p, owner as u16, FRAME_OWNER);
  store<u16>(p, type as u16, FRAME_TYPE);
  store<u32>(p, 1, FRAME_LINK); // reference count
}

/** Guests get residue where the host keeps it; a protected domain sees zeros whatever its frames hold. */
function wantsZeros(owner: u32, type: u32): bool {
  return type != (FRAME_TYPE_GUEST as u32) || (load<u32>(HOST_KEEP_RESIDUE) == 0 && !isProtected(owner));
}

function scrubFrame(frame: u32): void {
  scrub(load<usize>(HOST_DRAM) + ((frame as usize) << PAGE_SHIFT), PAGE_SIZE as usize);
}

function link(frame: u32, holder: u16): void {
  const p = frameEntry(frame);
  store<u16>(p, holder, FRAME_OWNER);
  store<u16>(p, FRAME_TYPE_FREE, FRAME_TYPE);
  store<u32>(p, load<u32>(HOST_FREE_HEAD), FRAME_LINK);
  store<u32>(HOST_FREE_HEAD, frame);
}

/** Takes one frame, which reads as zeros (but see above). Returns its number, or FRAME_NONE. The last one freed goes first. */
export function frameAllocate(owner: u32, type: u32): u32 {
  let frame = load<u32>(HOST_FREE_HEAD);
  if (frame != FRAME_NONE) {
    store<u32>(HOST_FREE_HEAD, load<u32>(frameEntry(frame), FRAME_LINK));
  } else {
    frame = load<u32>(HOST_FRAME_FRESH);
    if (frame >= load<u32>(HOST_FRAMES)) return FRAME_NONE;
    store<u32>(HOST_FRAME_FRESH, frame + 1);
  }
  store<u32>(HOST_FREE_COUNT, load<u32>(HOST_FREE_COUNT) - 1);
  take(frame, owner, type);
  return frame;
}

/**
 * Takes `count` frames with consecutive numbers, the first a multiple of `align` (a power of two, in frames).
 * Returns the first one's number, or FRAME_NONE. Untouched frames are used first.
 */
export function frameAllocateContiguous(count: u32, align: u32, owner: u32, type: u32): u32 {
  const frames = load<u32>(HOST_FRAMES);
  if (count == 0 || count > frames) return FRAME_NONE;
  const fresh = load<u32>(HOST_FRAME_FRESH);
  let first = (fresh + align - 1) & ~(align - 1);
  if (first >= fresh && first <= frames - count) {
    for (let skipped = first; skipped > fresh; ) link(--skipped, FRAME_OWNER_FREE); // so that the lowest is the next to be taken
    store<u32>(HOST_FRAME_FRESH, first + count);
  } else {
    first = findRun(count, align);
    if (first == FRAME_NONE) return FRAME_NONE;
    unlinkRun(first, count);
    if (first + count > fresh) store<u32>(HOST_FRAME_FRESH, first + count);
  }
  for (let i: u32 = 0; i < count; i++) take(first + i, owner, type);
  store<u32>(HOST_FREE_COUNT, load<u32>(HOST_FREE_COUNT) - count);
  return first;
}

function isFree(frame: u32): bool {
  return load<u16>(frameEntry(frame), FRAME_TYPE) == FRAME_TYPE_FREE;
}

/** The lowest aligned run of free frames. */
function findRun(count: u32, align: u32): u32 {
  const last = load<u32>(HOST_FRAMES) - count;
  let first: u32 = 0;
  while (first <= last) {
    let n: u32 = 0;
    while (n < count && isFree(first + n)) n++;
    if (n == count) return first;
    first = (first + n + align) & ~(align - 1);
  }
  return FRAME_NONE;
}

/** Takes the run's linked frames out of the free list; the order of the others stays. */
function unlinkRun(first: u32, count: u32): void {
  let p = HOST_FREE_HEAD;
  for (let frame = load<u32>(p); frame != FRAME_NONE; frame = load<u32>(p)) {
    const next = frameEntry(frame) + FRAME_LINK;
    if (frame - first < count) store<u32>(p, load<u32>(next));
    else p = next;
  }
}

/**
 * Gives a frame back: decrease_reservation as far as memory goes. Its contents are scrubbed, nobody has rights on it, code decoded from it can no longer be found. Returns false, and does
 * nothing, if there is no such frame or if it is free already. TLBs must have been flushed.
 */
export function frameFree(frame: u32): bool {
  if (frame >= load<u32>(HOST_FRAMES) || isFree(frame)) return false;
  dropCode(frameEntry(frame));
  const residue = smmRelease(frame) || load<u32>(HOST_KEEP_RESIDUE) != 0;
  if (!residue) scrubFrame(frame);
  link(frame, residue ? FRAME_OWNER_RESIDUE : FRAME_OWNER_FREE);
  store<u32>(HOST_FREE_COUNT, load<u32>(HOST_FREE_COUNT) + 1);
  return true;
}

/** Makes code that was decoded from the frame stale: blocks are keyed by (frame, generation). */
export function dropCode(entry: usize): void {
  if (load<u32>(entry, FRAME_CODE_MASK) == 0) return;
  store<u32>(entry, 0, FRAME_CODE_MASK);
  store<u32>(entry, load<u32>(entry, FRAME_GENERATION) + 1, FRAME_GENERATION);
}
