/**
 * Lays the host out: where its regions begin and what they hold before the first domain exists.
 * A shared memory starts as zeros, so only what must not be zero is written.
 */

import { writeRom } from './generated/rom';
import {
  DOMAIN_SIZE,
  FRAME_ENTRY_SIZE,
  HOST_DOMAIN_BASE,
  HOST_DOMAINS,
  HOST_DRAM,
  HOST_END,
  HOST_FRAME_TABLE,
  HOST_FRAMES,
  HOST_MAGIC,
  HOST_PCPU_BASE,
  HOST_PCPUS,
  HOST_STLB,
  HOST_VCPU_BASE,
  HOST_VCPUS,
  HOST_VERSION,
  LAYOUT_MAGIC,
  LAYOUT_VERSION,
  PAGE_SIZE,
  PCPU_CURRENT,
  PCPU_INDEX,
  PCPU_SIZE,
  REGIONS,
  STLB_ENTRY_SIZE,
  STLB_SIZE,
  VCPU_SIZE,
} from './layout';
import { frameInit } from './mmu/frame';

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

function frameTable(pcpus: u32, vcpus: u32, domains: u32, stlbEntries: u32): u64 {
  const sets = stlbs(pcpus, vcpus, domains) + u64(vcpus) * u64(STLB_SIZE);
  return align(sets + u64(stlbEntries) * u64(STLB_ENTRY_SIZE), u64(PAGE_SIZE));
}

function dram(pcpus: u32, vcpus: u32, domains: u32, frames: u32, stlbEntries: u32): u64 {
  const table = frameTable(pcpus, vcpus, domains, stlbEntries);
  return align(table + u64(frames) * u64(FRAME_ENTRY_SIZE), u64(PAGE_SIZE));
}

/**
 * Size of the flat memory in WebAssembly pages of 64 KiB. More than 65536 means that the host does not fit.
 * `stlbEntries`: of all second-level TLBs.
 */
export function hostBytes(pcpus: u32, vcpus: u32, domains: u32, frames: u32, stlbEntries: u32): u32 {
  const end = dram(pcpus, vcpus, domains, frames, stlbEntries) + u64(frames) * u64(PAGE_SIZE);
  return u32(align(end, 1 << WASM_PAGE_SHIFT) >> WASM_PAGE_SHIFT);
}

/**
 * Writes the host header and the pCPUs' indices and makes every frame free. The memory must be zero. Who planned
 * `stlbEntries` deals them out.
 */
export function hostInit(pcpus: u32, vcpus: u32, domains: u32, frames: u32, stlbEntries: u32): void {
  const vcpuBase = REGIONS + (pcpus as usize) * PCPU_SIZE;
  const table = usize(frameTable(pcpus, vcpus, domains, stlbEntries));
  const base = usize(dram(pcpus, vcpus, domains, frames, stlbEntries));
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
  writeRom();
  frameInit();
  for (let i: u32 = 0; i < pcpus; i++) {
    const p = REGIONS + (i as usize) * PCPU_SIZE;
    store<u32>(p + PCPU_INDEX, i);
    store<u32>(p + PCPU_CURRENT, VCPU_NONE);
  }
}
