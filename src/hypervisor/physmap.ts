/**
 * The pages of a domain's guest-physical memory, one by one: how they come and go while it runs. What a domain begins with
 * is in domain.ts. Between quanta only: the frame allocator belongs to the host.
 */
import type { Core } from '../machine/core.js';
import { DomainView, HostView } from '../machine/views.js';
import { EPT_RWX } from './ept.js';
import { isForeign } from './foreign.js';
import { ownFrame, references } from './frames.js';
import { grantAt } from './grant-table.js';
import { populated } from './smm.js';

/** Whether nothing lies at `gpa`, not even what was revoked and not yet let go. */
export function isVacant(core: Core, index: number, gpa: number): boolean {
  const { PAGE_SIZE, FRAME_NONE } = core.layout;
  if (core.call.eptFrame(domainOf(core, index).eptp, gpa) >>> 0 !== FRAME_NONE) return false;
  return !grantAt(core, index, gpa) && !isForeign(core, index, gpa / PAGE_SIZE);
}

/** Fills a hole in the domain's memory, which never gets longer than it began. False: no hole, or no frame is left. */
export function populatePage(core: Core, index: number, gfn: number): boolean {
  const l = core.layout;
  const domain = domainOf(core, index);
  const gpa = gfn * l.PAGE_SIZE;
  if (gpa >= domain.memory || !isVacant(core, index, gpa)) return false;
  const frame = core.call.frameAllocate(index, l.FRAME_TYPE_GUEST) >>> 0;
  if (frame === l.FRAME_NONE) return false;
  const made = core.call.eptMap(domain.eptp, gpa, frame, 1, EPT_RWX);
  if (made < 0) {
    core.call.frameFree(frame);
    return false;
  }
  populated(core, index, frame, gfn);
  count(core, domain, 1, made);
  return true;
}

/** Gives a page of the domain back to the host. False: it has none there, or others have mapped it. */
export function releasePage(core: Core, index: number, gfn: number): boolean {
  const l = core.layout;
  const domain = domainOf(core, index);
  const frame = ownFrame(core, index, gfn);
  if (frame === l.FRAME_NONE || references(core, frame) !== 1) return false;
  const made = core.call.eptUnmap(domain.eptp, gfn * l.PAGE_SIZE, 1);
  if (made < 0) return false;
  count(core, domain, -1, made);
  core.call.frameFree(frame);
  return true;
}

/** Notes that the domain has so many more pages and EPT tables. */
export function count(core: Core, domain: DomainView, pages: number, tables: number): void {
  const l = core.layout;
  core.write(domain.base + l.DOMAIN_PAGES, domain.pages + pages);
  core.write(domain.base + l.DOMAIN_TABLE_PAGES, domain.tablePages + tables);
}

export function domainOf(core: Core, index: number): DomainView {
  return new DomainView(core, new HostView(core).domainAddress(index));
}
