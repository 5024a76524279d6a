/**
 * The second-level TLB of a vCPU: it answers where the first level has lost an entry to another page. What it holds is what
 * `walk` returned, so a hit gives the same entry as the walk that it saves. Domains whose memory the first level covers
 * have none. It is a vCPU's own, because counts must not depend on who else runs on the pCPU.
 *
 *   sets   │ set 0 │ set 1 │ …          set   ┌───────┬───────┬───────┬───────┐ newest first; a new one pushes the
 *                                             │ tag 0 │ tag 1 │ tag 2 │ tag 3 │ oldest out
 *                                             ├───────┼───────┼───────┼───────┤
 *                                             │ held 0│ held 1│ held 2│ held 3│ host page | TLB_HELD_*
 *                                             └───────┴───────┴───────┴───────┘
 *   tag    31                14 13  12  11         0
 *         ┌─────────────────────┬───┬───┬───────────┐
 *         │     generation      │ G │U/S│   high    │
 *         └─────────────────────┴───┴───┴───────────┘
 *
 * Flushes are exact and cost nothing: global and other entries have a generation each, and a flush begins the next one.
 * Generation 0 is never valid. With 2^b sets, page number p lies in set p ^ p>>b ^ p>>2b, so that no power-of-two stride
 * collides before the table is full; `high` is p >> b, which with the set tells p.
 *
 * STLB is Intel's name (64 and IA-32 Architectures Optimization Reference Manual).
 */
import {
  FRAME_OWNER,
  HOST_STLB,
  HOST_VCPU_BASE,
  PAGE_MASK,
  STLB_CAPACITY,
  STLB_ENTRY_SIZE,
  STLB_GLOBAL,
  STLB_LOCAL,
  STLB_SETS,
  STLB_SIZE,
  STLB_WAYS,
  TLB_HELD_COW,
  TLB_HELD_GLOBAL,
  TLB_HELD_LARGE,
  TLB_HELD_WRITE,
  VCPU_SIZE,
  VCPU_STLB,
  VCPU_STLB_ENTRIES,
  VCPU_STLB_SHIFT,
  VOID_PAGE,
} from '../layout';
import { commonOf, entryOfHost } from './frame';
import { scrub } from './scrub';

const TAG_HIGH: u32 = 0xfff;
const USER_SHIFT: u32 = 10; // USER (U/S of an entry) → bit 12
const TAG_GLOBAL: u32 = 1 << 13;
const TAG_GENERATION: u32 = 1 << 14;
const SET_SHIFT: usize = 5;
const SET_SIZE: usize = 32;
const HELD: usize = 16; // of a set
const COW_SHIFT: i32 = 5; // TLB_HELD_WRITE → TLB_HELD_COW
const LARGE_PAGES: u32 = 1024; // 4 KiB pages of a 4 MiB page

/** The set of page number `page`. */
function setOf(block: usize, page: u32, shift: u32): usize {
  const index = (page ^ (page >>> shift) ^ (page >>> (shift << 1))) & ((1 << shift) - 1);
  return load<usize>(block, STLB_SETS) + ((index as usize) << SET_SHIFT);
}

/** Which of a set's entries are valid and have the given low tag bits: a bit per way. At most one is set. */
function match(block: usize, set: usize, name: u32): u32 {
  const tags = v128.load(set);
  const local = i32x4.eq(tags, i32x4.splat(load<u32>(block, STLB_LOCAL) | name));
  const global = i32x4.eq(tags, i32x4.splat(load<u32>(block, STLB_GLOBAL) | name));
  return i32x4.bitmask(v128.or(local, global)) as u32;
}

/** Host page | TLB_HELD_* of the page of `linear`, or 0. `user` as for `walk`. */
export function stlbFind(s: usize, linear: u32, user: u32): u32 {
  const block = load<usize>(s + VCPU_STLB);
  if (block == 0) return 0;
  const shift = load<u32>(s + VCPU_STLB_SHIFT);
  const page = linear >>> 12;
  const set = setOf(block, page, shift);
  const ways = match(block, set, (page >>> shift) | (user << USER_SHIFT));
  return ways == 0 ? 0 : load<u32>(set + ((ctz(ways) as usize) << 2), HELD);
}

/** Holds what a walk found where `stlbFind` gave `known`: 0, or the same page with fewer rights. */
export function stlbPut(s: usize, linear: u32, user: u32, found: u32, known: u32): void {
  const block = load<usize>(s + VCPU_STLB);
  if (block == 0) return;
  const shift = load<u32>(s + VCPU_STLB_SHIFT);
  const page = linear >>> 12;
  const set = setOf(block, page, shift);
  const name = (page >>> shift) | (user << USER_SHIFT);
  const tag = load<u32>(block + ((found & TLB_HELD_GLOBAL) != 0 ? STLB_GLOBAL : STLB_LOCAL)) | name;
  if (known != 0) {
    const way = (ctz(match(block, set, name)) as usize) << 2;
    store<u32>(set + way, tag);
    store<u32>(set + way, found, HELD);
    return;
  }
  v128.store(set, v128.shuffle<u32>(v128.load(set), i32x4.splat(tag), 4, 0, 1, 2));
  v128.store(set, v128.shuffle<u32>(v128.load(set, HELD), i32x4.splat(found), 4, 0, 1, 2), HELD);
}

/** Drops the page of `linear`, global or not, for supervisor and user. */
export function stlbDrop(s: usize, linear: u32): void {
  const block = load<usize>(s + VCPU_STLB);
  if (block == 0) return;
  const shift = load<u32>(s + VCPU_STLB_SHIFT);
  const page = linear >>> 12;
  drop(setOf(block, page, shift), page >>> shift, 0);
}

/** Drops every fragment of the 4 MiB page that contains `linear`. */
export function stlbDropLarge(s: usize, linear: u32): void {
  const block = load<usize>(s + VCPU_STLB);
  if (block == 0) return;
  const shift = load<u32>(s + VCPU_STLB_SHIFT);
  const first = (linear >>> 12) & ~(LARGE_PAGES - 1);
  for (let page = first; page < first + LARGE_PAGES; page++) {
    drop(setOf(block, page, shift), page >>> shift, TLB_HELD_LARGE);
  }
}

/** Drops a set's entries of the page with the given `high` that have all of `flags`. */
function drop(set: usize, high: u32, flags: u32): void {
  const tags = v128.load(set);
  const same = i32x4.eq(v128.and(tags, i32x4.splat(TAG_HIGH)), i32x4.splat(high));
  const wanted = i32x4.splat(flags);
  const flagged = i32x4.eq(v128.and(v128.load(set, HELD), wanted), wanted);
  v128.store(set, v128.andnot(tags, v128.and(same, flagged)));
}

/** Drops all but global entries. */
export function stlbDropLocal(s: usize): void {
  const block = load<usize>(s + VCPU_STLB);
  if (block != 0) begin(block, STLB_LOCAL, 0);
}

/** Drops everything. */
export function stlbDropAll(s: usize): void {
  const block = load<usize>(s + VCPU_STLB);
  if (block == 0) return;
  begin(block, STLB_LOCAL, 0);
  begin(block, STLB_GLOBAL, TAG_GLOBAL);
}

/** Begins a generation. When they are used up, what earlier ones left is cleared, so that nobody can tell. */
function begin(block: usize, field: usize, global: u32): void {
  const next = load<u32>(block + field) + TAG_GENERATION;
  if (next >= TAG_GENERATION) {
    store<u32>(block + field, next | global);
    return;
  }
  const sets = load<u32>(block, STLB_CAPACITY) / STLB_WAYS;
  const kind = i32x4.splat(TAG_GLOBAL);
  for (let i: u32 = 0; i < sets; i++) {
    const set = load<usize>(block, STLB_SETS) + ((i as usize) << SET_SHIFT);
    const tags = v128.load(set);
    const same = i32x4.eq(v128.and(tags, kind), i32x4.splat(global));
    v128.store(set, v128.andnot(tags, same));
  }
  store<u32>(block + field, TAG_GENERATION | global);
}

/**
 * Gives the vCPU the second level of its slot, empty, with VCPU_STLB_ENTRIES entries (a power of two from
 * STLB_ENTRIES_MIN; 0: none). It has none where the slot has no room for them.
 */
export function stlbInit(s: usize): void {
  const entries = load<u32>(s + VCPU_STLB_ENTRIES);
  const slot = (s - load<usize>(HOST_VCPU_BASE)) / VCPU_SIZE;
  const block = load<usize>(HOST_STLB) + slot * STLB_SIZE;
  const fits = entries != 0 && entries <= load<u32>(block, STLB_CAPACITY);
  store<usize>(s + VCPU_STLB, fits ? block : 0);
  if (!fits) return;
  store<u32>(s + VCPU_STLB_SHIFT, ctz(entries / STLB_WAYS));
  stlbDropAll(s);
}

/** Gives the vCPU at `s`, whose state was copied from that at `from`, a second level that holds the same. */
export function stlbCopy(s: usize, from: usize): void {
  stlbInit(s);
  const block = load<usize>(s + VCPU_STLB);
  const other = load<usize>(from + VCPU_STLB);
  if (block == 0 || other == 0) {
    store<usize>(s + VCPU_STLB, 0);
    return;
  }
  const used = (load<u32>(s + VCPU_STLB_ENTRIES) as usize) * STLB_ENTRY_SIZE;
  const room = (load<u32>(block, STLB_CAPACITY) as usize) * STLB_ENTRY_SIZE;
  store<u32>(block, load<u32>(other, STLB_LOCAL), STLB_LOCAL);
  store<u32>(block, load<u32>(other, STLB_GLOBAL), STLB_GLOBAL);
  memory.copy(load<usize>(block, STLB_SETS), load<usize>(other, STLB_SETS), used);
  // The rest could hold tags of generations that are yet to come.
  if (room > used) scrub(load<usize>(block, STLB_SETS) + used, room - used);
}

// ── Shared pages ────────────────────────────────────────────────────────────
// What tlb.ts does with the entries of the first level; entries of former generations are treated alike.

/** Host address behind the last set in use. */
function endOf(s: usize, block: usize): usize {
  return load<usize>(block, STLB_SETS) + (((1 as usize) << load<u32>(s + VCPU_STLB_SHIFT)) << SET_SHIFT);
}

/** A page moved from host address `from` to `to`, where it may be written. */
export function stlbMove(s: usize, from: u32, to: u32): void {
  const block = load<usize>(s + VCPU_STLB);
  if (block == 0) return;
  const end = endOf(s, block);
  const old = i32x4.splat(from);
  const change = i32x4.splat(from ^ to);
  for (let set = load<usize>(block, STLB_SETS); set < end; set += SET_SIZE) {
    const held = v128.load(set, HELD);
    const there = i32x4.eq(v128.and(held, i32x4.splat(PAGE_MASK)), old);
    if (!v128.any_true(there)) continue;
    const shared = v128.and(v128.and(held, there), i32x4.splat(TLB_HELD_COW));
    const writable = v128.or(v128.xor(held, shared), i32x4.shr_u(shared, COW_SHIFT));
    v128.store(set, v128.xor(writable, v128.and(change, there)), HELD);
  }
}

/** All pages become shared: takes write permission from what is held. */
export function stlbShare(s: usize): void {
  const block = load<usize>(s + VCPU_STLB);
  if (block == 0) return;
  const end = endOf(s, block);
  const absent = i32x4.splat(VOID_PAGE as u32);
  for (let set = load<usize>(block, STLB_SETS); set < end; set += SET_SIZE) {
    const held = v128.load(set, HELD);
    const writes = v128.and(held, i32x4.splat(TLB_HELD_WRITE));
    if (!v128.any_true(writes)) continue;
    const taken = v128.andnot(writes, i32x4.eq(v128.and(held, i32x4.splat(PAGE_MASK)), absent));
    v128.store(set, v128.or(v128.xor(held, taken), i32x4.shl(taken, COW_SHIFT)), HELD);
  }
}

/** Pages that have become common lead there, and cannot be written. */
export function stlbFollow(s: usize): void {
  const block = load<usize>(s + VCPU_STLB);
  if (block == 0) return;
  const end = endOf(s, block);
  for (let set = load<usize>(block, STLB_SETS); set < end; set += SET_SIZE) {
    for (let p = set + HELD; p < set + SET_SIZE; p += 4) {
      const held = load<u32>(p);
      const to = commonOf((held & PAGE_MASK) as usize) as u32;
      if (to == 0) continue;
      const rights = (held & TLB_HELD_WRITE) != 0 ? held ^ (TLB_HELD_WRITE | TLB_HELD_COW) : held;
      store<u32>(p, to | (rights & ~PAGE_MASK));
    }
  }
}

/** Pages of frames that belong to `owner` may be written again. */
export function stlbUnshare(s: usize, owner: u32): void {
  const block = load<usize>(s + VCPU_STLB);
  if (block == 0) return;
  const end = endOf(s, block);
  for (let set = load<usize>(block, STLB_SETS); set < end; set += SET_SIZE) {
    if (!v128.any_true(v128.and(v128.load(set, HELD), i32x4.splat(TLB_HELD_COW)))) continue;
    for (let p = set + HELD; p < set + SET_SIZE; p += 4) {
      const held = load<u32>(p);
      if ((held & TLB_HELD_COW) == 0) continue;
      if ((load<u16>(entryOfHost(held & PAGE_MASK), FRAME_OWNER) as u32) != owner) continue;
      store<u32>(p, held ^ (TLB_HELD_COW | TLB_HELD_WRITE));
    }
  }
}
