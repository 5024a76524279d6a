/**
 * grant_table_op(command, array, count): xen/include/public/grant_table.h, 32-bit structures. Every element has a status of
 * its own; the hypercall fails as a whole only for what it cannot read or does not know. Long arrays are done in turns.
 *
 * Mapping a page of a domain on another pCPU waits for the quantum's end and makes the two a gang; copying waits too, but
 * shares nothing and makes none.
 */
import { EFAULT, EINVAL, ENOSYS, EOPNOTSUPP, EPERM, ESRCH } from './errno.js';
import { ownFrame } from './frames.js';
import { joinGang } from './gang.js';
import {
  freeHandle,
  GNTMAP_HOST_MAP,
  GNTMAP_READONLY,
  GNTST_BAD_COPY_ARG,
  GNTST_BAD_DOMAIN,
  GNTST_BAD_HANDLE,
  GNTST_BAD_PAGE,
  GNTST_BAD_VIRT_ADDR,
  GNTST_GENERAL_ERROR,
  GNTST_NO_DEVICE_SPACE,
  GNTST_OKAY,
  GNTST_PERMISSION_DENIED,
  grantedFrame,
  growGrantTable,
  mapGrant,
  trackAddress,
  unmapGrant,
} from './grant-table.js';
import { DEFER, DEFERRED, DOMID_SELF, type Guest, RESUME, type Verdict } from './guest.js';
import { isVacant } from './physmap.js';

const PAGE = 4096;
const TRANSFER = 4;
const SET_VERSION = 8;
const GET_VERSION = 10;
/** Elements per turn: no guest holds its pCPU in one exit. */
const TURN = 64;

interface Command {
  readonly size: number;
  /** What goes back to the guest: bytes at `out`, of which the status is the i16 at `status`. */
  readonly out: number;
  readonly bytes: number;
  readonly status: number;
  readonly run: (guest: Guest) => number;
  /** Takes back what an element did whose answer cannot be written. */
  readonly undo?: (guest: Guest) => void;
  /** Only one element at a time. */
  readonly single?: true;
  /** The TLB must be flushed when elements succeeded. */
  readonly unmaps?: true;
}

const COMMANDS: ReadonlyMap<number, Command> = new Map([
  [0, { size: 32, out: 18, bytes: 14, status: 18, run: map, undo: undoMap }],
  [1, { size: 24, out: 20, bytes: 2, status: 20, run: unmap, unmaps: true as const }],
  [2, { size: 16, out: 8, bytes: 2, status: 8, run: setupTable, single: true as const }],
  [5, { size: 24, out: 20, bytes: 2, status: 20, run: copy }],
  [6, { size: 16, out: 4, bytes: 10, status: 12, run: querySize, single: true as const }],
]);

export function grantTableOp(guest: Guest): Verdict {
  const { vcpu, core } = guest;
  const command = COMMANDS.get(vcpu.ebx);
  // Transfer gives a page away for good: Xen refuses it to translated guests, and all guests here are.
  if (vcpu.ebx === TRANSFER) return guest.finish(-EOPNOTSUPP);
  if (vcpu.ebx === SET_VERSION) return guest.finish(setVersion(guest));
  if (vcpu.ebx === GET_VERSION) return guest.finish(getVersion(guest));
  if (command === undefined) return guest.finish(-ENOSYS);
  if (vcpu.edx > 0x7fffffff || (command.single && vcpu.edx !== 1)) return guest.finish(-EINVAL);
  let error = 0;
  let deferred = false;
  let unmapped = false;
  for (let turn = 0; turn < TURN && vcpu.edx > 0; turn++) {
    const at = vcpu.ecx;
    if (!guest.fetch(at, command.size)) {
      error = -EFAULT;
      break;
    }
    const status = command.run(guest);
    if (status === DEFERRED) {
      deferred = true;
      break;
    }
    if (status === GNTST_OKAY && command.unmaps) unmapped = true;
    guest.scratch.setInt16(command.status, status, true);
    if (!guest.put(at + command.out, command.bytes, command.out)) {
      if (status === GNTST_OKAY) command.undo?.(guest);
      error = -EFAULT;
      break;
    }
    // Progress is in the arguments, so that a turn or the quantum's end goes on where this one stopped.
    vcpu.ecx = (at + command.size) >>> 0;
    vcpu.edx -= 1;
  }
  if (unmapped) core.call.flushAll(vcpu.base);
  if (error !== 0) return guest.finish(error);
  if (deferred) return DEFER;
  return vcpu.edx === 0 ? guest.finish(0) : RESUME;
}

/** {u64 host_addr; u32 flags; u32 ref; u16 dom; OUT i16 status; u32 handle; u64 dev_bus_addr}. */
function map(guest: Guest): number {
  const { scratch, core, domain, index, hooks } = guest;
  const l = core.layout;
  const gpa = scratch.getUint32(0, true);
  const flags = scratch.getUint32(8, true);
  const ref = scratch.getUint32(12, true);
  const granter = guest.named(scratch.getUint16(16, true));
  scratch.setUint32(20, 0xffffffff, true); // no handle
  scratch.setUint32(24, 0, true);
  scratch.setUint32(28, 0, true);
  if ((flags & ~GNTMAP_READONLY) !== GNTMAP_HOST_MAP) return GNTST_GENERAL_ERROR;
  if (granter < 0) return GNTST_BAD_DOMAIN;
  if (domain.eptp === 0 || scratch.getUint32(4, true) !== 0 || gpa % PAGE !== 0) return GNTST_BAD_VIRT_ADDR;
  if (!guest.reaches(granter)) return DEFERRED;
  if (!guest.alive(granter)) return GNTST_BAD_DOMAIN;
  if (!guest.serial && core.call.eptTablesReady(domain.eptp, gpa) === 0) return DEFERRED;
  if (!isVacant(core, index, gpa)) return GNTST_BAD_VIRT_ADDR;
  const handle = freeHandle(core, domain.base);
  if (handle < 0) return GNTST_NO_DEVICE_SPACE;
  const frame = grantedFrame(core, granter, index, ref, (flags & GNTMAP_READONLY) === 0);
  if (frame < 0) return frame;
  if (!hooks.check('share', index, granter)) return GNTST_PERMISSION_DENIED;
  const gang = (d: number): number => core.read(guest.host.domainAddress(d) + l.DOMAIN_GANG);
  if (gang(granter) !== gang(index)) {
    // On one pCPU already, a gang is only a name; it keeps them there.
    if (!guest.serial) return DEFERRED;
    if (!hooks.check('schedule', index, gang(granter))) return GNTST_PERMISSION_DENIED;
    joinGang(core, index, granter);
  }
  if (!mapGrant(core, granter, index, ref, frame, handle, gpa, flags)) return GNTST_NO_DEVICE_SPACE;
  scratch.setUint32(20, handle, true);
  return GNTST_OKAY;
}

function undoMap(guest: Guest): void {
  unmapGrant(guest.core, guest.index, guest.scratch.getUint32(20, true));
}

/** {u64 host_addr; u64 dev_bus_addr; u32 handle; OUT i16 status}. */
function unmap(guest: Guest): number {
  const { scratch, core, domain, index } = guest;
  const l = core.layout;
  const handle = scratch.getUint32(16, true);
  if (handle >= l.MAPTRACK_ENTRIES) return GNTST_BAD_HANDLE;
  const track = trackAddress(core, domain.base, handle);
  if (core.read(track + l.MAPTRACK_FLAGS) === 0) return GNTST_BAD_HANDLE;
  if (scratch.getUint32(4, true) !== 0 || scratch.getUint32(0, true) !== core.read(track + l.MAPTRACK_GPA)) {
    return GNTST_BAD_VIRT_ADDR;
  }
  unmapGrant(core, index, handle);
  return GNTST_OKAY;
}

/** {u16 dom; u32 nr_frames; OUT i16 status; u32 frame_list}: of itself. */
function setupTable(guest: Guest): number {
  const { scratch, core, domain, index } = guest;
  const l = core.layout;
  const dom = scratch.getUint16(0, true);
  const frames = scratch.getUint32(4, true);
  const list = scratch.getUint32(12, true);
  if (guest.named(dom) < 0) return GNTST_BAD_DOMAIN;
  if (dom !== DOMID_SELF && dom !== index) return GNTST_PERMISSION_DENIED;
  if (frames > l.GRANT_FRAMES_MAX) return GNTST_GENERAL_ERROR;
  if (frames > core.read(domain.base + l.DOMAIN_GRANT_FRAMES)) {
    if (!guest.serial) return DEFERRED;
    if (!guest.hooks.check('map', index)) return GNTST_PERMISSION_DENIED;
    if (!growGrantTable(core, index, frames)) return GNTST_GENERAL_ERROR;
  }
  for (let i = 0; i < frames; i++) {
    // Translated guests get page numbers of their own; of a frame that they have not mapped, none.
    const at = core.read(domain.base + l.DOMAIN_SHARED_AT + 4 + 4 * i);
    scratch.setUint32(64, at === 0 ? 0xffffffff : at >>> 12, true);
    if (!guest.put(list + 4 * i, 4, 64)) return GNTST_BAD_VIRT_ADDR;
  }
  return GNTST_OKAY;
}

/** {u16 dom; OUT u32 nr_frames; u32 max_nr_frames; i16 status}: of itself. */
function querySize(guest: Guest): number {
  const { scratch, core, domain, index } = guest;
  const l = core.layout;
  const dom = scratch.getUint16(0, true);
  if (guest.named(dom) < 0) return GNTST_BAD_DOMAIN;
  if (dom !== DOMID_SELF && dom !== index) return GNTST_PERMISSION_DENIED;
  scratch.setUint32(4, core.read(domain.base + l.DOMAIN_GRANT_FRAMES), true);
  scratch.setUint32(8, l.GRANT_FRAMES_MAX, true);
  return GNTST_OKAY;
}

/** {IN/OUT u32 version}: as Xen with `gnttab=max-ver:1`. */
function setVersion(guest: Guest): number {
  const { vcpu, scratch } = guest;
  if (!guest.fetch(vcpu.ecx, 4)) return -EFAULT;
  const version = scratch.getUint32(0, true);
  if (version !== 1) return version === 2 ? -ENOSYS : -EINVAL;
  return guest.put(vcpu.ecx, 4) ? 0 : -EFAULT;
}

/** {u16 dom; OUT u32 version}: of itself. */
function getVersion(guest: Guest): number {
  const { vcpu, scratch, index } = guest;
  if (!guest.fetch(vcpu.ecx, 8)) return -EFAULT;
  const named = guest.named(scratch.getUint16(0, true));
  if (named !== index) return named < 0 ? -ESRCH : -EPERM;
  scratch.setUint32(4, 1, true);
  return guest.put(vcpu.ecx, 8) ? 0 : -EFAULT;
}

const SOURCE = 0;
const DESTINATION = 8;

/** {{u32 ref or gmfn; u16 domid; u16 offset} source, dest; u16 len; u16 flags; OUT i16 status}. */
function copy(guest: Guest): number {
  const { scratch, core, host } = guest;
  const length = scratch.getUint16(16, true);
  const flags = scratch.getUint16(18, true);
  const from = scratch.getUint16(SOURCE + 6, true);
  const to = scratch.getUint16(DESTINATION + 6, true);
  if (from + length > PAGE || to + length > PAGE || (flags & ~3) !== 0) return GNTST_BAD_COPY_ARG;
  const source = copyFrame(guest, SOURCE, (flags & 1) !== 0, false);
  if (source === DEFER_FRAME) return DEFERRED;
  if (source < 0) return source;
  const destination = copyFrame(guest, DESTINATION, (flags & 2) !== 0, true);
  if (destination === DEFER_FRAME) return DEFERRED;
  if (destination < 0) return destination;
  for (const at of [SOURCE, DESTINATION]) {
    const peer = guest.named(scratch.getUint16(at + 4, true));
    if (flags & (at === SOURCE ? 1 : 2) && !guest.hooks.check('share', guest.index, peer)) {
      return GNTST_PERMISSION_DENIED;
    }
  }
  const origin = core.call.smmAddress(source, 0) >>> 0;
  const page = core.call.smmAddress(destination, 1) >>> 0;
  if (origin === 0 || page === 0) return GNTST_BAD_PAGE;
  const target = page + to;
  core.u8.copyWithin(target, origin + from, origin + from + length);
  if (length > 0) core.call.machineWritten(target - host.dram, length);
  return GNTST_OKAY;
}

const DEFER_FRAME = -1000;

/** The frame of one end of a copy: the guest's own page, or a granted one. */
function copyFrame(guest: Guest, at: number, byGrant: boolean, write: boolean): number {
  const { scratch, core, index } = guest;
  const where = scratch.getUint32(at, true);
  const domid = scratch.getUint16(at + 4, true);
  const peer = guest.named(domid);
  if (peer < 0) return GNTST_BAD_DOMAIN;
  if (!byGrant) {
    if (peer !== index) return GNTST_PERMISSION_DENIED;
    const frame = ownFrame(core, index, where);
    return frame === core.layout.FRAME_NONE ? GNTST_BAD_PAGE : frame;
  }
  if (!guest.reaches(peer)) return DEFER_FRAME;
  if (!guest.alive(peer)) return GNTST_BAD_DOMAIN;
  return grantedFrame(core, peer, index, where, write);
}
