/**
 * The secure-memory unit as the hypervisor sees it: the three hooks of the source, and accesses of the hypervisor itself.
 *
 *   populate_physmap      ─▶ smmPopulate, smmShare        permission table
 *   context_switch        ─▶ smmSwitch                    current-VM register, buffer policy
 *   decrease_reservation  ─▶ smmRelease, smmUnshare       permission table, buffer
 *
 * One unit per pCPU. A domain's pages are in the buffer of the pCPU that runs it, and those that share them run there too.
 */
import {
  COUNTER_SMM_CRYPT,
  COUNTER_SMM_MAC,
  COUNTER_SMM_TREE,
  DOMAIN_ID,
  DOMAIN_PCPU,
  DOMAIN_SIZE,
  FRAME_NONE,
  HOST_DOMAIN_BASE,
  HOST_DOMAINS,
  HOST_DRAM,
  HOST_END,
  HOST_PCPU_BASE,
  HOST_PCPUS,
  HOST_SMM_BATCH,
  HOST_SMM_GRANTS,
  HOST_SMM_KEYS,
  HOST_SMM_POLICY,
  HOST_SMM_SLOTS,
  HOST_SMM_UNITS,
  HOST_WEIGHTS,
  PAGE_SHIFT,
  PCPU_SIZE,
  PCPU_SMM,
  SMM_BROKEN,
  SMM_CLEAR,
  SMM_COUNT_MAC,
  SMM_COUNT_TREE,
  SMM_COUNT_WRITE_BACK,
  SMM_FRAME_OWNER,
  SMM_FRAME_SLOT,
  SMM_FRAME_STATE,
  SMM_FRESH,
  SMM_GRANTS_PLAINTEXT,
  SMM_KEY_COUNTS,
  SMM_KEY_DOMAIN,
  SMM_KEY_META,
  SMM_KEY_MODE,
  SMM_KEY_PAGES,
  SMM_KEY_ROOT,
  SMM_KEY_TREE,
  SMM_KEY_UNNOTIFIED,
  SMM_MODE_CTR,
  SMM_MODE_EXPOSED,
  SMM_MODE_MAC,
  SMM_MODE_TREE,
  SMM_NO_DOMAIN,
  SMM_OPEN,
  SMM_POLICY_FLUSH,
  SMM_READ,
  SMM_SLOT_FRAME,
  SMM_SLOT_NEXT,
  SMM_SLOT_SIZE,
  SMM_UNIT_DOMAIN,
  SMM_UNIT_FREE,
  SMM_UNIT_PAGES,
  SMM_UNIT_SCRATCH,
  SMM_UNIT_SCRATCH_SIZE,
  SMM_UNIT_SLOTS,
  SMM_UNIT_STREAM,
  SMM_UNIT_TABLE,
  SMM_UNIT_VCPU,
  SMM_VIOLATION_CONTEXT,
  SMM_VIOLATION_PERMISSION,
  SMM_WRITE,
  VCPU_DOMAIN,
  VCPU_FETCH_PAGE,
  VCPU_SMM,
  VOID_PAGE,
} from '../layout';
import { inVoid } from '../mmu/frame';
import { flushDomain, markSlotDirty, plaintext, releaseSlot, unitOf } from './buffer';
import { clearKey, EXPOSED_SIZE, forgetKey, keyOf, nextEpoch } from './keys';
import { addShare, disown, isShared, own, permissionOf, removeShare, rightsOn } from './permissions';
import { seal, unseal } from './seal';
import { treeBytes, treeInit } from './tree';
import { noteViolation, refuse } from './violation';

/** Bytes of a unit with its slot table. */
export function unitSize(slots: u32): usize {
  return (SMM_UNIT_TABLE + (slots as usize) * SMM_SLOT_SIZE + 63) & ~63;
}

/** Bytes of a unit's scratch, with what the host needs to encrypt `batch` pages at once. */
export function scratchSize(batch: u32): usize {
  return batch == 0 ? SMM_UNIT_SCRATCH_SIZE : SMM_UNIT_STREAM + ((batch as usize) << PAGE_SHIFT);
}

/** Makes the units; the header's plan, bases and SMM words are set, memory is zero. */
export function smmInit(): void {
  const pcpus = load<u32>(HOST_PCPUS);
  const slots = load<u32>(HOST_SMM_SLOTS);
  const pages = load<usize>(HOST_END); // of the first slot
  const scratch = pages + (((pcpus * slots) as usize) << PAGE_SHIFT);
  for (let i: u32 = 0; i < pcpus; i++) {
    const unit = load<usize>(HOST_SMM_UNITS) + (i as usize) * unitSize(slots);
    store<usize>(load<usize>(HOST_PCPU_BASE) + (i as usize) * PCPU_SIZE + PCPU_SMM, unit);
    store<u32>(unit, SMM_NO_DOMAIN, SMM_UNIT_DOMAIN);
    store<u32>(unit, slots, SMM_UNIT_SLOTS);
    store<usize>(unit, pages + (((i * slots) as usize) << PAGE_SHIFT), SMM_UNIT_PAGES);
    store<usize>(unit, scratch + (i as usize) * scratchSize(load<u32>(HOST_SMM_BATCH)), SMM_UNIT_SCRATCH);
    store<u32>(unit, 1, SMM_UNIT_FREE);
    for (let slot: u32 = 0; slot < slots; slot++) {
      const entry = unit + SMM_UNIT_TABLE + (slot as usize) * SMM_SLOT_SIZE;
      store<u32>(entry, FRAME_NONE, SMM_SLOT_FRAME);
      store<u32>(entry, slot + 1 == slots ? 0 : slot + 2, SMM_SLOT_NEXT);
    }
  }
}

/** The unit in whose buffer a protected frame's plaintext is or would be: that of its owner's pCPU. */
function unitOfFrame(frame: u32): usize {
  const owner = load<u16>(permissionOf(frame), SMM_FRAME_OWNER) as u32;
  const domain = load<usize>(HOST_DOMAIN_BASE) + (owner as usize) * DOMAIN_SIZE;
  return load<usize>(load<usize>(HOST_PCPU_BASE) + load<usize>(domain + DOMAIN_PCPU) * PCPU_SIZE + PCPU_SMM);
}

function scratchOf(unit: usize): usize {
  return load<usize>(unit, SMM_UNIT_SCRATCH);
}

function stateOf(frame: u32): u8 {
  return load<u8>(permissionOf(frame), SMM_FRAME_STATE);
}

function dramOf(frame: u32): usize {
  return load<usize>(HOST_DRAM) + ((frame as usize) << PAGE_SHIFT);
}

// ── Keys ────────────────────────────────────────────────────────────────────

/** Empties the key-table entry of a domain and returns its address; the key store then writes mode, metadata, master key. */
export function smmKeyEntry(domain: u32): usize {
  return clearKey(domain);
}

/** Bytes of DRAM for the counters, MACs and tree of `pages` pages under `mode`. */
export function smmMetadataBytes(pages: u32, mode: u32): u32 {
  if ((mode & (SMM_MODE_CTR | SMM_MODE_MAC)) == 0) return 0;
  return treeBytes(pages, (mode & SMM_MODE_TREE) != 0) + ((mode & SMM_MODE_EXPOSED) != 0 ? (EXPOSED_SIZE as u32) : 0);
}

/** Derives the first keys from the entry's master key. Its metadata are zeros in frames that are the hypervisor's. */
export function smmKeyReady(domain: u32): void {
  const key = keyOf(domain);
  nextEpoch(key, scratchOf(load<usize>(HOST_SMM_UNITS)) + 4096);
  if ((load<u32>(key, SMM_KEY_MODE) & SMM_MODE_TREE) == 0) return;
  treeInit(load<usize>(key, SMM_KEY_META), load<u32>(key, SMM_KEY_PAGES), key + SMM_KEY_TREE, key + SMM_KEY_ROOT);
}

/** The domain ends: its keys are destroyed. */
export function smmForget(domain: u32): void {
  if (load<usize>(HOST_SMM_KEYS) != 0) forgetKey(keyOf(domain));
}

// ── populate_physmap, decrease_reservation ──────────────────────────────────

/** A protected domain gets a frame: it reads as zeros and what it held before is out of reach. */
export function smmPopulate(domain: u32, frame: u32, index: u32, rights: u32): void {
  own(domain, frame, index, rights);
}

/** A frame is given back. Its plaintext goes without being written anywhere; DRAM keeps what it holds. False: it was open. */
export function smmRelease(frame: u32): bool {
  if (load<usize>(HOST_SMM_KEYS) == 0 || stateOf(frame) == SMM_OPEN) return false;
  releaseSlot(unitOfFrame(frame), frame, false);
  disown(frame);
  return true;
}

/** Whether a domain's memory is protected. */
export function isProtected(domain: u32): bool {
  return (
    load<usize>(HOST_SMM_KEYS) != 0 && domain < load<u32>(HOST_DOMAINS) && load<u32>(keyOf(domain), SMM_KEY_MODE) != 0
  );
}

/** `domain` maps a granted frame; with SMM_GRANTS_PLAINTEXT the frame is plaintext in DRAM from now on. */
export function smmShare(domain: u32, handle: u32, frame: u32, rights: u32): void {
  if (load<u32>(HOST_SMM_GRANTS) == SMM_GRANTS_PLAINTEXT && !isShared(frame)) expose(frame);
  addShare(domain, handle, frame, rights);
}

/** The mapping ends; the last one takes the frame back under its owner's key. */
export function smmUnshare(domain: u32, handle: u32): void {
  const frame = removeShare(domain, handle);
  if (stateOf(frame) == SMM_CLEAR && !isShared(frame)) {
    store<u8>(permissionOf(frame), SMM_FRESH, SMM_FRAME_STATE); // DRAM is no ciphertext: seal it
    const unit = unitOfFrame(frame);
    const page = scratchOf(unit);
    memory.copy(page, dramOf(frame), 4096);
    seal(0, frame, page, page + 4096);
  }
}

function expose(frame: u32): void {
  const state = stateOf(frame);
  if (state == SMM_OPEN || state == SMM_BROKEN) return;
  const unit = unitOfFrame(frame);
  const page = plaintext(0, unit, frame);
  if (page < 4096) return;
  memory.copy(dramOf(frame), page, 4096);
  releaseSlot(unit, frame, false);
  store<u8>(permissionOf(frame), SMM_CLEAR, SMM_FRAME_STATE);
}

// ── context_switch ──────────────────────────────────────────────────────────

/**
 * The pCPU goes on with vCPU `s` (0: with none). Only here does the current-VM register change. The outgoing vCPU's fetch
 * register is dropped, because its page is no longer kept in the buffer. Nobody's account shows what is written back: it is
 * time of the pCPU. Returns the number of slots flushed.
 */
export function smmSwitch(pcpu: usize, s: usize): u32 {
  const unit = load<usize>(pcpu + PCPU_SMM);
  if (unit == 0 || s == load<usize>(unit, SMM_UNIT_VCPU)) return 0;
  const old = load<usize>(unit, SMM_UNIT_VCPU);
  if (s == 0) return 0; // an idle pCPU keeps what the last domain left: nobody else sees it
  const from = load<u32>(unit, SMM_UNIT_DOMAIN);
  const key = load<usize>(s + VCPU_SMM);
  const to = key == 0 ? SMM_NO_DOMAIN : load<u32>(key, SMM_KEY_DOMAIN);
  if (old != 0) store<u32>(old + VCPU_FETCH_PAGE, 1);
  store<u32>(unit, to, SMM_UNIT_DOMAIN);
  store<usize>(unit, s, SMM_UNIT_VCPU);
  if (from == to || from == SMM_NO_DOMAIN || load<u32>(HOST_SMM_POLICY) != SMM_POLICY_FLUSH) return 0;
  return flushDomain(0, unit, from);
}

/**
 * Hook of context_switch: the pCPU at `p` goes on with vCPU `s`, unless the hypervisor conceals it. Returns the modelled cycles of
 * what is written back.
 */
export function smmNotify(p: usize, s: usize): f64 {
  const unit = load<usize>(p + PCPU_SMM);
  if (unit == 0) return 0;
  const key = keyOf(load<u32>(load<usize>(s + VCPU_DOMAIN) + DOMAIN_ID));
  if (load<u32>(key, SMM_KEY_UNNOTIFIED) != 0) return 0;
  const last = load<u32>(unit, SMM_UNIT_DOMAIN);
  const before = writeBackCycles(last);
  smmSwitch(p, s);
  return writeBackCycles(last) - before;
}

/** Modelled cycles of all write-backs of a domain's pages so far, and of what comes with them. */
function writeBackCycles(domain: u32): f64 {
  if (domain == SMM_NO_DOMAIN) return 0;
  const counts = keyOf(domain) + SMM_KEY_COUNTS;
  return (
    cyclesOf(counts, SMM_COUNT_WRITE_BACK, COUNTER_SMM_CRYPT) +
    cyclesOf(counts, SMM_COUNT_MAC, COUNTER_SMM_MAC) +
    cyclesOf(counts, SMM_COUNT_TREE, COUNTER_SMM_TREE)
  );
}

function cyclesOf(counts: usize, which: u32, counter: u32): f64 {
  return f64(load<u64>(counts + ((which as usize) << 3))) * f64(load<u32>(HOST_WEIGHTS + ((counter as usize) << 2)));
}

/** A domain leaves the pCPU for good (it ends, or moves): its slots are written back, the register no longer names it. */
export function smmLeave(pcpu: usize, domain: u32): void {
  const unit = load<usize>(pcpu + PCPU_SMM);
  if (unit == 0) return;
  flushDomain(0, unit, domain);
  if (load<u32>(unit, SMM_UNIT_DOMAIN) != domain) return;
  store<u32>(unit, SMM_NO_DOMAIN, SMM_UNIT_DOMAIN);
  store<usize>(unit, 0, SMM_UNIT_VCPU);
}

/** Whether the unit was told that this vCPU runs; otherwise an exit is recorded. To be asked before a vCPU runs. */
export function notified(s: usize): bool {
  const key = load<usize>(s + VCPU_SMM);
  if (key == 0 || load<usize>(unitOf(s), SMM_UNIT_VCPU) == s) return true;
  refuse(s, SMM_VIOLATION_CONTEXT, FRAME_NONE, 0, 0xffffffff);
  return false;
}

// ── Accesses that are no guest's ────────────────────────────────────────────

/**
 * Host address of a frame's bytes for the hypervisor, which loads images and carries out copies: plaintext of a protected
 * frame, in its owner's buffer, until the next call but 15. 0 if it fails its check.
 */
export function smmAddress(frame: u32, write: bool): usize {
  if (load<usize>(HOST_SMM_KEYS) == 0) return dramOf(frame);
  const state = stateOf(frame);
  if (state == SMM_OPEN || state == SMM_CLEAR) return dramOf(frame);
  const unit = unitOfFrame(frame);
  const page = plaintext(0, unit, frame);
  if (page < 4096) {
    const owner = load<u16>(permissionOf(frame), SMM_FRAME_OWNER) as u32;
    noteViolation(keyOf(owner), page as u32, frame, 0xffffffff, owner);
    return 0;
  }
  if (write) markSlotDirty(unit, page);
  return page;
}

/**
 * The same for observers (digests, debuggers): the buffer, the counts and the frame stay as they are, and the address is
 * good until the next call on the same pCPU. What fails its check reads as all ones.
 */
export function smmPeek(frame: u32): usize {
  if (load<usize>(HOST_SMM_KEYS) == 0) return dramOf(frame);
  const state = stateOf(frame);
  if (state == SMM_OPEN || state == SMM_CLEAR) return dramOf(frame);
  const resident = load<usize>(permissionOf(frame), SMM_FRAME_SLOT);
  if (resident != 0) return resident;
  const page = scratchOf(unitOfFrame(frame));
  return unseal(0, frame, page, page + 4096, true) == 0 ? page : VOID_PAGE;
}

/**
 * A page of a guest's, for the hypervisor that reads it on the guest's behalf: host page, or 0 if the domain has no right on it
 * or it fails its check. `works`: as any access of the vCPU; else as an observer.
 */
export function lookThrough(s: usize, host: usize, works: bool, physical: u32): usize {
  if (inVoid(host)) return host;
  if (works) return workThrough(s, host, SMM_READ, physical);
  const frame = ((host - load<usize>(HOST_DRAM)) >>> PAGE_SHIFT) as u32;
  return (rightsOn(load<usize>(s + VCPU_SMM), frame) & SMM_READ) != 0 ? smmPeek(frame) : 0;
}

/** The same for work with the page, in DRAM, that reads it or (`access` SMM_WRITE) writes it. 0: the violation is noted. */
export function workThrough(s: usize, host: usize, access: u32, physical: u32): usize {
  const frame = ((host - load<usize>(HOST_DRAM)) >>> PAGE_SHIFT) as u32;
  const key = load<usize>(s + VCPU_SMM);
  const domain = load<u32>(key, SMM_KEY_DOMAIN);
  if ((access & ~rightsOn(key, frame)) != 0) {
    noteViolation(key, SMM_VIOLATION_PERMISSION, frame, physical, domain);
    return 0;
  }
  const state = stateOf(frame);
  if (state == SMM_OPEN || state == SMM_CLEAR) return host;
  const unit = unitOf(s);
  const page = plaintext(s, unit, frame);
  if (page < 4096) {
    noteViolation(key, page as u32, frame, physical, domain);
    return 0;
  }
  if ((access & SMM_WRITE) != 0) markSlotDirty(unit, page);
  return page;
}

/** Writes back and drops all slots of a pCPU: shutdown, snapshot. */
export function smmFlush(pcpu: usize): u32 {
  const unit = load<usize>(pcpu + PCPU_SMM);
  return unit == 0 ? 0 : flushDomain(0, unit, SMM_NO_DOMAIN);
}
