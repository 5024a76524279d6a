/**
 * Between plaintext in the buffer and ciphertext in DRAM: one page, by the mode of its owner.
 *
 *   seal    counter ← issue ─▶ encrypt ─▶ MAC(frame, counter, ciphertext) ─▶ counter and MAC to DRAM ─▶ tree
 *   unseal  tree ok? ─▶ MAC ok? ─▶ decrypt with the counter in DRAM
 *
 * Counters, MACs and tree lie in DRAM (tree.ts). They are not secret; keys make them hard to forge, and the root, which is
 * on chip, makes old ones worthless.
 */
import {
  COUNTER_SMM_CRYPT,
  COUNTER_SMM_MAC,
  COUNTER_SMM_TREE,
  HOST_DRAM,
  HOST_FRAMES,
  HOST_SMM_COUNTERS,
  PAGE_SHIFT,
  PAGE_SIZE,
  SMM_BROKEN,
  SMM_COUNT_DECRYPT,
  SMM_COUNT_MAC,
  SMM_COUNT_REKEY,
  SMM_COUNT_TREE,
  SMM_COUNT_WRITE_BACK,
  SMM_FRAME_INDEX,
  SMM_FRAME_OWNER,
  SMM_FRAME_STATE,
  SMM_FRESH,
  SMM_KEY_DOMAIN,
  SMM_KEY_ISSUED,
  SMM_KEY_MAC,
  SMM_KEY_MAC_OLD,
  SMM_KEY_META,
  SMM_KEY_MODE,
  SMM_KEY_PAGES,
  SMM_KEY_ROOT,
  SMM_KEY_TREE,
  SMM_KEY_TWEAK,
  SMM_MODE_CTR,
  SMM_MODE_FIXED,
  SMM_MODE_MAC,
  SMM_MODE_TREE,
  SMM_MODE_XTS,
  SMM_SEALED,
  SMM_VIOLATION_FRESHNESS,
  SMM_VIOLATION_INTEGRITY,
} from '../layout';
import { dropCode, frameEntry } from '../mmu/frame';
import { cryptPage, JOB_COUNTER, JOB_PAGE, jobAt, runJobs, writeJob } from './batch';
import { COUNTER_NONE, counterNext } from './counter';
import { cipherOf, keyOf, nextEpoch } from './keys';
import { macPage } from './mac';
import { permissionOf } from './permissions';
import { treeCounter, treeMac, treeUpdate, treeVerify } from './tree';
import { charge, noteViolation, tally } from './violation';
import { xtsPage } from './xts';

const COUNTER_MASK: u64 = (1 << 56) - 1; // what the cipher takes; DRAM may hold anything

function dramOf(frame: u32): usize {
  return load<usize>(HOST_DRAM) + ((frame as usize) << PAGE_SHIFT);
}

/** Nodes on the way from a counter to the root of the domain's tree: what a check reads. */
function treeLevels(key: usize): u32 {
  let levels: u32 = 1;
  for (let nodes = (load<u32>(key, SMM_KEY_PAGES) + 7) >>> 3; nodes > 1; nodes = (nodes + 7) >>> 3) levels++;
  return levels;
}

/** Counters change at every write-back, but for XTS, which has none, and the mode that is wrong on purpose. */
function counts(mode: u32): bool {
  return (mode & (SMM_MODE_CTR | SMM_MODE_FIXED)) == SMM_MODE_CTR;
}

/**
 * Decrypts a sealed frame of the domain with key-table entry `key` to `to`; `cipher` and `mac` are the page key's schedule
 * and the MAC key. Returns 0, or SMM_VIOLATION_* and `to` is not to be used.
 */
function open(key: usize, cipher: usize, mac: usize, frame: u32, to: usize, scratch: usize): u32 {
  const mode = load<u32>(key, SMM_KEY_MODE);
  const region = load<usize>(key, SMM_KEY_META);
  const pages = load<u32>(key, SMM_KEY_PAGES);
  const page = load<u32>(permissionOf(frame), SMM_FRAME_INDEX);
  const from = dramOf(frame);
  const counter = counts(mode) ? load<u64>(treeCounter(region, page)) : 0;
  if ((mode & SMM_MODE_TREE) != 0 && !treeVerify(region, pages, key + SMM_KEY_TREE, key + SMM_KEY_ROOT, page)) {
    return SMM_VIOLATION_FRESHNESS;
  }
  if ((mode & SMM_MODE_MAC) != 0 && macPage(mac, frame, counter, from) != load<u64>(treeMac(region, pages, page))) {
    return SMM_VIOLATION_INTEGRITY;
  }
  if ((mode & SMM_MODE_XTS) != 0) xtsPage(cipher, key + SMM_KEY_TWEAK, scratch, frame, from, to, false);
  else cryptPage(cipher, scratch, frame, counter & COUNTER_MASK, from, to);
  return 0;
}

/** Counts what `open` did, and charges vCPU `s` for it; no vCPU (0) pays nothing. */
function opened(s: usize, key: usize, violation: u32): void {
  hashed(s, key, 1);
  if (violation != SMM_VIOLATION_FRESHNESS) maced(s, key);
  if (violation != 0) return;
  tally(key, SMM_COUNT_DECRYPT, 1);
  charge(s, COUNTER_SMM_CRYPT, 1);
}

/** Counts a MAC where the mode has one. */
function maced(s: usize, key: usize): void {
  if ((load<u32>(key, SMM_KEY_MODE) & SMM_MODE_MAC) == 0) return;
  tally(key, SMM_COUNT_MAC, 1);
  charge(s, COUNTER_SMM_MAC, 1);
}

/** Counts `times` ways through the tree where the mode has one. */
function hashed(s: usize, key: usize, times: u32): void {
  if ((load<u32>(key, SMM_KEY_MODE) & SMM_MODE_TREE) == 0) return;
  const nodes = treeLevels(key) * times;
  tally(key, SMM_COUNT_TREE, nodes);
  charge(s, COUNTER_SMM_TREE, nodes);
}

/**
 * Brings the plaintext of a protected frame to `to`. Returns 0 or SMM_VIOLATION_*; the frame is then broken for good.
 * `observed` is for those who look without a trace: nothing is counted, nobody pays, nothing breaks.
 */
export function unseal(s: usize, frame: u32, to: usize, scratch: usize, observed: bool): u32 {
  const p = permissionOf(frame);
  const state = load<u8>(p, SMM_FRAME_STATE);
  if (state == SMM_FRESH) {
    memory.fill(to, 0, PAGE_SIZE as usize);
    return 0;
  }
  if (state == SMM_BROKEN) return SMM_VIOLATION_INTEGRITY;
  const key = keyOf(load<u16>(p, SMM_FRAME_OWNER) as u32);
  const violation = open(key, cipherOf(key), key + SMM_KEY_MAC, frame, to, scratch);
  if (observed) return violation;
  opened(s, key, violation);
  if (violation != 0) store<u8>(p, SMM_BROKEN, SMM_FRAME_STATE);
  return violation;
}

/** Writes the page at `from` back to its frame under a counter that was never used. vCPU `s` pays, or nobody. */
export function seal(s: usize, frame: u32, from: usize, scratch: usize): void {
  const p = permissionOf(frame);
  const key = keyOf(load<u16>(p, SMM_FRAME_OWNER) as u32);
  tally(key, SMM_COUNT_WRITE_BACK, 1);
  put(s, key, p, frame, from, scratch);
}

/** Encrypts the page at `from` to its frame. One whose way through the tree was forged breaks: it cannot be kept fresh. */
function put(s: usize, key: usize, p: usize, frame: u32, from: usize, scratch: usize): void {
  const mode = load<u32>(key, SMM_KEY_MODE);
  const to = dramOf(frame);
  let counter = issue(key);
  if (counts(mode) && counter == COUNTER_NONE) {
    rekey(s, key, scratch);
    counter = issue(key);
  }
  const cipher = cipherOf(key);
  charge(s, COUNTER_SMM_CRYPT, 1);
  if ((mode & SMM_MODE_XTS) != 0) xtsPage(cipher, key + SMM_KEY_TWEAK, scratch, frame, from, to, true);
  else cryptPage(cipher, scratch, frame, counter, from, to);
  finish(s, key, p, frame, counter);
}

/** The number of the next write-back; COUNTER_NONE: all are used, or the mode has none. */
function issue(key: usize): u64 {
  if (!counts(load<u32>(key, SMM_KEY_MODE))) return COUNTER_NONE;
  return counterNext(key + SMM_KEY_ISSUED, load<u64>(HOST_SMM_COUNTERS));
}

/** The page's ciphertext is in DRAM: what belongs to it. */
function finish(s: usize, key: usize, p: usize, frame: u32, counter: u64): void {
  store<u8>(p, record(s, key, p, frame, counter) ? SMM_SEALED : SMM_BROKEN, SMM_FRAME_STATE);
  dropCode(frameEntry(frame)); // whoever executes ciphertext executes other ciphertext from now on
}

/**
 * Makes the sealing of a page job `n` of those that sealQueued() does; until then its bytes at `from` must stay. False, and nothing
 * has happened, if it cannot wait: the host does not encrypt in this mode, or the key must be replaced first.
 */
export function sealLater(s: usize, frame: u32, from: usize, scratch: usize, n: u32): bool {
  const key = keyOf(load<u16>(permissionOf(frame), SMM_FRAME_OWNER) as u32);
  const mode = load<u32>(key, SMM_KEY_MODE);
  if ((mode & SMM_MODE_XTS) != 0) return false;
  const counter = issue(key);
  if (counts(mode) && counter == COUNTER_NONE) return false;
  tally(key, SMM_COUNT_WRITE_BACK, 1);
  charge(s, COUNTER_SMM_CRYPT, 1);
  writeJob(jobAt(scratch, n), cipherOf(key), frame, counter, from, dramOf(frame));
  return true;
}

/** Does the first `count` jobs. Nothing else may have been sealed or unsealed since the first of them. */
export function sealQueued(s: usize, scratch: usize, count: u32): void {
  if (count == 0) return;
  runJobs(scratch, count);
  for (let n: u32 = 0; n < count; n++) {
    const frame = load<u32>(jobAt(scratch, n), JOB_PAGE);
    const p = permissionOf(frame);
    finish(s, keyOf(load<u16>(p, SMM_FRAME_OWNER) as u32), p, frame, load<u64>(jobAt(scratch, n), JOB_COUNTER));
  }
}

/** Writes counter and MAC of a page that was just encrypted. False: the tree does not hold any more. */
function record(s: usize, key: usize, p: usize, frame: u32, counter: u64): bool {
  const mode = load<u32>(key, SMM_KEY_MODE);
  const region = load<usize>(key, SMM_KEY_META);
  const pages = load<u32>(key, SMM_KEY_PAGES);
  const page = load<u32>(p, SMM_FRAME_INDEX);
  if ((mode & SMM_MODE_MAC) != 0) {
    maced(s, key);
    store<u64>(treeMac(region, pages, page), macPage(key + SMM_KEY_MAC, frame, counter, dramOf(frame)));
  }
  if ((mode & SMM_MODE_TREE) == 0) {
    if (counts(mode)) store<u64>(treeCounter(region, page), counter);
    return true;
  }
  hashed(s, key, 2);
  if (treeUpdate(region, pages, key + SMM_KEY_TREE, key + SMM_KEY_ROOT, page, counter)) return true;
  const domain = load<u32>(key, SMM_KEY_DOMAIN);
  noteViolation(key, SMM_VIOLATION_FRESHNESS, frame, 0xffffffff, domain);
  return false;
}

/**
 * All counters of the epoch are issued: every sealed page of the domain is brought under a new key. A page that fails its
 * check breaks and stays as it is.
 */
function rekey(s: usize, key: usize, scratch: usize): void {
  const domain = load<u32>(key, SMM_KEY_DOMAIN) as u16;
  const page = scratch - PAGE_SIZE;
  tally(key, SMM_COUNT_REKEY, 1);
  nextEpoch(key, scratch);
  const frames = load<u32>(HOST_FRAMES);
  for (let frame: u32 = 0; frame < frames; frame++) {
    const p = permissionOf(frame);
    if (load<u16>(p, SMM_FRAME_OWNER) != domain || load<u8>(p, SMM_FRAME_STATE) != SMM_SEALED) continue;
    const violation = open(key, key + SMM_KEY_TWEAK, key + SMM_KEY_MAC_OLD, frame, page, scratch);
    opened(s, key, violation);
    if (violation != 0) store<u8>(p, SMM_BROKEN, SMM_FRAME_STATE);
    else put(s, key, p, frame, page, scratch);
  }
}
