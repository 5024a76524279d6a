/**
 * The device's side of a split virtqueue: Virtual I/O Device (VIRTIO) Version 1.2, 2.7, "Split Virtqueues".
 *
 *   descriptor table ◀─ head ─ available ring ◀─ driver        16 bytes: address · length · flags · next
 *         │ NEXT, INDIRECT
 *         ▼
 *   DEVICE_CHAIN: copied descriptor by descriptor before anything is done ─▶ device ─▶ used ring
 *
 * The driver may write what it likes: the rings may lie anywhere, overlap, loop. Each descriptor is read once, so what is
 * checked is what is used, even if the device's own writes hit the table. Whatever the specification forbids the driver and
 * the device cannot live with breaks the queue: "2.1.2 Device Requirements: Device Status Field", DEVICE_NEEDS_RESET.
 */
import {
  DEVICE_CHAIN,
  DEVICE_SCRATCH,
  VIRTQ_DESCRIPTORS,
  VIRTQ_DEVICE,
  VIRTQ_DRIVER,
  VIRTQ_HEAD,
  VIRTQ_SIZE,
  VIRTQ_TAKEN,
  VIRTQ_USED,
} from '../layout';
import { dmaRead, dmaWrite } from './dma';

export const VIRTQ_BROKEN: i32 = -1;

// 2.7.5, "The Virtqueue Descriptor Table"
const DESCRIPTOR_SIZE: u32 = 16;
const DESCRIPTOR_LENGTH: usize = 8; // u32
const DESCRIPTOR_FLAGS: usize = 12; //  u16
const DESCRIPTOR_NEXT: usize = 14; //   u16
const DESC_F_NEXT: u32 = 1;
const DESC_F_WRITE: u32 = 2; //    for the device to write, else to read
const DESC_F_INDIRECT: u32 = 4; // the buffer is a table of descriptors
// 2.7.6, "The Virtqueue Available Ring"; 2.7.8, "The Virtqueue Used Ring"
const AVAIL_F_NO_INTERRUPT: u32 = 1;
const RING_INDEX: u64 = 2; // u16, behind u16 flags
const RING: u64 = 4;

/** The part of a chain that the device reads, or the one that it writes. */
export const CHAIN_READ: u32 = 0;
export const CHAIN_WRITE: u32 = DESC_F_WRITE;

/** Chains that wait: at most as many as the queue has entries. VIRTQ_BROKEN: the ring cannot be read, or says that there are more. */
export function queueWaiting(device: usize, queue: usize): i32 {
  const scratch = device + DEVICE_SCRATCH;
  if (!dmaRead(device, load<u64>(queue, VIRTQ_DRIVER) + RING_INDEX, 2, scratch)) return VIRTQ_BROKEN;
  const waiting = ((load<u16>(scratch) as u32) - load<u32>(queue, VIRTQ_TAKEN)) & 0xffff;
  return waiting > load<u32>(queue, VIRTQ_SIZE) ? VIRTQ_BROKEN : waiting;
}

/** Takes the next chain: its number of descriptors, which are in DEVICE_CHAIN, or VIRTQ_BROKEN. `indirect`: such tables were agreed. */
export function queueTake(device: usize, queue: usize, indirect: bool): i32 {
  const scratch = device + DEVICE_SCRATCH;
  const taken = load<u32>(queue, VIRTQ_TAKEN);
  const slot = taken & (load<u32>(queue, VIRTQ_SIZE) - 1);
  if (!dmaRead(device, load<u64>(queue, VIRTQ_DRIVER) + RING + ((slot << 1) as u64), 2, scratch)) return VIRTQ_BROKEN;
  const head = load<u16>(scratch) as u32;
  store<u32>(queue, head, VIRTQ_HEAD);
  store<u32>(queue, (taken + 1) & 0xffff, VIRTQ_TAKEN);
  return copyChain(device, queue, head, indirect);
}

function copyChain(device: usize, queue: usize, head: u32, indirect: bool): i32 {
  const size = load<u32>(queue, VIRTQ_SIZE);
  let table = load<u64>(queue, VIRTQ_DESCRIPTORS);
  let entries = size;
  let nested = false;
  let writes = false;
  let index = head;
  // A chain longer than the queue loops, or is forbidden by 2.7.5.1 and 2.7.5.3.1.
  for (let n: u32 = 0; index < entries && n < size; ) {
    const at = device + DEVICE_CHAIN + ((n * DESCRIPTOR_SIZE) as usize);
    if (!dmaRead(device, table + ((index * DESCRIPTOR_SIZE) as u64), DESCRIPTOR_SIZE, at)) return VIRTQ_BROKEN;
    const flags = load<u16>(at, DESCRIPTOR_FLAGS) as u32;
    if ((flags & DESC_F_INDIRECT) != 0) {
      // 2.7.5.3.1, "Driver Requirements: Indirect Descriptors". DESC_F_WRITE is ignored here.
      const length = load<u32>(at, DESCRIPTOR_LENGTH);
      if (!indirect || nested || (flags & DESC_F_NEXT) != 0 || length % DESCRIPTOR_SIZE != 0) return VIRTQ_BROKEN;
      table = load<u64>(at);
      entries = length / DESCRIPTOR_SIZE;
      index = 0;
      nested = true;
      continue;
    }
    // 2.7.4.2: what the device writes comes behind what it reads.
    if ((flags & DESC_F_WRITE) != 0) writes = true;
    else if (writes) return VIRTQ_BROKEN;
    n++;
    if ((flags & DESC_F_NEXT) == 0) return n;
    index = load<u16>(at, DESCRIPTOR_NEXT) as u32;
  }
  return VIRTQ_BROKEN;
}

/** Gives the chain that was taken last back, `written` bytes of which the device has written. False: the ring cannot be written. */
export function queueGive(device: usize, queue: usize, written: u32): bool {
  const scratch = device + DEVICE_SCRATCH;
  const used = load<u32>(queue, VIRTQ_USED);
  const slot = used & (load<u32>(queue, VIRTQ_SIZE) - 1);
  const ring = load<u64>(queue, VIRTQ_DEVICE);
  store<u32>(scratch, load<u32>(queue, VIRTQ_HEAD));
  store<u32>(scratch, written, 4);
  if (!dmaWrite(device, ring + RING + ((slot << 3) as u64), 8, scratch)) return false;
  store<u32>(queue, (used + 1) & 0xffff, VIRTQ_USED);
  store<u16>(scratch, (used + 1) as u16);
  return dmaWrite(device, ring + RING_INDEX, 2, scratch);
}

/** Whether the driver wants an interrupt for what was given back. */
export function queueInterrupts(device: usize, queue: usize): bool {
  const scratch = device + DEVICE_SCRATCH;
  if (!dmaRead(device, load<u64>(queue, VIRTQ_DRIVER), 2, scratch)) return true;
  return ((load<u16>(scratch) as u32) & AVAIL_F_NO_INTERRUPT) == 0;
}

function flagsOf(at: usize): u32 {
  return load<u16>(at, DESCRIPTOR_FLAGS) as u32;
}

/** Bytes of one part of the chain of `n` descriptors in DEVICE_CHAIN. */
export function chainBytes(device: usize, n: u32, part: u32): u64 {
  let bytes: u64 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const at = device + DEVICE_CHAIN + ((i * DESCRIPTOR_SIZE) as usize);
    if ((flagsOf(at) & DESC_F_WRITE) == part) bytes += load<u32>(at, DESCRIPTOR_LENGTH) as u64;
  }
  return bytes;
}

/**
 * Moves `length` bytes between the flat memory at `host` and offset `skip` of one part of the chain, wherever the driver cut it
 * (2.7.4, "Message Framing"). False: the part is shorter, or memory refused a byte.
 */
export function chainMove(device: usize, n: u32, part: u32, skip: u64, length: u32, host: usize): bool {
  for (let i: u32 = 0; i < n && length != 0; i++) {
    const at = device + DEVICE_CHAIN + ((i * DESCRIPTOR_SIZE) as usize);
    if ((flagsOf(at) & DESC_F_WRITE) != part) continue;
    const bytes = load<u32>(at, DESCRIPTOR_LENGTH) as u64;
    if (skip >= bytes) {
      skip -= bytes;
      continue;
    }
    const here = u32(min<u64>(bytes - skip, length as u64));
    const address = load<u64>(at) + skip;
    if (address < skip) return false; // wraps
    if (!(part == CHAIN_WRITE ? dmaWrite(device, address, here, host) : dmaRead(device, address, here, host))) {
      return false;
    }
    skip = 0;
    host += here as usize;
    length -= here;
  }
  return length == 0;
}
