/** The block cache of a pCPU: a direct-mapped hash of machine addresses over an arena that is emptied when full. */
import {
  BLOCK_HASH_SLOT_SIZE,
  BLOCK_HASH_SLOTS,
  FAULT_EXIT,
  FRAME_ENTRY_SIZE,
  FRAME_GENERATION,
  HOST_DRAM,
  HOST_FRAME_TABLE,
  PAGE_MASK,
  PAGE_SHIFT,
  PCPU_ARENA,
  PCPU_ARENA_NEXT,
  PCPU_ARENA_SIZE,
  PCPU_HASH,
  TLB_ADDEND,
  TLB_INDEX_MASK,
  TLB_TAG_X,
  VCPU_BUDGET,
  VCPU_CODE_WRITTEN,
  VCPU_CPL,
  VCPU_DEBUG,
  VCPU_EFLAGS,
  VCPU_EIP,
  VCPU_EIP_PAGE,
  VCPU_EXIT_LENGTH,
  VCPU_FAULT,
  VCPU_FETCH_BASE,
  VCPU_FETCH_GENERATION,
  VCPU_FETCH_PAGE,
  VCPU_FETCH_USER,
  VCPU_INHIBIT,
  VCPU_INTR,
  VCPU_MODE,
  VCPU_PCPU,
  VCPU_TLB_BANK,
  VCPU_VECTORING_INFO,
} from '../layout';
import { FLAG_IF, FLAG_RF, FLAG_TF } from './flags';
import { MODE_FLAT_CODE } from './mode';
import {
  BLOCK_COUNT,
  BLOCK_HEADER,
  BLOCK_INSTRUCTIONS,
  BLOCK_LINK0,
  BLOCK_LINK1,
  BLOCK_START,
  BLOCK_TARGET0,
  BLOCK_TARGET1,
  STATUS_BOUNDARY,
  UOP_LENGTH,
  UOP_SIZE,
} from './uops';

// Slot: {machine address of the first byte (as host address), generation << 4 | mode, block, –}
const SLOT_TAG: usize = 4;
const SLOT_BLOCK: usize = 8;
/** Arena bytes that the largest block can need: three address µops before each instruction, and the end. */
const BLOCK_BYTES: usize = BLOCK_HEADER + ((BLOCK_INSTRUCTIONS * 4 + 1) as usize) * UOP_SIZE;

function slotOf(s: usize, host: usize): usize {
  // Fibonacci hashing; 17 = 32 − log2(BLOCK_HASH_SLOTS)
  return (
    load<usize>(s + VCPU_PCPU) + PCPU_HASH + (((host * 0x9e3779b1) >>> 17) as usize) * (BLOCK_HASH_SLOT_SIZE as usize)
  );
}

/** The cached block whose first byte is at `host`, decoded under this generation and mode; or 0. */
export function findCached(s: usize, host: usize, generation: u32): usize {
  const slot = slotOf(s, host);
  const tag = (generation << 4) | load<u32>(s + VCPU_MODE);
  return load<usize>(slot) == host && load<u32>(slot, SLOT_TAG) == tag ? load<usize>(slot, SLOT_BLOCK) : 0;
}

/** Makes `blk` findable. */
export function insertBlock(s: usize, host: usize, generation: u32, blk: usize): void {
  const slot = slotOf(s, host);
  store<usize>(slot, host);
  store<u32>(slot, (generation << 4) | load<u32>(s + VCPU_MODE), SLOT_TAG);
  store<usize>(slot, blk, SLOT_BLOCK);
}

/** Address of free arena space for one block; empties the cache when there is none. */
export function reserveBlock(s: usize): usize {
  const pcpu = load<usize>(s + VCPU_PCPU);
  let next = load<usize>(pcpu + PCPU_ARENA_NEXT);
  if (next == 0 || next + BLOCK_BYTES > pcpu + PCPU_ARENA + PCPU_ARENA_SIZE) {
    memory.fill(pcpu + PCPU_HASH, 0, (BLOCK_HASH_SLOTS * BLOCK_HASH_SLOT_SIZE) as usize);
    next = pcpu + PCPU_ARENA;
  }
  return next;
}

/** Keeps what was written at the reserved address up to `end`. */
export function commitBlock(s: usize, end: usize): void {
  store<usize>(load<usize>(s + VCPU_PCPU) + PCPU_ARENA_NEXT, (end + 15) & ~15);
}

/** The frame generation of a DRAM host address. */
export function generationAt(host: usize): u32 {
  const frame = (host - load<usize>(HOST_DRAM)) >>> PAGE_SHIFT;
  return load<u32>(load<usize>(HOST_FRAME_TABLE) + frame * FRAME_ENTRY_SIZE + FRAME_GENERATION);
}

/** The cached block at a linear address of a flat code segment, moving the fetch register when it is found; or 0. */
export function findLinear(s: usize, linear: u32): usize {
  const page = linear & PAGE_MASK;
  if (page == load<u32>(s + VCPU_FETCH_PAGE))
    return findCached(
      s,
      load<usize>(s + VCPU_FETCH_BASE) + ((linear & ~PAGE_MASK) as usize),
      load<u32>(s + VCPU_FETCH_GENERATION),
    );
  const entry = load<usize>(s + VCPU_TLB_BANK) + (((linear >>> 8) & TLB_INDEX_MASK) as usize);
  if (load<u32>(entry, TLB_TAG_X) != page) return 0;
  const host = (linear + load<u32>(entry, TLB_ADDEND)) as usize;
  const generation = generationAt(host);
  const blk = findCached(s, host, generation);
  if (blk) {
    store<u32>(s + VCPU_FETCH_PAGE, page);
    store<usize>(s + VCPU_FETCH_BASE, host & (PAGE_MASK as usize));
    store<u32>(s + VCPU_FETCH_GENERATION, generation);
    store<u32>(s + VCPU_EIP_PAGE, page);
  }
  return blk;
}

/** The block at target 0 (`first`) or 1 of `blk`, linking the two when they share a page; or 0. */
export function follow(s: usize, blk: usize, first: bool): usize {
  if (!(load<u32>(s + VCPU_MODE) & MODE_FLAT_CODE)) return 0;
  const offset = load<u32>(blk + (first ? BLOCK_TARGET0 : BLOCK_TARGET1));
  if (offset & PAGE_MASK) return findLinear(s, load<u32>(s + VCPU_FETCH_PAGE) + offset);
  const next = findCached(
    s,
    load<usize>(s + VCPU_FETCH_BASE) + (offset as usize),
    load<u32>(s + VCPU_FETCH_GENERATION),
  );
  if (next) store<usize>(blk + (first ? BLOCK_LINK0 : BLOCK_LINK1), next);
  return next;
}

/**
 * The cached block at EIP behind an instruction that may have changed the mode, when the run loop would do nothing before it:
 * no interrupt, debug trap, RF or inhibited event. 0: that is for the run loop to see.
 */
export function onward(s: usize): usize {
  const eflags = load<u32>(s + VCPU_EFLAGS);
  if (eflags & (FLAG_TF | FLAG_RF) || load<u32>(s + VCPU_INHIBIT) || load<u64>(s + VCPU_DEBUG) != 0) return 0;
  if (eflags & FLAG_IF && load<u32>(s + VCPU_INTR)) return 0;
  if (!(load<u32>(s + VCPU_MODE) & MODE_FLAT_CODE) || load<u32>(s + VCPU_FAULT) || load<u32>(s + VCPU_VECTORING_INFO))
    return 0;
  const eip = load<u32>(s + VCPU_EIP);
  const blk = findLinear(s, eip);
  if (blk) {
    store<u32>(s + VCPU_FETCH_USER, u32(load<u32>(s + VCPU_CPL) == 3));
    store<u32>(s + VCPU_EIP_PAGE, eip & PAGE_MASK);
  }
  return blk;
}

/** Sets EIP to the instruction of the µop at `pc` and gives back the budget of it and all after it in the block. */
function rewind(s: usize, blk: usize, pc: usize): void {
  let offset = load<u32>(blk + BLOCK_START);
  let done: i32 = 0;
  for (let at = blk + BLOCK_HEADER; at < pc; at += UOP_SIZE) {
    const length = load<u8>(at, UOP_LENGTH) as u32;
    offset += length;
    if (length) done++;
  }
  store<u32>(s + VCPU_EIP, load<u32>(s + VCPU_EIP_PAGE) + offset);
  store<i32>(s + VCPU_BUDGET, load<i32>(s + VCPU_BUDGET) + load<i32>(blk + BLOCK_COUNT) - done);
}

/** After a fault in the µop at `pc`. An instruction that exits by itself (CPUID, IN …) counts as retired: its handler finishes it. */
export function abandon(s: usize, blk: usize, pc: usize): void {
  rewind(s, blk, pc);
  store<u32>(s + VCPU_CODE_WRITTEN, 0);
  if (load<u32>(s + VCPU_FAULT) == FAULT_EXIT && load<u32>(s + VCPU_EXIT_LENGTH) != 0)
    store<i32>(s + VCPU_BUDGET, load<i32>(s + VCPU_BUDGET) - 1);
}

/** Leaves the block before the instruction at `pc`, because the code just executed was written over. */
export function leaveAt(s: usize, blk: usize, pc: usize): u32 {
  store<u32>(s + VCPU_CODE_WRITTEN, 0);
  rewind(s, blk, pc);
  return STATUS_BOUNDARY;
}
