/**
 * What XENMEM_add_to_physmap and its kin put into a domain's guest-physical memory beside its own pages, and take out again:
 * xen/include/public/memory.h, XENMAPSPACE_*. Between quanta only.
 *
 *   shared_info, grant_table   frames that the hypervisor made for the domain; each is at one place
 *   gmfn_foreign               a page of another domain, by its page number: privileged callers
 *   dev_mmio                   a machine frame by its number: privileged callers. In Xen, device memory on Arm; here DRAM too,
 *                              whoever owns it, because VM0 of the threat models reads and writes all of it
 */
import { EPT_RW } from './ept.js';
import { EBUSY, EINVAL, ENOENT, ENOMEM, ENOSYS, EOPNOTSUPP, EPERM, ESRCH } from './errno.js';
import { ensureSharedInfo } from './event-channel-op.js';
import { isForeign, mapForeign, unmapForeign } from './foreign.js';
import { ownFrame, references } from './frames.js';
import { gangOf } from './gang.js';
import { growGrantTable } from './grant-table.js';
import { DOMID_SELF, type Guest } from './guest.js';
import { count, domainOf, isVacant, releasePage } from './physmap.js';

// XENMAPSPACE_*
const SPACE_SHARED_INFO = 0;
const SPACE_GRANT_TABLE = 1;
export const SPACE_FOREIGN = 4;
const SPACE_DEV_MMIO = 5;
const SPACES = 6;

const PAGE = 4096;
const GFN_LIMIT = 2 ** 20;

/** Puts `idx` of `space` at page `gfn` of domain `index`. Zero or a negative error. */
export function addToPhysmap(
  guest: Guest,
  index: number,
  space: number,
  foreign: number,
  idx: number,
  gfn: number,
): number {
  if (space >= SPACES) return -EINVAL;
  if (domainOf(guest.core, index).eptp === 0) return -EOPNOTSUPP;
  if (gfn >= GFN_LIMIT) return -EINVAL;
  if (space === SPACE_SHARED_INFO || space === SPACE_GRANT_TABLE) return addShared(guest, index, space, idx, gfn);
  if (space === SPACE_FOREIGN) return addForeign(guest, index, foreign, idx, gfn);
  if (space === SPACE_DEV_MMIO) return addMachine(guest, index, idx, gfn);
  return -ENOSYS; // gmfn and gmfn_range: pages that move within a domain
}

/**
 * Takes away what lies at `gfn`: the domain's own memory, which goes back to the host, or a foreign page. What others have
 * mapped and what the hypervisor or a grant put there stays: −EBUSY.
 */
function makeWay({ core }: Guest, index: number, gfn: number): number {
  const l = core.layout;
  if (isForeign(core, index, gfn)) return unmapForeign(core, index, gfn) ? 0 : -EBUSY;
  if (isVacant(core, index, gfn * PAGE)) return 0;
  const own = ownFrame(core, index, gfn);
  if (own === l.FRAME_NONE || references(core, own) !== 1) return -EBUSY;
  return releasePage(core, index, gfn) ? 0 : -ENOMEM;
}

function addShared(guest: Guest, index: number, space: number, idx: number, gfn: number): number {
  const { core, host } = guest;
  const l = core.layout;
  const domain = domainOf(core, index);
  if (space === SPACE_SHARED_INFO ? idx !== 0 : idx >= l.GRANT_FRAMES_MAX) return -EINVAL;
  if (!guest.hooks.check('map', guest.index, index)) return -EPERM;
  const own = ownFrame(core, index, gfn);
  const inTheWay = !isVacant(core, index, gfn * PAGE) && !isForeign(core, index, gfn);
  if (inTheWay && (own === l.FRAME_NONE || references(core, own) !== 1)) return -EBUSY;
  if (space === SPACE_SHARED_INFO ? !ensureSharedInfo(core, index) : !growGrantTable(core, index, idx + 1)) {
    return -ENOMEM;
  }
  const error = makeWay(guest, index, gfn);
  if (error) return error;
  const slot = domain.base + l.DOMAIN_SHARED_AT + (space === SPACE_SHARED_INFO ? 0 : 4 + 4 * idx);
  const frame =
    space === SPACE_SHARED_INFO
      ? (core.read(domain.base + l.DOMAIN_SHARED_INFO) - host.dram) / PAGE
      : core.read(domain.base + l.DOMAIN_GRANT_FRAME + 4 * idx);
  const made = core.call.eptMap(domain.eptp, gfn * PAGE, frame, 1, EPT_RW);
  if (made < 0) return -ENOMEM;
  count(core, domain, 0, made);
  const old = core.read(slot);
  if (old !== 0) core.call.eptUnmap(domain.eptp, old - 1, 1); // a frame of the hypervisor is at one place
  core.write(slot, gfn * PAGE + 1);
  flush(guest, index);
  return 0;
}

function addForeign(guest: Guest, index: number, foreign: number, idx: number, gfn: number): number {
  const { core, hooks } = guest;
  if (foreign === DOMID_SELF) return -EINVAL;
  const owner = guest.named(foreign);
  if (owner < 0 || !guest.alive(owner)) return -ESRCH;
  if (owner === index) return -EINVAL;
  if (!guest.privileged) return -EPERM;
  const frame = ownFrame(core, owner, idx);
  if (frame === core.layout.FRAME_NONE) return -EINVAL;
  if (!hooks.check('foreign', guest.index, owner)) return -EPERM;
  if (gangOf(core, owner) !== gangOf(core, index) && !hooks.check('schedule', guest.index, owner)) return -EPERM;
  return put(guest, index, owner, frame, gfn);
}

function addMachine(guest: Guest, index: number, frame: number, gfn: number): number {
  if (!guest.privileged) return -EPERM;
  if (frame >= guest.host.frames) return -EINVAL;
  if (!guest.hooks.check('foreign', guest.index)) return -EPERM;
  return put(guest, index, -1, frame, gfn);
}

function put(guest: Guest, index: number, owner: number, frame: number, gfn: number): number {
  const error = makeWay(guest, index, gfn);
  if (error) return error;
  const done = mapForeign(guest.core, index, owner, frame, gfn);
  flush(guest, index);
  return done ? 0 : -ENOMEM;
}

/**
 * Takes a foreign page or a frame of the hypervisor out of the memory of domain `index`. Zero or an error; the domain's own
 * pages leave through decrease_reservation.
 */
export function removeFromPhysmap(guest: Guest, index: number, gfn: number): number {
  const { core } = guest;
  const l = core.layout;
  const domain = domainOf(core, index);
  if (domain.eptp === 0) return -EOPNOTSUPP;
  if (gfn >= GFN_LIMIT) return -EINVAL;
  const slots = Array.from({ length: 1 + l.GRANT_FRAMES_MAX }, (_, i) => domain.base + l.DOMAIN_SHARED_AT + 4 * i);
  const shared = slots.find((slot) => core.read(slot) === gfn * PAGE + 1);
  if (shared === undefined && !isForeign(core, index, gfn)) {
    return core.call.eptFrame(domain.eptp, gfn * PAGE) >>> 0 === l.FRAME_NONE ? -ENOENT : -EINVAL;
  }
  if (!guest.hooks.check('unmap', guest.index, index)) return -EPERM;
  if (shared === undefined) {
    unmapForeign(core, index, gfn);
  } else {
    core.call.eptUnmap(domain.eptp, gfn * PAGE, 1);
    core.write(shared, 0);
  }
  flush(guest, index);
  return 0;
}

function flush({ core }: Guest, index: number): void {
  const { vcpu } = domainOf(core, index);
  if (vcpu !== 0) core.call.flushAll(vcpu);
}
