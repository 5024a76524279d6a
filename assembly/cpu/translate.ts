/** Builds blocks: the look-up of the next one for the run loop, decoding it when it is new. */

import {
  ATTRIBUTE_FAULTS,
  ATTRIBUTE_KILLS,
  ATTRIBUTE_READS,
  ATTRIBUTE_SOLO,
  ATTRIBUTE_TERMINAL,
  ROM_DEAD,
  ROM_WRITES,
} from '../generated/rom';
import {
  CS,
  PAGE_MASK,
  PAGE_SIZE,
  SEGMENT_BASE,
  SEGMENT_LIMIT,
  VCPU_EIP,
  VCPU_EIP_PAGE,
  VCPU_FETCH_BASE,
  VCPU_FETCH_BUFFER,
  VCPU_FETCH_GENERATION,
  VCPU_FETCH_PAGE,
  VCPU_MODE,
  VCPU_STEP_BLOCK,
} from '../layout';
import { fetchPage } from '../mmu/access';
import { markCode } from '../mmu/code';
import { raiseError, VECTOR_GP } from '../record';
import { commitBlock, findCached, generationAt, insertBlock, reserveBlock } from './blocks';
import { attributesOf, decodeInstruction, fused, INSTRUCTION_LIMIT } from './decode';
import { MODE_FLAT_CODE, segment } from './mode';
import {
  BLOCK_COUNT,
  BLOCK_END,
  BLOCK_EXCHANGED,
  BLOCK_HEADER,
  BLOCK_INSTRUCTIONS,
  BLOCK_LINK0,
  BLOCK_LINK1,
  BLOCK_START,
  BLOCK_TARGET0,
  UOP_FALL,
  UOP_SIZE,
  UOP_STOP,
  UOP_UNDEFINED,
} from './uops';

const ALL_FLAGS: u32 = 63;

/** Makes the page of EIP the fetch register's; false with a fault recorded where it cannot be executed. */
function enterPage(s: usize): bool {
  const base = load<u32>(segment(s, CS), SEGMENT_BASE);
  const linear = base + load<u32>(s + VCPU_EIP);
  const page = linear & PAGE_MASK;
  if (page != load<u32>(s + VCPU_FETCH_PAGE)) {
    if (!fetchPage(s, linear)) return false;
  }
  store<u32>(s + VCPU_EIP_PAGE, page - base);
  return true;
}

/** Bytes that may be fetched from EIP on before the limit of CS; #GP(0) is recorded for none. */
function fetchable(s: usize): u32 {
  const eip = load<u32>(s + VCPU_EIP);
  const limit = load<u32>(segment(s, CS), SEGMENT_LIMIT);
  if (eip > limit) {
    raiseError(s, VECTOR_GP, 0);
    return 0;
  }
  return limit - eip == 0xffffffff ? 0xffffffff : limit - eip + 1;
}

function beginBlock(blk: usize, offset: u32): void {
  store<u32>(blk, offset, BLOCK_START);
  store<usize>(blk, 0, BLOCK_LINK0);
  store<usize>(blk, 0, BLOCK_LINK1);
  store<u32>(blk, 0, BLOCK_EXCHANGED);
}

/** Marks flag results that nothing can see: overwritten before anything reads them or may fault. */
function dropDeadFlags(first: usize, last: usize): void {
  let live = ALL_FLAGS;
  for (let u = last; u >= first; u -= UOP_SIZE) {
    const op: u32 = load<u16>(u);
    const attributes = attributesOf(op);
    const dead = load<u16>(ROM_DEAD + ((op as usize) << 1));
    const kills = (attributes >>> ATTRIBUTE_KILLS) & ALL_FLAGS;
    if (dead && !((load<u8>(ROM_WRITES + (op as usize)) as u32) & live)) store<u16>(u, dead);
    live = (live & ~kills) | ((attributes >>> ATTRIBUTE_READS) & ALL_FLAGS);
    if ((attributes >>> ATTRIBUTE_FAULTS) & 1) live = ALL_FLAGS;
  }
}

/** Decodes a block at EIP, which lies in the fetch register's page; 0 where its first instruction crosses the page or limit. */
function decodeBlock(s: usize): usize {
  const eip = load<u32>(s + VCPU_EIP);
  const start = eip - load<u32>(s + VCPU_EIP_PAGE);
  const page = load<usize>(s + VCPU_FETCH_BASE);
  const mode = load<u32>(s + VCPU_MODE);
  const room = fetchable(s);
  if (!room) return 0;
  const available = PAGE_SIZE - start;
  const stop = start + min<u32>(room, available);
  const blk = reserveBlock(s);
  beginBlock(blk, start);
  let u = blk + BLOCK_HEADER;
  let last: usize = 0;
  let offset = start;
  let instructions: u32 = 0;
  let terminal = false;
  while (instructions < BLOCK_INSTRUCTIONS && offset < stop) {
    const decoded = decodeInstruction(blk, u, page + (offset as usize), offset, mode);
    const length = decoded & 0xff;
    if (offset + length > stop) break;
    const own = u + ((decoded >>> 8) as usize) - UOP_SIZE;
    const op: u32 = load<u16>(own);
    const attributes = attributesOf(op);
    const solo = ((attributes >>> ATTRIBUTE_SOLO) & 1) != 0;
    if (solo && instructions) break;
    instructions++;
    offset += length;
    const pair = last ? fused(last, own) : 0;
    if (pair) {
      store<u16>(last, pair as u16);
      terminal = true;
      break;
    }
    last = own;
    u = own + UOP_SIZE;
    if (op == UOP_UNDEFINED || (attributes >>> ATTRIBUTE_TERMINAL) & 1) {
      terminal = true;
      break;
    }
    if (solo) break;
  }
  if (!instructions) return 0;
  store<u32>(blk, instructions, BLOCK_COUNT);
  store<u32>(blk, offset, BLOCK_END);
  if (!terminal) {
    store<u64>(u, 0);
    store<u64>(u, 0, 8);
    store<u16>(u, UOP_FALL as u16);
    store<u32>(blk, offset, BLOCK_TARGET0);
    last = u;
    u += UOP_SIZE;
  }
  dropDeadFlags(blk + BLOCK_HEADER, last);
  commitBlock(s, u);
  markCode(s, page + (start as usize), offset - start);
  insertBlock(s, page + (start as usize), load<u32>(s + VCPU_FETCH_GENERATION), blk);
  return blk;
}

/**
 * The block at EIP, cached or new. 0: either a fault is recorded, or the instruction at EIP must be stepped because it
 * crosses its page (or the limit of CS lies inside what is cached).
 */
export function findBlock(s: usize): usize {
  if (!enterPage(s)) return 0;
  const offset = load<u32>(s + VCPU_EIP) - load<u32>(s + VCPU_EIP_PAGE);
  const host = load<usize>(s + VCPU_FETCH_BASE) + (offset as usize);
  const blk = findCached(s, host, load<u32>(s + VCPU_FETCH_GENERATION));
  if (!blk) return decodeBlock(s);
  if (!(load<u32>(s + VCPU_MODE) & MODE_FLAT_CODE)) {
    const bytes = load<u32>(blk, BLOCK_END) - load<u32>(blk, BLOCK_START);
    if (fetchable(s) < bytes) return 0;
  }
  return blk;
}

/** Gathers the bytes of an instruction that runs into the next page; false with a fault recorded. */
function gather(s: usize, offset: u32): bool {
  const buffer = s + VCPU_FETCH_BUFFER;
  const first = PAGE_SIZE - offset;
  const page = load<u32>(s + VCPU_FETCH_PAGE);
  const base = load<usize>(s + VCPU_FETCH_BASE);
  memory.copy(buffer, base + (offset as usize), first as usize);
  if (!fetchPage(s, page + PAGE_SIZE)) {
    restore(s, page, base);
    return false;
  }
  memory.copy(buffer + (first as usize), load<usize>(s + VCPU_FETCH_BASE), (INSTRUCTION_LIMIT + 1 - first) as usize);
  restore(s, page, base);
  return true;
}

function restore(s: usize, page: u32, base: usize): void {
  store<u32>(s + VCPU_FETCH_PAGE, page);
  store<usize>(s + VCPU_FETCH_BASE, base);
  store<u32>(s + VCPU_FETCH_GENERATION, generationAt(base));
  store<u32>(s + VCPU_EIP_PAGE, page - load<u32>(segment(s, CS), SEGMENT_BASE));
}

/** A block of just the instruction at EIP, all flags computed; 0 with a fault recorded. Not cached. */
export function stepBlock(s: usize): usize {
  if (!enterPage(s)) return 0;
  const offset = load<u32>(s + VCPU_EIP) - load<u32>(s + VCPU_EIP_PAGE);
  const room = fetchable(s);
  if (!room) return 0;
  const blk = s + VCPU_STEP_BLOCK;
  beginBlock(blk, offset);
  const u = blk + BLOCK_HEADER;
  let code = load<usize>(s + VCPU_FETCH_BASE) + (offset as usize);
  const mode = load<u32>(s + VCPU_MODE);
  let decoded = decodeInstruction(blk, u, code, offset, mode);
  if (offset + (decoded & 0xff) > PAGE_SIZE && room >= PAGE_SIZE - offset + 1) {
    if (!gather(s, offset)) return 0;
    code = s + VCPU_FETCH_BUFFER;
    decoded = decodeInstruction(blk, u, code, offset, mode);
  }
  const length = decoded & 0xff;
  if (length > room) {
    raiseError(s, VECTOR_GP, 0);
    return 0;
  }
  store<u32>(blk, 1, BLOCK_COUNT);
  store<u32>(blk, offset + length, BLOCK_END);
  store<u16>(u + ((decoded >>> 8) as usize), UOP_STOP as u16);
  return blk;
}
