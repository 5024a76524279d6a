/**
 * The one way by which devices reach memory. Every access names the device (its source id, bus:device.function), an address, a
 * length and a direction.
 *
 *   device ─▶ address ─┬ DMA_GUEST ───▶ the domain's EPT ─▶ secure-memory unit, with the domain's rights and key ─▶ page
 *                      └ DMA_MACHINE ─────────────────────────────────────────────────────────────────────────────▶ DRAM
 *
 * DMA_GUEST is a device that the hypervisor emulates: it works on the guest's behalf, as with a hypercall's arguments. DMA_MACHINE is a
 * device that was passed through on a machine without an IOMMU: it reaches all of DRAM and sees it as it is, ciphertext of
 * protected pages included. It stands outside the secure-memory unit, so plaintext that a buffer holds is neither seen
 * nor changed: what a device writes below a dirty slot is lost at the next write-back, and below a clean one it is met by the
 * next fill. Between quanta only, because it may touch what any pCPU uses; DMA_GUEST touches what its domain may, and runs
 * where its domain runs.
 *
 * A transaction is split at pages, and each page is located before a byte of it moves. What was moved before a refusal stays.
 */
import {
  COUNTER_DMA,
  DEVICE_COUNTS,
  DEVICE_DOMAIN,
  DEVICE_FAULT,
  DEVICE_FAULT_ADDRESS,
  DEVICE_PAYER,
  DEVICE_SPACE,
  DMA_ABSENT,
  DMA_DENIED,
  DMA_FAULTS,
  DMA_MACHINE,
  DMA_READ_BYTES,
  DMA_READS,
  DMA_VIOLATION,
  DMA_WRITE_BYTES,
  DMA_WRITES,
  DOMAIN_EPTP,
  DOMAIN_VCPU,
  FRAME_TYPE,
  FRAME_TYPE_EPT,
  HOST_DMA_TABLES,
  HOST_DRAM,
  HOST_FRAMES,
  PAGE_MASK,
  PAGE_SHIFT,
  PAGE_SIZE,
  VCPU_SMM,
} from '../layout';
import { direct, eptMark, eptPeek, READ, WRITE } from '../mmu/ept';
import { dropCode, entryOfHost, frameEntry, inVoid } from '../mmu/frame';
import { workThrough } from '../smm/unit';
import { charge } from '../smm/violation';

const ADDRESSES: u64 = 1 << 32; // the machine has 32-bit physical addresses
const LINE: u32 = 64;

/** The device reads `length` bytes of memory at `address` into the flat memory at `to`. False: a byte was refused. */
export function dmaRead(device: usize, address: u64, length: u32, to: usize): bool {
  return transfer(device, address, length, to, READ);
}

/** The device writes `length` bytes from the flat memory at `from` to memory at `address`. False: a byte was refused. */
export function dmaWrite(device: usize, address: u64, length: u32, from: usize): bool {
  return transfer(device, address, length, from, WRITE);
}

function transfer(device: usize, address: u64, length: u32, host: usize, access: u32): bool {
  const writes = access == WRITE;
  tally(device, writes ? DMA_WRITES : DMA_READS, 1);
  charge(load<usize>(device, DEVICE_PAYER), COUNTER_DMA, length / LINE + u32(length % LINE != 0));
  if (address >= ADDRESSES || (length as u64) > ADDRESSES - address) return refuse(device, address, DMA_ABSENT) != 0;
  let at = address as u32;
  for (let left = length; left != 0; ) {
    const offset = at & (PAGE_SIZE - 1);
    const n = min(left, PAGE_SIZE - offset);
    const page = locate(device, at, access);
    if (page == 0) return false;
    if (writes) memory.copy(page + offset, host, n as usize);
    else memory.copy(host, page + offset, n as usize);
    tally(device, writes ? DMA_WRITE_BYTES : DMA_READ_BYTES, n);
    at += n;
    host += n as usize;
    left -= n;
  }
  return true;
}

function tally(device: usize, which: u32, n: u32): void {
  const p = device + DEVICE_COUNTS + ((which as usize) << 3);
  store<u64>(p, load<u64>(p) + (n as u64));
}

/** Notes a refusal. Returns 0. */
function refuse(device: usize, address: u64, fault: u32): usize {
  tally(device, DMA_FAULTS, 1);
  store<u32>(device, fault, DEVICE_FAULT);
  store<u64>(device, address, DEVICE_FAULT_ADDRESS);
  return 0;
}

/** Where an access that stays in one page goes: host address of the page, or 0 with the refusal noted. Nothing has moved yet. */
function locate(device: usize, address: u32, access: u32): usize {
  return load<u32>(device, DEVICE_SPACE) == DMA_MACHINE
    ? inMachine(device, address, access)
    : inGuest(device, address, access);
}

function inMachine(device: usize, address: u32, access: u32): usize {
  const frame = address >>> PAGE_SHIFT;
  if (frame >= load<u32>(HOST_FRAMES)) return refuse(device, address, DMA_ABSENT);
  if (access == WRITE) {
    const entry = frameEntry(frame);
    dropCode(entry);
    // Whoever writes an EPT table may reach any frame by it: hypervisor/foreign.ts.
    if (load<u16>(entry, FRAME_TYPE) == FRAME_TYPE_EPT) store<u32>(HOST_DMA_TABLES, 1);
  }
  return load<usize>(HOST_DRAM) + ((frame as usize) << PAGE_SHIFT);
}

function inGuest(device: usize, address: u32, access: u32): usize {
  const domain = load<usize>(device, DEVICE_DOMAIN);
  const eptp = load<u32>(domain, DOMAIN_EPTP);
  const s = load<usize>(domain, DOMAIN_VCPU);
  const found = eptp == 0 ? direct(s, address) : eptPeek(eptp, address);
  let page = (found & PAGE_MASK) as usize;
  if (found == 0 || inVoid(page)) return refuse(device, address, DMA_ABSENT);
  if ((access & ~found) != 0) return refuse(device, address, DMA_DENIED);
  if (eptp != 0) eptMark(eptp, address, access);
  if (load<usize>(s + VCPU_SMM) != 0) {
    page = workThrough(s, page, access, address);
    if (page == 0) return refuse(device, address, DMA_VIOLATION);
  }
  if (access == WRITE) dropCode(entryOfHost(page));
  return page;
}
