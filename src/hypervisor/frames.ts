/** Entries of the frame table as the hypervisor's policy needs them: owner, type, reference count. See mmu/frame.ts. */
import type { Core } from '../machine/core.js';
import { HostView } from '../machine/views.js';

function entry(core: Core, frame: number): number {
  return core.read(core.layout.HOST_FRAME_TABLE) + frame * core.layout.FRAME_ENTRY_SIZE;
}

/** A number that no frame has: an EPT leaf with it reads as ones and drops writes, as absent memory does. */
export const ABSENT_FRAME = 0xfffff;

/** Index of the domain that owns `frame`, or FRAME_OWNER_*; `frame` must be one of the host's. */
export function frameOwner(core: Core, frame: number): number {
  return core.u16[(entry(core, frame) + core.layout.FRAME_OWNER) >>> 1]!;
}

export function frameType(core: Core, frame: number): number {
  return core.u16[(entry(core, frame) + core.layout.FRAME_TYPE) >>> 1]!;
}

/** Whether `frame` is ordinary memory of domain `index`. */
export function isGuestFrame(core: Core, frame: number, index: number): boolean {
  const l = core.layout;
  if (frame >= core.read(l.HOST_FRAMES)) return false;
  return frameOwner(core, frame) === index && frameType(core, frame) === l.FRAME_TYPE_GUEST;
}

/** References to an owned frame: one, and one per grant mapping. */
export function references(core: Core, frame: number): number {
  return core.read(entry(core, frame) + core.layout.FRAME_LINK);
}

export function addReference(core: Core, frame: number, by: 1 | -1): void {
  const at = entry(core, frame) + core.layout.FRAME_LINK;
  core.write(at, core.read(at) + by);
}

/**
 * The frame behind page `gfn` of a domain if it is the domain's own ordinary memory, or FRAME_NONE. Pages of a domain that has
 * forks are nobody's: they must not change.
 */
export function ownFrame(core: Core, index: number, gfn: number): number {
  const l = core.layout;
  const d = new HostView(core).domainAddress(index);
  if (gfn >= 2 ** 20) return l.FRAME_NONE;
  const eptp = core.read(d + l.DOMAIN_EPTP);
  const gpa = gfn * l.PAGE_SIZE;
  let frame: number = l.FRAME_NONE;
  if (eptp !== 0) frame = core.call.eptFrame(eptp, gpa) >>> 0;
  else if (gpa < core.read(d + l.DOMAIN_DIRECT_LIMIT)) frame = core.read(d + l.DOMAIN_DIRECT_BASE) / l.PAGE_SIZE + gfn;
  if (isGuestFrame(core, frame, index)) return core.read(d + l.DOMAIN_FORKS) > 0 ? l.FRAME_NONE : frame;
  // A page that a domain shares becomes its own when others are to reach it.
  if (frame === l.FRAME_NONE || eptp === 0) return l.FRAME_NONE;
  const copy = core.call.unsharePage(d, gpa, core.read(core.read(d + l.DOMAIN_VCPU) + l.VCPU_PCPU));
  return copy < 0 ? l.FRAME_NONE : copy;
}
