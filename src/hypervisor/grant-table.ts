/**
 * Grant tables, version 1: a domain says in its own memory who may use which of its pages; the hypervisor holds who does.
 * xen/include/public/grant_table.h; here the mechanism, in grant-table-op.ts the hypercall.
 *
 *   granter's table (in its memory)       active entry (DOMAIN_GRANT_ACTIVE)      mapper's maptrack (by handle)
 *   0      2      4        8              frame, domain, readers, writers         flags, granter, ref, address
 *   ┌──────┬──────┬────────┐   pin ─────▶ while mapped the frame of the       ◀── one per mapping
 *   │flags │domid │ gfn    │              first mapping counts, whatever
 *   └──────┴──────┴────────┘              the guest writes into its table
 *
 * A mapping holds a reference to the frame (frame table), so the page cannot be freed under it. When the granter ends, its
 * mappings elsewhere are revoked: no mapping outlives its grant. What was mapped then reads as ones and drops writes, like a
 * device that is gone, and the handle stays until the mapper lets it go: nobody ends because his peer did.
 */
import type { Core } from '../machine/core.js';
import { HostView } from '../machine/views.js';
import { ABSENT_FRAME, addReference, ownFrame } from './frames.js';

// GTF_*
const GTF_PERMIT_ACCESS = 1;
const GTF_TYPE_MASK = 3;
const GTF_READONLY = 1 << 2;
const GTF_READING = 1 << 3;
const GTF_WRITING = 1 << 4;
const ENTRY_SIZE = 8;

// GNTST_*
export const GNTST_OKAY = 0;
export const GNTST_GENERAL_ERROR = -1;
export const GNTST_BAD_DOMAIN = -2;
export const GNTST_BAD_GNTREF = -3;
export const GNTST_BAD_HANDLE = -4;
export const GNTST_BAD_VIRT_ADDR = -5;
export const GNTST_NO_DEVICE_SPACE = -7;
export const GNTST_PERMISSION_DENIED = -8;
export const GNTST_BAD_PAGE = -9;
export const GNTST_BAD_COPY_ARG = -10;

export const GNTMAP_HOST_MAP = 1 << 1;
export const GNTMAP_READONLY = 1 << 2;
/** In MAPTRACK_FLAGS, no GNTMAP_*: the granter has ended. */
const REVOKED = 0x80000000;

/** Makes the grant table of a domain at least `frames` long. Between quanta only; false: too long, or no frame left. */
export function growGrantTable(core: Core, index: number, frames: number): boolean {
  const l = core.layout;
  const host = new HostView(core);
  const d = host.domainAddress(index);
  if (frames > l.GRANT_FRAMES_MAX) return false;
  for (let n = core.read(d + l.DOMAIN_GRANT_FRAMES); n < frames; n++) {
    const frame = core.call.frameAllocate(index, l.FRAME_TYPE_SHARED) >>> 0;
    if (frame === l.FRAME_NONE) return false;
    core.write(d + l.DOMAIN_GRANT_FRAME + 4 * n, frame);
    core.write(d + l.DOMAIN_GRANT_FRAMES, n + 1);
  }
  return true;
}

function activeAddress(core: Core, d: number, ref: number): number {
  return d + core.layout.DOMAIN_GRANT_ACTIVE + ref * core.layout.ACTIVE_SIZE;
}

/** Address of entry `ref` in the guest's own table. */
function sharedEntry(core: Core, d: number, ref: number): number {
  const l = core.layout;
  const frame = core.read(d + l.DOMAIN_GRANT_FRAME + 4 * Math.floor(ref / l.GRANT_REFS_PER_FRAME));
  return new HostView(core).frameAddress(frame) + (ref % l.GRANT_REFS_PER_FRAME) * ENTRY_SIZE;
}

function flagsOf(core: Core, entry: number): number {
  return core.u16[entry >>> 1]!;
}

function setFlags(core: Core, entry: number, flags: number): void {
  core.u16[entry >>> 1] = flags;
}

/**
 * The frame that grant `ref` of domain `granter` gives to domain `to`, for reading or for writing too; or a GNTST_* error.
 * Nothing changes.
 */
export function grantedFrame(core: Core, granter: number, to: number, ref: number, write: boolean): number {
  const l = core.layout;
  const d = new HostView(core).domainAddress(granter);
  if (ref >= core.read(d + l.DOMAIN_GRANT_FRAMES) * l.GRANT_REFS_PER_FRAME) return GNTST_BAD_GNTREF;
  const entry = sharedEntry(core, d, ref);
  const flags = flagsOf(core, entry);
  if ((flags & GTF_TYPE_MASK) !== GTF_PERMIT_ACCESS) return GNTST_GENERAL_ERROR;
  if (core.u16[(entry + 2) >>> 1] !== to) return GNTST_GENERAL_ERROR;
  if (write && flags & GTF_READONLY) return GNTST_GENERAL_ERROR;
  const active = activeAddress(core, d, ref);
  if (core.read(active + l.ACTIVE_READERS) > 0) {
    if (core.read(active + l.ACTIVE_DOMAIN) !== to) return GNTST_GENERAL_ERROR;
    return core.read(active + l.ACTIVE_FRAME);
  }
  const frame = ownFrame(core, granter, core.read(entry + 4));
  return frame === l.FRAME_NONE ? GNTST_BAD_PAGE : frame;
}

/** Counts a mapping of `frame` through grant `ref`, and tells the granter in its table. */
function pin(core: Core, granter: number, to: number, ref: number, frame: number, write: boolean): void {
  const l = core.layout;
  const d = new HostView(core).domainAddress(granter);
  const active = activeAddress(core, d, ref);
  core.write(active + l.ACTIVE_FRAME, frame);
  core.write(active + l.ACTIVE_DOMAIN, to);
  core.write(active + l.ACTIVE_READERS, core.read(active + l.ACTIVE_READERS) + 1);
  if (write) core.write(active + l.ACTIVE_WRITERS, core.read(active + l.ACTIVE_WRITERS) + 1);
  const entry = sharedEntry(core, d, ref);
  setFlags(core, entry, flagsOf(core, entry) | GTF_READING | (write ? GTF_WRITING : 0));
  core.write(d + l.DOMAIN_PINS, core.read(d + l.DOMAIN_PINS) + 1);
  addReference(core, frame, 1);
}

function unpin(core: Core, granter: number, ref: number, write: boolean): void {
  const l = core.layout;
  const d = new HostView(core).domainAddress(granter);
  const active = activeAddress(core, d, ref);
  const readers = core.read(active + l.ACTIVE_READERS) - 1;
  const writers = core.read(active + l.ACTIVE_WRITERS) - (write ? 1 : 0);
  core.write(active + l.ACTIVE_READERS, readers);
  core.write(active + l.ACTIVE_WRITERS, writers);
  const entry = sharedEntry(core, d, ref);
  const done = (writers === 0 ? GTF_WRITING : 0) | (readers === 0 ? GTF_READING : 0);
  setFlags(core, entry, flagsOf(core, entry) & ~done);
  core.write(d + l.DOMAIN_PINS, core.read(d + l.DOMAIN_PINS) - 1);
  addReference(core, core.read(active + l.ACTIVE_FRAME), -1);
}

export function trackAddress(core: Core, d: number, handle: number): number {
  return d + core.layout.DOMAIN_MAPTRACK + handle * core.layout.MAPTRACK_SIZE;
}

/** The lowest free handle, or −1. */
export function freeHandle(core: Core, d: number): number {
  const l = core.layout;
  if (core.read(d + l.DOMAIN_MAPPINGS) >= l.MAPTRACK_ENTRIES) return -1;
  for (let handle = 0; ; handle++) {
    if (core.read(trackAddress(core, d, handle) + l.MAPTRACK_FLAGS) === 0) return handle;
  }
}

/** Maps a granted frame at `gpa` of domain `to`, where nothing is mapped. False: no frame for an EPT table. */
export function mapGrant(
  core: Core,
  granter: number,
  to: number,
  ref: number,
  frame: number,
  handle: number,
  gpa: number,
  flags: number,
): boolean {
  const l = core.layout;
  const d = new HostView(core).domainAddress(to);
  const write = (flags & GNTMAP_READONLY) === 0;
  const made = core.call.eptMap(core.read(d + l.DOMAIN_EPTP), gpa, frame, 1, write ? 3 : 1);
  if (made < 0) return false;
  core.write(d + l.DOMAIN_TABLE_PAGES, core.read(d + l.DOMAIN_TABLE_PAGES) + made);
  pin(core, granter, to, ref, frame, write);
  const track = trackAddress(core, d, handle);
  core.write(track + l.MAPTRACK_FLAGS, flags);
  core.write(track + l.MAPTRACK_DOMAIN, granter);
  core.write(track + l.MAPTRACK_REF, ref);
  core.write(track + l.MAPTRACK_GPA, gpa);
  if (core.read(l.HOST_SMM_SLOTS) > 0) core.call.smmShare(to, handle, frame, write ? 3 : 1);
  core.write(d + l.DOMAIN_MAPPINGS, core.read(d + l.DOMAIN_MAPPINGS) + 1);
  return true;
}

/** Ends the mapping `handle`, which must exist. The TLB of the domain's vCPU must be flushed afterwards. */
export function unmapGrant(core: Core, index: number, handle: number): void {
  const l = core.layout;
  const d = new HostView(core).domainAddress(index);
  const track = trackAddress(core, d, handle);
  core.call.eptUnmap(core.read(d + l.DOMAIN_EPTP), core.read(track + l.MAPTRACK_GPA), 1);
  letGo(core, index, handle);
  core.write(track + l.MAPTRACK_FLAGS, 0);
  core.write(d + l.DOMAIN_MAPPINGS, core.read(d + l.DOMAIN_MAPPINGS) - 1);
}

/** Takes the pin of a mapping back, if its grant is still there. */
function letGo(core: Core, index: number, handle: number): void {
  const l = core.layout;
  const track = trackAddress(core, new HostView(core).domainAddress(index), handle);
  const flags = core.read(track + l.MAPTRACK_FLAGS);
  if (flags >= REVOKED) return;
  if (core.read(l.HOST_SMM_SLOTS) > 0) core.call.smmUnshare(index, handle);
  unpin(core, core.read(track + l.MAPTRACK_DOMAIN), core.read(track + l.MAPTRACK_REF), (flags & GNTMAP_READONLY) === 0);
}

/** A domain ends: gives back what it mapped, and takes back what others mapped of it. Between quanta only. */
export function releaseGrants(core: Core, index: number): void {
  const l = core.layout;
  const host = new HostView(core);
  const d = host.domainAddress(index);
  for (const handle of handles(core, d)) unmapGrant(core, index, handle);
  for (let other = 0; other < host.domains && core.read(d + l.DOMAIN_PINS) > 0; other++) {
    const mapper = host.domainAddress(other);
    let any = false;
    for (const handle of handles(core, mapper)) {
      const track = trackAddress(core, mapper, handle);
      if (core.read(track + l.MAPTRACK_FLAGS) >= REVOKED || core.read(track + l.MAPTRACK_DOMAIN) !== index) continue;
      revoke(core, other, handle);
      any = true;
    }
    if (any) core.call.flushAll(core.read(mapper + l.DOMAIN_VCPU));
  }
}

/** Ends a mapping whose granter ends: no memory is behind it any more. */
function revoke(core: Core, index: number, handle: number): void {
  const l = core.layout;
  const mapper = new HostView(core).domainAddress(index);
  const track = trackAddress(core, mapper, handle);
  const flags = core.read(track + l.MAPTRACK_FLAGS);
  letGo(core, index, handle);
  core.write(track + l.MAPTRACK_FLAGS, flags + REVOKED);
  const rights = flags & GNTMAP_READONLY ? 1 : 3;
  core.call.eptMap(core.read(mapper + l.DOMAIN_EPTP), core.read(track + l.MAPTRACK_GPA), ABSENT_FRAME, 1, rights);
}

/** Whether a mapping of the domain lies at `gpa`, be it that its granter has ended. */
export function grantAt(core: Core, index: number, gpa: number): boolean {
  const d = new HostView(core).domainAddress(index);
  for (const handle of handles(core, d)) {
    if (core.read(trackAddress(core, d, handle) + core.layout.MAPTRACK_GPA) === gpa) return true;
  }
  return false;
}

/** The handles that a domain holds, ascending. */
function* handles(core: Core, d: number): Generator<number> {
  const l = core.layout;
  for (let handle = 0; handle < l.MAPTRACK_ENTRIES && core.read(d + l.DOMAIN_MAPPINGS) > 0; handle++) {
    if (core.read(trackAddress(core, d, handle) + l.MAPTRACK_FLAGS) !== 0) yield handle;
  }
}
