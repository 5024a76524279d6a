/**
 * virtio over MMIO, version 2, with one queue: Virtual I/O Device (VIRTIO) Version 1.2, 4.2.2, "MMIO Device Register Layout".
 *
 *   status: ACKNOWLEDGE ─▶ DRIVER ─▶ FEATURES_OK ─▶ DRIVER_OK ─▶ queue notified ─▶ virtioServe
 *              ▲                                        │ broken queue
 *              └───────────── 0: reset ◀── NEEDS_RESET ◀┘
 *
 * Writing QueueNotify only notes that there is work: the hypervisor calls virtioServe where the device may touch memory, with
 * no vCPU in the middle of an instruction. Control registers are 32 bits wide; other accesses read zero and write nothing.
 * While a queue is ready its registers cannot be changed, nor features when they were accepted.
 */
import {
  DEVICE_DOMAIN,
  DEVICE_PAYER,
  DEVICE_QUEUE,
  DEVICE_SIZE,
  DEVICE_SOURCE,
  DEVICE_SPACE,
  DEVICE_VIRTIO,
  DISK_CONFIG,
  DISK_CONFIG_SIZE,
  DISK_READ_ONLY,
  DISK_SECTORS,
  DISK_STORE,
  DOMAIN_DEVICE,
  VIRTIO_DRIVER_FEATURES,
  VIRTIO_DRIVER_SELECT,
  VIRTIO_END,
  VIRTIO_FEATURES_SELECT,
  VIRTIO_INTERRUPT,
  VIRTIO_IRQ,
  VIRTIO_NOTIFIED,
  VIRTIO_QUEUE_SELECT,
  VIRTIO_STATUS,
  VIRTQ_DESCRIPTORS,
  VIRTQ_DEVICE,
  VIRTQ_DRIVER,
  VIRTQ_READY,
  VIRTQ_SIZE,
  VIRTQ_SIZE_MAX,
  VIRTQ_TAKEN,
  VIRTQ_USED,
} from '../layout';
import { picSetLine } from './pic';
import { diskConfigure, diskFeatures, diskRequest, REQUEST_NONE } from './virtio-blk';
import { queueGive, queueInterrupts, queueTake, queueWaiting } from './virtqueue';

// 4.2.2, Table 4.1, "MMIO Device Register Layout"
const MAGIC_VALUE: u32 = 0x000;
const VERSION: u32 = 0x004;
const DEVICE_ID: u32 = 0x008;
const VENDOR_ID: u32 = 0x00c;
const DEVICE_FEATURES: u32 = 0x010;
const DEVICE_FEATURES_SEL: u32 = 0x014;
const DRIVER_FEATURES: u32 = 0x020;
const DRIVER_FEATURES_SEL: u32 = 0x024;
const QUEUE_SEL: u32 = 0x030;
const QUEUE_NUM_MAX: u32 = 0x034;
const QUEUE_NUM: u32 = 0x038;
const QUEUE_READY: u32 = 0x044;
const QUEUE_NOTIFY: u32 = 0x050;
const INTERRUPT_STATUS: u32 = 0x060;
const INTERRUPT_ACK: u32 = 0x064;
const STATUS: u32 = 0x070;
const QUEUE_DESC_LOW: u32 = 0x080;
const QUEUE_DEVICE_HIGH: u32 = 0x0a4;
const SHM_LEN_LOW: u32 = 0x0b0;
const SHM_BASE_HIGH: u32 = 0x0bc;
const CONFIG: u32 = 0x100;

const MAGIC: u32 = 0x74726976; //  "virt"
const BLOCK_DEVICE: u32 = 2; //    5, "Device Types"
const VENDOR: u32 = 0x464e4752; // "RGNF"
// 2.1, "Device Status Field"
const STATUS_DRIVER_OK: u32 = 4;
const STATUS_FEATURES_OK: u32 = 8;
const STATUS_NEEDS_RESET: u32 = 64;
const STATUS_DRIVER_BITS: u32 = 1 | 2 | 4 | 8 | 128; // those that the driver sets
// 6, "Reserved Feature Bits"
const F_INDIRECT_DESC: u64 = 1 << 28;
const F_VERSION_1: u64 = 1 << 32;
// Bits of InterruptStatus
const USED_BUFFER: u32 = 1;
const CONFIGURATION_CHANGE: u32 = 2;

/** Gives domain `d` a disk with source id `source`, DMA_* addresses, and its sectors at `store` in the flat memory. */
export function diskAttach(d: usize, source: u32, space: u32, sectors: u32, at: usize, readOnly: u32): void {
  const device = d + DOMAIN_DEVICE;
  memory.fill(device, 0, DEVICE_SIZE);
  store<u32>(device, source, DEVICE_SOURCE);
  store<usize>(device, d, DEVICE_DOMAIN);
  store<u32>(device, space, DEVICE_SPACE);
  store<u32>(device, sectors, DISK_SECTORS);
  store<usize>(device, at, DISK_STORE);
  store<u32>(device, readOnly, DISK_READ_ONLY);
  diskConfigure(device);
}

function features(device: usize): u64 {
  return diskFeatures(device) | F_INDIRECT_DESC | F_VERSION_1;
}

/** The queue that QueueSel names, or 0 if there is none. */
function selected(device: usize): usize {
  return load<u32>(device, VIRTIO_QUEUE_SELECT) == 0 ? device + DEVICE_QUEUE : 0;
}

export function virtioRead(d: usize, offset: u32, size: u32): u32 {
  const device = d + DOMAIN_DEVICE;
  if (offset >= CONFIG) return configRead(device, offset - CONFIG, size);
  if (size != 4 || (offset & 3) != 0) return 0;
  const queue = selected(device);
  if (offset >= SHM_LEN_LOW && offset <= SHM_BASE_HIGH) return 0xffffffff; // no shared memory region
  switch (offset) {
    case MAGIC_VALUE:
      return MAGIC;
    case VERSION:
      return 2;
    case DEVICE_ID:
      return BLOCK_DEVICE;
    case VENDOR_ID:
      return VENDOR;
    case DEVICE_FEATURES:
      return half(features(device), load<u32>(device, VIRTIO_FEATURES_SELECT));
    case QUEUE_NUM_MAX:
      return queue == 0 ? 0 : VIRTQ_SIZE_MAX;
    case QUEUE_READY:
      return queue == 0 ? 0 : load<u32>(queue, VIRTQ_READY);
    case INTERRUPT_STATUS:
      return load<u32>(device, VIRTIO_INTERRUPT);
    case STATUS:
      return load<u32>(device, VIRTIO_STATUS);
    default:
      return 0; // those that are only written, and ConfigGeneration: the configuration never changes
  }
}

function half(value: u64, select: u32): u32 {
  return select == 0 ? (value as u32) : select == 1 ? ((value >> 32) as u32) : 0;
}

function configRead(device: usize, offset: u32, size: u32): u32 {
  if (offset > DISK_CONFIG_SIZE - size) return 0;
  const at = device + DISK_CONFIG + (offset as usize);
  return size == 4 ? load<u32>(at) : size == 2 ? (load<u16>(at) as u32) : (load<u8>(at) as u32);
}

export function virtioWrite(d: usize, offset: u32, value: u32, size: u32): void {
  const device = d + DOMAIN_DEVICE;
  if (size != 4 || (offset & 3) != 0) return;
  switch (offset) {
    case DEVICE_FEATURES_SEL:
      return store<u32>(device, value, VIRTIO_FEATURES_SELECT);
    case DRIVER_FEATURES_SEL:
      return store<u32>(device, value, VIRTIO_DRIVER_SELECT);
    case DRIVER_FEATURES:
      return accept(device, value);
    case QUEUE_SEL:
      return store<u32>(device, value, VIRTIO_QUEUE_SELECT);
    case QUEUE_NOTIFY:
      if (value == 0) store<u32>(device, 1, VIRTIO_NOTIFIED);
      return;
    case INTERRUPT_ACK:
      return interrupt(d, load<u32>(device, VIRTIO_INTERRUPT) & ~value);
    case STATUS:
      return setStatus(d, value);
    default: {
      const queue = selected(device);
      if (queue != 0) configureQueue(queue, offset, value);
    }
  }
}

function accept(device: usize, value: u32): void {
  const select = load<u32>(device, VIRTIO_DRIVER_SELECT);
  if (select > 1 || (load<u32>(device, VIRTIO_STATUS) & STATUS_FEATURES_OK) != 0) return;
  store<u32>(device + ((select as usize) << 2), value, VIRTIO_DRIVER_FEATURES);
}

/** 3.1.1, "Driver Requirements: Device Initialization": FEATURES_OK stays clear if the device cannot work with what was accepted. */
function setStatus(d: usize, value: u32): void {
  const device = d + DOMAIN_DEVICE;
  if (value == 0) {
    memory.fill(device + DEVICE_VIRTIO, 0, VIRTIO_END - DEVICE_VIRTIO);
    return interrupt(d, 0);
  }
  const accepted = load<u64>(device, VIRTIO_DRIVER_FEATURES);
  const old = load<u32>(device, VIRTIO_STATUS);
  const workable = (accepted & ~features(device)) == 0 && (accepted & F_VERSION_1) != 0;
  store<u32>(device, old | (value & STATUS_DRIVER_BITS & ~(workable ? 0 : STATUS_FEATURES_OK)), VIRTIO_STATUS);
}

/** Sets InterruptStatus; the interrupt line is high as long as a bit of it is. */
function interrupt(d: usize, status: u32): void {
  store<u32>(d + DOMAIN_DEVICE, status, VIRTIO_INTERRUPT);
  picSetLine(d, VIRTIO_IRQ, status != 0);
}

function configureQueue(queue: usize, offset: u32, value: u32): void {
  if (offset == QUEUE_READY) {
    const size = load<u32>(queue, VIRTQ_SIZE);
    if (value == 0) store<u32>(queue, 0, VIRTQ_READY);
    else if (load<u32>(queue, VIRTQ_READY) == 0 && popcnt<u32>(size) == 1 && size <= VIRTQ_SIZE_MAX) {
      store<u32>(queue, 1, VIRTQ_READY);
      store<u32>(queue, 0, VIRTQ_TAKEN);
      store<u32>(queue, 0, VIRTQ_USED);
    }
    return;
  }
  if (load<u32>(queue, VIRTQ_READY) != 0) return;
  if (offset == QUEUE_NUM) return store<u32>(queue, value, VIRTQ_SIZE);
  if (offset < QUEUE_DESC_LOW || offset > QUEUE_DEVICE_HIGH) return;
  // Three addresses of two words, 16 bytes apart: QueueDesc, QueueDriver, QueueDevice.
  const word = (offset - QUEUE_DESC_LOW) & 15;
  if (word > 4) return;
  const which = (offset - QUEUE_DESC_LOW) >>> 4;
  const field = which == 0 ? VIRTQ_DESCRIPTORS : which == 1 ? VIRTQ_DRIVER : VIRTQ_DEVICE;
  store<u32>(queue + field + (word as usize), value);
}

/**
 * Carries out what was in the queue when it was looked at; vCPU `s` pays, or nobody (0). So a driver cannot keep the device at
 * work for ever, whatever the device's own writes put into the ring.
 */
export function virtioServe(d: usize, s: usize): void {
  const device = d + DOMAIN_DEVICE;
  const queue = device + DEVICE_QUEUE;
  store<u32>(device, 0, VIRTIO_NOTIFIED);
  const status = load<u32>(device, VIRTIO_STATUS);
  if ((status & (STATUS_DRIVER_OK | STATUS_NEEDS_RESET)) != STATUS_DRIVER_OK || load<u32>(queue, VIRTQ_READY) == 0)
    return;
  store<usize>(device, s, DEVICE_PAYER);
  const indirect = (load<u64>(device, VIRTIO_DRIVER_FEATURES) & F_INDIRECT_DESC) != 0;
  const waiting = queueWaiting(device, queue);
  let whole: bool = waiting >= 0;
  let given: bool = false;
  for (let i: i32 = 0; whole && i < waiting; i++) {
    const n = queueTake(device, queue, indirect);
    const written = n < 0 ? REQUEST_NONE : diskRequest(device, n);
    whole = written != REQUEST_NONE && queueGive(device, queue, written);
    given = given || whole;
  }
  let raised = load<u32>(device, VIRTIO_INTERRUPT);
  if (given && queueInterrupts(device, queue)) raised |= USED_BUFFER;
  if (!whole) {
    store<u32>(device, status | STATUS_NEEDS_RESET, VIRTIO_STATUS);
    raised |= CONFIGURATION_CHANGE;
  }
  interrupt(d, raised);
}
