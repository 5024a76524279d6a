/**
 * Lays the host out by the plan in its header: where its regions begin and what they hold before the first domain exists.
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
  HOST_MERGEABLE_PAGES,
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
  HOST_STLB_ENTRIES,
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

const WASM_PAGE_SIZE: usize = 65536;
const CACHE_LINE: usize = 64;

function planned(word: usize): u64 {
  return load<u32>(word) as u64;
}

function align(address: u64, alignment: usize): u64 {
  return (address + u64(alignment) - 1) & ~(u64(alignment) - 1);
}

/** Puts a region of `bytes` behind `at`, and its address into the header's `word`. Returns where the region ends. */
function place(word: usize, at: u64, alignment: usize, bytes: u64): u64 {
  const begin = align(at, alignment);
  store<u32>(word, u32(begin));
  return begin + bytes;
}

/** Places all regions, in the order of layout.ts's map, and returns where the last one ends: where the host does not fit, beyond 4 GiB. */
function placeRegions(): u64 {
  const pcpus = planned(HOST_PCPUS);
  const vcpus = planned(HOST_VCPUS);
  const domains = planned(HOST_DOMAINS);
  const frames = planned(HOST_FRAMES);
  const mergeable = planned(HOST_MERGEABLE_PAGES);
  const slots = load<u32>(HOST_SMM_SLOTS);
  const buffers = pcpus * u64(slots);
  const sets = planned(HOST_STLB_ENTRIES) * u64(STLB_ENTRY_SIZE);

  let at: u64 = u64(REGIONS);
  at = place(HOST_PCPU_BASE, at, PAGE_SIZE, pcpus * u64(PCPU_SIZE));
  at = place(HOST_VCPU_BASE, at, PAGE_SIZE, vcpus * u64(VCPU_SIZE));
  at = place(HOST_DOMAIN_BASE, at, PAGE_SIZE, domains * u64(DOMAIN_SIZE));
  at = place(HOST_STLB, at, STLB_SIZE, vcpus * u64(STLB_SIZE) + sets);
  if (mergeable != 0) at = place(HOST_MERGE, at, CACHE_LINE, domains * u64(MERGE_ENTRY) + mergeable * 4);
  if (slots != 0) {
    const shares = domains * u64(MAPTRACK_ENTRIES) * u64(SMM_SHARE_SIZE);
    at = place(HOST_SMM_FRAMES, at, PAGE_SIZE, frames * u64(SMM_FRAME_SIZE));
    at = place(HOST_SMM_SHARES, at, CACHE_LINE, shares);
    at = place(HOST_SMM_KEYS, at, CACHE_LINE, domains * u64(SMM_KEY_SIZE));
    at = place(HOST_SMM_UNITS, at, CACHE_LINE, pcpus * u64(unitSize(slots)));
  }
  at = place(HOST_FRAME_TABLE, at, PAGE_SIZE, (frames + buffers) * u64(FRAME_ENTRY_SIZE));
  at = place(HOST_DRAM, at, PAGE_SIZE, frames * u64(PAGE_SIZE));
  at = place(HOST_END, at, 1, buffers * u64(PAGE_SIZE));
  if (slots != 0) at += pcpus * u64(scratchSize(load<u32>(HOST_SMM_BATCH)));
  return place(HOST_DISKS, at, PAGE_SIZE, planned(HOST_DISK_PAGES) * u64(PAGE_SIZE));
}

/** Size of the planned host in WebAssembly pages of 64 KiB. More than 65536 means that it does not fit. Only the header need be there. */
export function hostPages(): u32 {
  return u32(align(placeRegions(), WASM_PAGE_SIZE) / u64(WASM_PAGE_SIZE));
}

/**
 * Lays the planned host out in a memory that holds nothing else: completes the header, writes the pCPUs' indices and makes every frame
 * free. Who planned second-level TLBs, common pages and disks deals their regions out.
 */
export function hostInit(): void {
  placeRegions();
  store<u32>(HOST_MAGIC, LAYOUT_MAGIC);
  store<u32>(HOST_VERSION, LAYOUT_VERSION);
  writeRom();
  frameInit();
  for (let i: u32 = 0; i < load<u32>(HOST_PCPUS); i++) {
    const p = load<usize>(HOST_PCPU_BASE) + (i as usize) * PCPU_SIZE;
    store<u32>(p + PCPU_INDEX, i);
    store<u32>(p + PCPU_CURRENT, VCPU_NONE);
  }
  if (load<u32>(HOST_SMM_SLOTS) == 0) return;
  store<u32>(HOST_SMM_KEY_BITS, 128);
  store<u64>(HOST_SMM_COUNTERS, COUNTER_LIMIT);
  smmInit();
}
