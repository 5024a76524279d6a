/**
 * Lays the host out: where its regions begin and what they hold before the first domain exists.
 * A shared memory starts as zeros, so only what must not be zero is written.
 */

import { writeRom } from './generated/rom';
import {
  DOMAIN_SIZE,
  FRAME_ENTRY_SIZE,
  HOST_DISK_PAGES,
  HOST_DISKS,
  HOST_DOMAIN_BASE,
  HOST_DOMAINS,
  HOST_DRAM,
  HOST_END,
  HOST_FRAME_TABLE,
  HOST_FRAMES,
  HOST_MAGIC,
  HOST_MERGE,
  HOST_PCPU_BASE,
  HOST_PCPUS,
  HOST_SMM_BATCH,
  HOST_SMM_COUNTERS,
  HOST_SMM_FRAMES,
  HOST_SMM_KEY_BITS,
  HOST_SMM_KEYS,
  HOST_SMM_SHARES,
  HOST_SMM_SLOTS,
  HOST_SMM_UNITS,
  HOST_STLB,
  HOST_VCPU_BASE,
  HOST_VCPUS,
  HOST_VERSION,
  LAYOUT_MAGIC,
  LAYOUT_VERSION,
  MAPTRACK_ENTRIES,
  MERGE_ENTRY,
  PAGE_SIZE,
  PCPU_CURRENT,
  PCPU_INDEX,
  PCPU_SIZE,
  REGIONS,
  SMM_FRAME_SIZE,
  SMM_KEY_SIZE,
  SMM_SHARE_SIZE,
  STLB_ENTRY_SIZE,
  STLB_SIZE,
  VCPU_SIZE,
} from './layout';
import { frameInit } from './mmu/frame';
import { COUNTER_LIMIT } from './smm/counter';
import { scratchSize, smmInit, unitSize } from './smm/unit';

/** pCPU.PCPU_CURRENT when no vCPU runs. */
export const VCPU_NONE: u32 = 0xffffffff;

const WASM_PAGE_SHIFT: u64 = 16;

function align(address: u64, alignment: u64): u64 {
  return (address + alignment - 1) & ~(alignment - 1);
}

function stlbs(pcpus: u32, vcpus: u32, domains: u32): u64 {
  return align(
    u64(REGIONS) + u64(pcpus) * u64(PCPU_SIZE) + u64(vcpus) * u64(VCPU_SIZE) + u64(domains) * u64(DOMAIN_SIZE),
    u64(STLB_SIZE),
  );
}

/** Where the tables of pages that became common begin. */
function merged(pcpus: u32, vcpus: u32, domains: u32, stlbEntries: u32): u64 {
  const sets = stlbs(pcpus, vcpus, domains) + u64(vcpus) * u64(STLB_SIZE);
  return align(sets + u64(stlbEntries) * u64(STLB_ENTRY_SIZE), 64);
}

/** Where the tables of the secure-memory unit begin. */
function secure(pcpus: u32, vcpus: u32, domains: u32, stlbEntries: u32, mergePages: u32): u64 {
  const tables = mergePages == 0 ? 0 : u64(domains) * u64(MERGE_ENTRY) + u64(mergePages) * 4;
  return align(merged(pcpus, vcpus, domains, stlbEntries) + tables, u64(PAGE_SIZE));
}

function secureShares(frames: u32): u64 {
  return align(u64(frames) * u64(SMM_FRAME_SIZE), 64);
}

function secureKeys(domains: u32, frames: u32): u64 {
  return align(secureShares(frames) + u64(domains) * u64(MAPTRACK_ENTRIES) * u64(SMM_SHARE_SIZE), 64);
}

function secureUnits(domains: u32, frames: u32): u64 {
  return align(secureKeys(domains, frames) + u64(domains) * u64(SMM_KEY_SIZE), 64);
}

function frameTable(
  pcpus: u32,
  vcpus: u32,
  domains: u32,
  frames: u32,
  stlbEntries: u32,
  slots: u32,
  mergePages: u32,
): u64 {
  const base = secure(pcpus, vcpus, domains, stlbEntries, mergePages);
  if (slots == 0) return base;
  return align(base + secureUnits(domains, frames) + u64(pcpus) * u64(unitSize(slots)), u64(PAGE_SIZE));
}

function dram(pcpus: u32, vcpus: u32, domains: u32, frames: u32, stlbEntries: u32, slots: u32, mergePages: u32): u64 {
  const entries = u64(frames) + u64(pcpus) * u64(slots);
  const table = frameTable(pcpus, vcpus, domains, frames, stlbEntries, slots, mergePages);
  return align(table + entries * u64(FRAME_ENTRY_SIZE), u64(PAGE_SIZE));
}

/**
 * Size of the flat memory in WebAssembly pages of 64 KiB. More than 65536 means that the host does not fit.
 * `stlbEntries`: of all second-level TLBs; `slots`: of each pCPU's SMM buffer, 0: no unit; `batch`: see HOST_SMM_BATCH; `disks`:
 * pages of all disks; `mergePages`: of all domains that share equal pages, 0: none do.
 */
export function hostBytes(
  pcpus: u32,
  vcpus: u32,
  domains: u32,
  frames: u32,
  stlbEntries: u32,
  slots: u32,
  batch: u32,
  disks: u32,
  mergePages: u32,
): u32 {
  const end =
    diskStore(pcpus, vcpus, domains, frames, stlbEntries, slots, batch, mergePages) + u64(disks) * u64(PAGE_SIZE);
  return u32(align(end, 1 << WASM_PAGE_SHIFT) >> WASM_PAGE_SHIFT);
}

/** Where the sectors of disks begin: behind DRAM, SMM buffers and their scratch. */
function diskStore(
  pcpus: u32,
  vcpus: u32,
  domains: u32,
  frames: u32,
  stlbEntries: u32,
  slots: u32,
  batch: u32,
  mergePages: u32,
): u64 {
  const pages = u64(frames) + u64(pcpus) * u64(slots);
  const scratch = slots == 0 ? 0 : u64(pcpus) * u64(scratchSize(batch));
  const end = dram(pcpus, vcpus, domains, frames, stlbEntries, slots, mergePages) + pages * u64(PAGE_SIZE) + scratch;
  return align(end, u64(PAGE_SIZE));
}

/**
 * Writes the host header and the pCPUs' indices and makes every frame free. The memory must be zero. Who planned
 * `stlbEntries` and `mergePages` deals them out, and so with the `disks` pages of disks. With `slots` each pCPU has a secure-memory
 * unit with a buffer of so many pages; with `batch` the host encrypts for it.
 */
export function hostInit(
  pcpus: u32,
  vcpus: u32,
  domains: u32,
  frames: u32,
  stlbEntries: u32,
  slots: u32,
  batch: u32,
  disks: u32,
  mergePages: u32,
): void {
  const vcpuBase = REGIONS + (pcpus as usize) * PCPU_SIZE;
  const table = usize(frameTable(pcpus, vcpus, domains, frames, stlbEntries, slots, mergePages));
  const base = usize(dram(pcpus, vcpus, domains, frames, stlbEntries, slots, mergePages));
  store<u32>(HOST_MAGIC, LAYOUT_MAGIC);
  store<u32>(HOST_VERSION, LAYOUT_VERSION);
  store<u32>(HOST_PCPUS, pcpus);
  store<u32>(HOST_VCPUS, vcpus);
  store<u32>(HOST_DOMAINS, domains);
  store<u32>(HOST_FRAMES, frames);
  store<usize>(HOST_PCPU_BASE, REGIONS);
  store<usize>(HOST_VCPU_BASE, vcpuBase);
  store<usize>(HOST_DOMAIN_BASE, vcpuBase + (vcpus as usize) * VCPU_SIZE);
  store<usize>(HOST_STLB, usize(stlbs(pcpus, vcpus, domains)));
  store<usize>(HOST_FRAME_TABLE, table);
  store<usize>(HOST_DRAM, base);
  store<usize>(HOST_END, base + (frames as usize) * PAGE_SIZE);
  store<usize>(HOST_DISKS, usize(diskStore(pcpus, vcpus, domains, frames, stlbEntries, slots, batch, mergePages)));
  store<u32>(HOST_DISK_PAGES, disks);
  writeRom();
  frameInit();
  for (let i: u32 = 0; i < pcpus; i++) {
    const p = REGIONS + (i as usize) * PCPU_SIZE;
    store<u32>(p + PCPU_INDEX, i);
    store<u32>(p + PCPU_CURRENT, VCPU_NONE);
  }
  if (mergePages != 0) store<usize>(HOST_MERGE, usize(merged(pcpus, vcpus, domains, stlbEntries)));
  if (slots == 0) return;
  const tables = usize(secure(pcpus, vcpus, domains, stlbEntries, mergePages));
  store<u32>(HOST_SMM_SLOTS, slots);
  store<usize>(HOST_SMM_FRAMES, tables);
  store<usize>(HOST_SMM_SHARES, tables + usize(secureShares(frames)));
  store<usize>(HOST_SMM_KEYS, tables + usize(secureKeys(domains, frames)));
  store<usize>(HOST_SMM_UNITS, tables + usize(secureUnits(domains, frames)));
  store<u32>(HOST_SMM_KEY_BITS, 128);
  store<u64>(HOST_SMM_COUNTERS, COUNTER_LIMIT);
  store<u32>(HOST_SMM_BATCH, batch);
  smmInit(pcpus, slots, base + (frames as usize) * PAGE_SIZE);
}
