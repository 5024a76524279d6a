/**
 * Counters and MACs of pages in DRAM, and a hash tree over the counters whose root is on chip: a Bonsai Merkle tree (Rogers et
 * al., 2007). A page's MAC covers its counter, so a fresh counter means a fresh page, and hashing counters alone keeps the tree
 * small: 8 bytes of 4 KiB.
 *
 * A region serves n pages, numbered 0 … n − 1 by its user, and lies in metadata frames:
 *
 *   +0           counters      u64 × m     m = n rounded up to a multiple of 8
 *   +8 m         MACs          u64 × m
 *   +16 m        level 1       u64 × m/8   rounded up to a multiple of 8, as are all levels; the rest is zero
 *   …            level 2 …
 *   end          the level with one hash is not stored: that hash is the root, a u64 on chip
 *
 * A node is 8 consecutive words (64 bytes, a cache line) of a level; level 0 are the counters. The hash of node i of level l is
 * SipHash-2-4(key; l, i, the 64 bytes) and is word i of level l + 1. It is keyed and names its place, so a node can neither be made up
 * nor moved. Checking a page reads one node per level.
 *
 * One region has one writer at a time: give each key (domain) its own.
 */
import { sipHash2 } from './mac';

const NODE_SIZE: usize = 64;

function padded(words: u32): u32 {
  return (words + 7) & ~7;
}

/** Bytes of the region of `pages` ≥ 1 pages; without tree: of counters and MACs alone. */
export function treeBytes(pages: u32, tree: bool): u32 {
  let bytes = padded(pages) * 16;
  if (!tree) return bytes;
  for (let words = padded(pages) >> 3; words > 1; words = padded(words) >> 3) bytes += padded(words) * 8;
  return bytes;
}

/** Address of the page's counter. */
export function treeCounter(region: usize, page: u32): usize {
  return region + ((page as usize) << 3);
}

/** Address of the page's MAC. */
export function treeMac(region: usize, pages: u32, page: u32): usize {
  return region + (((padded(pages) + page) as usize) << 3);
}

function nodeHash(key: usize, level: u64, index: u32, node: usize): u64 {
  return sipHash2(key, level, index as u64, node, NODE_SIZE);
}

/** Makes all counters and MACs 0 and hashes them. `root`: address of the u64 on chip. */
export function treeInit(region: usize, pages: u32, key: usize, root: usize): void {
  memory.fill(region, 0, treeBytes(pages, true) as usize);
  let nodes = padded(pages) >> 3;
  let base = region;
  let above = region + ((nodes as usize) << 7);
  for (let level: u64 = 0; ; level++) {
    const to = nodes == 1 ? root : above;
    for (let i: u32 = 0; i < nodes; i++) {
      store<u64>(to + ((i as usize) << 3), nodeHash(key, level, i, base + (i as usize) * NODE_SIZE));
    }
    if (nodes == 1) break;
    base = above;
    nodes = padded(nodes) >> 3;
    above += (nodes as usize) * NODE_SIZE;
  }
}

/**
 * Follows the path of a page from its counter to the root. Checks each hash, or writes it if `write`.
 * @returns whether all were right
 */
function path(region: usize, pages: u32, key: usize, root: usize, page: u32, write: bool): bool {
  let nodes = padded(pages) >> 3;
  let base = region;
  let above = region + ((nodes as usize) << 7);
  let index = page >> 3;
  let wrong: u64 = 0; // gathered without a branch: the time does not tell which level differs
  for (let level: u64 = 0; ; level++) {
    const hash = nodeHash(key, level, index, base + (index as usize) * NODE_SIZE);
    const at = nodes == 1 ? root : above + ((index as usize) << 3);
    if (write) store<u64>(at, hash);
    else wrong |= hash ^ load<u64>(at);
    if (nodes == 1) break;
    base = above;
    nodes = padded(nodes) >> 3;
    above += (nodes as usize) * NODE_SIZE;
    index >>= 3;
  }
  return wrong == 0;
}

/** Whether the page's counter is the one last written by treeUpdate(). */
export function treeVerify(region: usize, pages: u32, key: usize, root: usize, page: u32): bool {
  return path(region, pages, key, root, page, false);
}

/** Sets the page's counter. False, and nothing changes, if its path was tampered with. */
export function treeUpdate(region: usize, pages: u32, key: usize, root: usize, page: u32, counter: u64): bool {
  if (!path(region, pages, key, root, page, false)) return false; // else the siblings' forged words would be signed
  store<u64>(treeCounter(region, page), counter);
  return path(region, pages, key, root, page, true);
}
