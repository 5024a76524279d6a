/**
 * Domains' disks: what they hold at the start, and where their work is done. The device itself is assembly/device/virtio-blk.ts, its way to
 * memory assembly/device/dma.ts.
 *
 *   guest writes QueueNotify ─▶ exit ─▶ emulated: served at once, on the guest's behalf
 *                                  └──▶ passed through: served between quanta, because its addresses are the machine's
 *
 * A domain with a disk cannot be forked.
 */
import { createHash } from 'node:crypto';
import type { Core } from '../machine/core.js';
import { HostView } from '../machine/views.js';
import { VIOLATION_FETCH, VIOLATION_RIGHTS } from './ept.js';
import { EXIT_BUDGET, handleExit } from './exits.js';
import { DEFER, type Guest, RESUME, type Verdict } from './guest.js';
import { lastViolation } from './smm.js';
import { type DiskConfig, type DmaCounts, type DomainConfig, HostError } from './types.js';

const PAGE = 4096;
export const SECTOR = 512;
/** Bytes of a disk, at most. */
export const MAX_DISK = 2 ** 30;
/** Source id of domain 0's disk: bus 1, device 0, function 0. Bus 0 is the chipset's. */
const FIRST_SOURCE = 0x100;

type WithDisk = Pick<DomainConfig, 'name' | 'disk' | 'fork' | 'restore'>;

/** Throws HostError for a disk that cannot be. */
export function checkDisk({ name, disk, fork, restore }: WithDisk, index: number): void {
  if (disk === undefined) return;
  const wrong = (why: string): HostError => new HostError('domain-disk', `the disk of '${name}' ${why}`, index);
  const { sizeBytes, contents, seed } = disk;
  if (!Number.isInteger(sizeBytes) || sizeBytes < SECTOR || sizeBytes > MAX_DISK || sizeBytes % SECTOR !== 0) {
    throw wrong(`must have a multiple of ${SECTOR} bytes, at most ${MAX_DISK}, not ${sizeBytes}`);
  }
  if (contents !== undefined && contents.length > sizeBytes) throw wrong(`is too small for its contents`);
  if (contents !== undefined && seed !== undefined) throw wrong('has contents and a seed');
  if (fork !== undefined) throw wrong('cannot be: the domain is a fork');
  if (restore !== undefined) throw wrong('cannot be: the domain goes on from an image');
}

interface Room {
  readonly disk?: Pick<DiskConfig, 'sizeBytes'>;
}

/** Pages of the flat memory that the sectors of a domain's disk take. */
export function diskPages({ disk }: Room): number {
  return disk === undefined ? 0 : Math.ceil(disk.sizeBytes / PAGE);
}

/** Pages of all disks, as the host's plan says. */
export function diskTotal(domains: readonly Room[]): number {
  return domains.reduce((sum, domain) => sum + diskPages(domain), 0);
}

/** Gives every domain that has one its disk. The domains have been created; domain i is configuration i. */
export function attachDisks(core: Core, domains: readonly DomainConfig[]): void {
  const l = core.layout;
  let at = core.read(l.HOST_DISKS);
  for (const [index, config] of domains.entries()) {
    if (config.disk === undefined) continue;
    attach(core, index, config.disk, at);
    at += diskPages(config) * PAGE;
  }
}

function attach(core: Core, index: number, disk: DiskConfig, at: number): void {
  const l = core.layout;
  const space = disk.passthrough ? l.DMA_MACHINE : l.DMA_GUEST;
  const domain = new HostView(core).domainAddress(index);
  core.call.diskAttach(domain, FIRST_SOURCE + index, space, disk.sizeBytes / SECTOR, at, disk.readOnly ? 1 : 0);
  if (disk.passthrough) core.write(l.HOST_DMA_MACHINE, core.read(l.HOST_DMA_MACHINE) + 1);
  if (disk.contents !== undefined) core.u8.set(disk.contents, at);
  if (disk.seed !== undefined) fill(core, at, disk.sizeBytes, disk.seed);
}

/** Words of Marsaglia's xorshift32, begun as guests begin it (guests/lib/guest.h). */
function fill(core: Core, at: number, bytes: number, seed: number): void {
  let state = (Math.imul(seed, 2654435761) | 1) >>> 0;
  for (let i = 0; i < bytes; i += 4) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    core.write(at + i, state >>> 0);
  }
}

function deviceOf(core: Core, index: number): number {
  return new HostView(core).domainAddress(index) + core.layout.DOMAIN_DEVICE;
}

export function hasDisk(core: Core, index: number): boolean {
  return core.read(deviceOf(core, index) + core.layout.DEVICE_SOURCE) !== 0;
}

/** The domain ends, and its disk with it. */
export function detachDisk(core: Core, index: number): void {
  const device = deviceOf(core, index);
  if (hasDisk(core, index)) core.u8.fill(0, device, device + core.layout.DEVICE_SIZE);
}

/** Whether the EPT violation in the exit record is an access to the registers of the domain's disk. */
export function isDiskAccess({ core, vcpu, domain }: Guest): boolean {
  const l = core.layout;
  if (core.read(domain.base + l.DOMAIN_DEVICE + l.DEVICE_SOURCE) === 0) return false;
  const inside = vcpu.exitPhysical >= l.VIRTIO_ADDRESS && vcpu.exitPhysical < l.VIRTIO_ADDRESS + PAGE;
  return inside && (vcpu.exitQualification & (VIOLATION_FETCH | VIOLATION_RIGHTS)) === 0;
}

/** Lets the access reach the registers, and the disk do what it was asked to: a passed-through one when no pCPU runs. */
export function onDiskAccess(guest: Guest): Verdict {
  const { core, vcpu, domain } = guest;
  const l = core.layout;
  const device = domain.base + l.DOMAIN_DEVICE;
  if (!guest.serial) {
    const reason = core.call.runMmio(vcpu.base, guest.clock());
    if (reason !== EXIT_BUDGET) return handleExit(guest, reason);
  }
  if (core.read(device + l.VIRTIO_NOTIFIED) === 0) return RESUME;
  if (core.read(device + l.DEVICE_SPACE) === l.DMA_MACHINE && !guest.serial) return DEFER;
  core.write(device + l.DEVICE_FAULT, 0);
  core.call.virtioServe(domain.base, vcpu.base);
  if (core.read(device + l.DEVICE_FAULT) !== l.DMA_VIOLATION) return RESUME;
  const violation = lastViolation(core, vcpu.base, -1);
  return violation === undefined ? RESUME : guest.end(violation);
}

/** What a domain's disk did in memory so far; zeros without one. */
export function dmaCounts(core: Core, index: number): DmaCounts {
  const l = core.layout;
  const device = deviceOf(core, index);
  const count = (which: number): number => core.readU64(device + l.DEVICE_COUNTS + 8 * which);
  return {
    requests: core.readU64(device + l.DISK_REQUESTS),
    reads: count(l.DMA_READS),
    readBytes: count(l.DMA_READ_BYTES),
    writes: count(l.DMA_WRITES),
    writeBytes: count(l.DMA_WRITE_BYTES),
    faults: count(l.DMA_FAULTS),
  };
}

/** The sectors of a domain's disk; empty without one. */
export function diskContents(core: Core, index: number): Uint8Array {
  const l = core.layout;
  const device = deviceOf(core, index);
  const at = core.read(device + l.DISK_STORE);
  return core.u8.subarray(at, at + core.read(device + l.DISK_SECTORS) * SECTOR);
}

/** SHA-256 of the sectors, or '' where there is no disk. */
export function diskSha256(core: Core, index: number): string {
  return hasDisk(core, index) ? createHash('sha256').update(diskContents(core, index)).digest('hex') : '';
}
