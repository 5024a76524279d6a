/**
 * memory_op(command, argument): xen/include/public/memory.h, 32-bit structures. What allocates or frees frames waits for the
 * quantum's end: the frame allocator belongs to the host, and pCPUs run in parallel.
 */
import { EBUSY, EFAULT, EINVAL, ENOMEM, ENOSYS, EOPNOTSUPP, EPERM, ESRCH } from './errno.js';
import { ensureSharedInfo } from './event-channel-op.js';
import { ownFrame, references } from './frames.js';
import { growGrantTable } from './grant-table.js';
import { DEFER, type Guest, RESUME, type Verdict } from './guest.js';

// XENMEM_*
const DECREASE_RESERVATION = 1;
const MAXIMUM_RAM_PAGE = 2;
const CURRENT_RESERVATION = 3;
const MAXIMUM_RESERVATION = 4;
const POPULATE_PHYSMAP = 6;
const ADD_TO_PHYSMAP = 7;
const MEMORY_MAP = 9;
const REMOVE_FROM_PHYSMAP = 15;
/** How far a long reservation has come is kept in the command, as in Xen. */
const EXTENT_SHIFT = 6;
const COMMAND_MASK = (1 << EXTENT_SHIFT) - 1;

// XENMAPSPACE_*
const SPACE_SHARED_INFO = 0;
const SPACE_GRANT_TABLE = 1;

const PAGE = 4096;
/** Pages per turn. */
const TURN = 512;
const MAX_ORDER = 9; // 2 MiB
const READ_WRITE = 3;

export function memoryOp(guest: Guest): Verdict {
  switch (guest.vcpu.ebx & COMMAND_MASK) {
    case DECREASE_RESERVATION:
      return guest.serial ? reservation(guest, 'unmap', releasePage) : DEFER;
    case POPULATE_PHYSMAP:
      return guest.serial ? reservation(guest, 'map', populatePage) : DEFER;
    case MAXIMUM_RAM_PAGE:
      return guest.finish(guest.host.frames - 1);
    case CURRENT_RESERVATION:
      return guest.finish(ownPages(guest, guest.domain.pages));
    case MAXIMUM_RESERVATION:
      return guest.finish(ownPages(guest, guest.domain.memory / PAGE));
    case ADD_TO_PHYSMAP:
      return guest.serial ? guest.finish(addToPhysmap(guest)) : DEFER;
    case REMOVE_FROM_PHYSMAP:
      return guest.finish(removeFromPhysmap(guest));
    case MEMORY_MAP:
      return guest.finish(memoryMap(guest));
    default:
      return guest.finish(-ENOSYS);
  }
}

/** {u16 domid}: `pages` if that is the guest itself. */
function ownPages(guest: Guest, pages: number): number {
  if (!guest.fetch(guest.vcpu.ecx, 2)) return -EFAULT;
  return notItself(guest, guest.scratch.getUint16(0, true)) || pages;
}

/** Zero if `domid` is the guest, else the error: only VM0 may name others. */
function notItself(guest: Guest, domid: number): number {
  const index = guest.named(domid);
  if (index < 0) return -ESRCH;
  return index === guest.index ? 0 : -EPERM;
}

/**
 * {extent_start; nr_extents; extent_order; mem_flags; u16 domid}: does one page after the other until one cannot be done.
 * Returns how many extents are complete, as Xen does.
 */
function reservation(guest: Guest, operation: 'map' | 'unmap', page: (guest: Guest, gfn: number) => boolean): Verdict {
  const { vcpu, scratch, core, domain } = guest;
  if (!guest.fetch(vcpu.ecx, 20)) return guest.finish(-EFAULT);
  const list = scratch.getUint32(0, true);
  const extents = scratch.getUint32(4, true);
  const order = scratch.getUint32(8, true);
  const error = notItself(guest, scratch.getUint16(16, true));
  if (error) return guest.finish(error);
  if (domain.eptp === 0) return guest.finish(-EOPNOTSUPP);
  if (order > MAX_ORDER) return guest.finish(-EPERM);
  if (extents >= 2 ** 25) return guest.finish(-EINVAL);
  let done = vcpu.ebx >>> EXTENT_SHIFT;
  if (done === 0 && !guest.hooks.check(operation, guest.index)) return guest.finish(-EPERM);
  let left = TURN;
  let complete = true;
  while (complete && done < extents && left > 0) {
    if (!guest.fetch((list + 4 * done) >>> 0, 4, 64)) break;
    const gfn = scratch.getUint32(64, true);
    if (gfn % 2 ** order !== 0) break;
    for (let i = 0; complete && i < 2 ** order; i++) complete = page(guest, gfn + i);
    if (complete) done++;
    left -= 2 ** order;
  }
  core.call.flushAll(vcpu.base);
  if (done >= extents || left > 0) return guest.finish(done);
  vcpu.ebx = (vcpu.ebx & COMMAND_MASK) | (done << EXTENT_SHIFT);
  return RESUME;
}

/** Gives the guest's page back to the host. A page that others have mapped stays. */
function releasePage(guest: Guest, gfn: number): boolean {
  const { core, domain, index } = guest;
  const l = core.layout;
  const frame = ownFrame(core, index, gfn);
  if (frame === l.FRAME_NONE || references(core, frame) !== 1) return false;
  const made = core.call.eptUnmap(domain.eptp, gfn * PAGE, 1);
  if (made < 0) return false;
  count(guest, -1, made);
  core.call.frameFree(frame);
  return true;
}

/** Fills a hole in the guest's memory: the domain never gets more than it began with. */
function populatePage(guest: Guest, gfn: number): boolean {
  const { core, domain, index } = guest;
  const l = core.layout;
  if (gfn * PAGE >= domain.memory || core.call.eptFrame(domain.eptp, gfn * PAGE) >>> 0 !== l.FRAME_NONE) return false;
  const frame = core.call.frameAllocate(index, l.FRAME_TYPE_GUEST) >>> 0;
  if (frame === l.FRAME_NONE) return false;
  const made = core.call.eptMap(domain.eptp, gfn * PAGE, frame, 1, 7);
  if (made < 0) {
    core.call.frameFree(frame);
    return false;
  }
  count(guest, 1, made);
  return true;
}

function count(guest: Guest, pages: number, tables: number): void {
  const { core, domain } = guest;
  const l = core.layout;
  core.write(domain.base + l.DOMAIN_PAGES, domain.pages + pages);
  core.write(domain.base + l.DOMAIN_TABLE_PAGES, domain.tablePages + tables);
}

/** {u16 domid; u16 size; u32 space; u32 idx; u32 gpfn}: shared_info and the grant table. */
function addToPhysmap(guest: Guest): number {
  const { vcpu, scratch, core, domain, host, index } = guest;
  const l = core.layout;
  if (!guest.fetch(vcpu.ecx, 16)) return -EFAULT;
  const error = notItself(guest, scratch.getUint16(0, true));
  if (error) return error;
  if (domain.eptp === 0) return -EOPNOTSUPP;
  const space = scratch.getUint32(4, true);
  const idx = scratch.getUint32(8, true);
  const gfn = scratch.getUint32(12, true);
  if (gfn >= 2 ** 20) return -EINVAL;
  if (space === SPACE_SHARED_INFO ? idx !== 0 : space !== SPACE_GRANT_TABLE || idx >= l.GRANT_FRAMES_MAX)
    return -EINVAL;
  if (!guest.hooks.check('map', index)) return -EPERM;
  const gpa = gfn * PAGE;
  const present = core.call.eptFrame(domain.eptp, gpa) >>> 0;
  const own = ownFrame(core, index, gfn);
  // Only the guest's own memory gives way, and only if nobody else has mapped it.
  if (present !== l.FRAME_NONE && (own === l.FRAME_NONE || references(core, own) !== 1)) return -EBUSY;
  if (space === SPACE_SHARED_INFO ? !ensureSharedInfo(guest) : !growGrantTable(core, index, idx + 1)) return -ENOMEM;
  if (own !== l.FRAME_NONE && !releasePage(guest, gfn)) return -ENOMEM;
  const slot = domain.base + l.DOMAIN_SHARED_AT + (space === SPACE_SHARED_INFO ? 0 : 4 + 4 * idx);
  const frame =
    space === SPACE_SHARED_INFO
      ? (core.read(domain.base + l.DOMAIN_SHARED_INFO) - host.dram) / PAGE
      : core.read(domain.base + l.DOMAIN_GRANT_FRAME + 4 * idx);
  const made = core.call.eptMap(domain.eptp, gpa, frame, 1, READ_WRITE);
  if (made < 0) return -ENOMEM;
  count(guest, 0, made);
  const old = core.read(slot);
  if (old !== 0) core.call.eptUnmap(domain.eptp, old - 1, 1); // a frame of the hypervisor is at one place
  core.write(slot, gpa + 1);
  core.call.flushAll(vcpu.base);
  return 0;
}

/** {u16 domid; u32 gpfn}: takes a frame of the hypervisor out of the guest's memory. */
function removeFromPhysmap(guest: Guest): number {
  const { vcpu, scratch, core, domain, index } = guest;
  const l = core.layout;
  if (!guest.fetch(vcpu.ecx, 8)) return -EFAULT;
  const error = notItself(guest, scratch.getUint16(0, true));
  if (error) return error;
  const gpa = (scratch.getUint32(4, true) * PAGE) % 2 ** 32;
  for (let i = 0; i <= l.GRANT_FRAMES_MAX; i++) {
    const slot = domain.base + l.DOMAIN_SHARED_AT + 4 * i;
    if (scratch.getUint32(4, true) >= 2 ** 20 || core.read(slot) !== gpa + 1) continue;
    if (!guest.hooks.check('unmap', index)) return -EPERM;
    core.call.eptUnmap(domain.eptp, gpa, 1);
    core.write(slot, 0);
    core.call.flushAll(vcpu.base);
    return 0;
  }
  return -EINVAL;
}

const E820_RAM = 1;
const E820_RESERVED = 2;

/** {IN/OUT u32 nr_entries; buffer}: e820 entries {u64 addr; u64 size; u32 type} of 20 bytes. */
function memoryMap(guest: Guest): number {
  const { vcpu, scratch, domain } = guest;
  if (!guest.fetch(vcpu.ecx, 8)) return -EFAULT;
  const room = scratch.getUint32(0, true);
  const buffer = scratch.getUint32(4, true);
  const entries = [
    [0, 0xa0000, E820_RAM],
    [0xa0000, 0x60000, E820_RESERVED],
    [0x100000, domain.memory - 0x100000, E820_RAM],
  ] as const;
  const n = Math.min(room, entries.length);
  for (let i = 0; i < n; i++) {
    const [address, size, type] = entries[i]!;
    for (const [at, value] of [address, 0, size, 0, type].entries()) scratch.setUint32(64 + 4 * at, value, true);
    if (!guest.put(buffer + 20 * i, 20, 64)) return -EFAULT;
  }
  scratch.setUint32(0, n, true);
  return guest.put(vcpu.ecx, 4) ? 0 : -EFAULT;
}
