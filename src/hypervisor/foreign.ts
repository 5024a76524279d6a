/**
 * What a privileged domain (VM0) maps beside its own memory: pages of other domains, by their page number, and machine
 * frames. It sees what lies in DRAM; no protection of another domain is undone for it.
 *
 *   FOREIGN (outside DRAM)        a page:          pins the frame (frame table), ends with its owner: revoked, reads as ones
 *   kind mapper owner frame gfn   a machine frame: pins nothing, sees whoever owns the frame next
 *
 * Nothing here trusts an EPT, because VM0 may have written it. Between quanta only. Mapper and owner are one gang, so that
 * what one writes the other sees in a fixed order; `settleGangs` keeps that true of machine frames, which change owners.
 */
import type { Core } from '../machine/core.js';
import { HostView } from '../machine/views.js';
import { EPT_RW } from './ept.js';
import { ABSENT_FRAME, addReference, frameOwner, frameType } from './frames.js';
import { gangOf, joinGang } from './gang.js';

const NONE = -1;

/** The entry with number `n`. */
function entryAddress(core: Core, n: number): number {
  return core.layout.FOREIGN + n * core.layout.FOREIGN_SIZE;
}

function kindOf(core: Core, e: number): number {
  return core.u16[(e + core.layout.FOREIGN_KIND) >>> 1]!;
}

function mapperOf(core: Core, e: number): number {
  return core.u16[(e + core.layout.FOREIGN_MAPPER) >>> 1]!;
}

/** The entries in use, in the order of their numbers, of which `wanted` holds. */
function* entries(core: Core, wanted: (e: number) => boolean): Generator<number> {
  const l = core.layout;
  const used = core.read(l.HOST_FOREIGN_USED);
  for (let n = 0; n < used; n++) {
    const e = entryAddress(core, n);
    if (kindOf(core, e) !== l.FOREIGN_FREE && wanted(e)) yield e;
  }
}

function find(core: Core, mapper: number, gfn: number): number {
  const at = core.layout.FOREIGN_GFN;
  for (const e of entries(core, (e) => mapperOf(core, e) === mapper && core.read(e + at) === gfn)) return e;
  return NONE;
}

/** The lowest free entry, or NONE. */
function freeEntry(core: Core): number {
  const l = core.layout;
  const used = core.read(l.HOST_FOREIGN_USED);
  for (let n = 0; n < used; n++) {
    if (kindOf(core, entryAddress(core, n)) === l.FOREIGN_FREE) return entryAddress(core, n);
  }
  if (used >= l.FOREIGN_ENTRIES) return NONE;
  core.write(l.HOST_FOREIGN_USED, used + 1);
  return entryAddress(core, used);
}

/** Whether `mapper` has something of others at `gfn`: then that is what is there. */
export function isForeign(core: Core, mapper: number, gfn: number): boolean {
  const d = new HostView(core).domainAddress(mapper);
  return core.read(d + core.layout.DOMAIN_FOREIGN) > 0 && find(core, mapper, gfn) !== NONE;
}

/**
 * Maps `frame` read-write at `gfn` of `mapper`, where nothing else is mapped: a page of domain `owner`, or with owner −1 a
 * machine frame. False: the table is full, or no frame is left for an EPT table.
 */
export function mapForeign(core: Core, mapper: number, owner: number, frame: number, gfn: number): boolean {
  const l = core.layout;
  const host = new HostView(core);
  const d = host.domainAddress(mapper);
  const e = freeEntry(core);
  if (e === NONE) return false;
  const made = core.call.eptMap(core.read(d + l.DOMAIN_EPTP), gfn * l.PAGE_SIZE, frame, 1, EPT_RW);
  if (made < 0) return false;
  add(core, d + l.DOMAIN_TABLE_PAGES, made);
  core.u16[(e + l.FOREIGN_KIND) >>> 1] = owner < 0 ? l.FOREIGN_MACHINE : l.FOREIGN_PAGE;
  core.u16[(e + l.FOREIGN_MAPPER) >>> 1] = mapper;
  core.write(e + l.FOREIGN_OWNER, owner < 0 ? mapper : owner);
  core.write(e + l.FOREIGN_FRAME, frame);
  core.write(e + l.FOREIGN_GFN, gfn);
  add(core, d + l.DOMAIN_FOREIGN, 1);
  if (owner < 0) {
    add(core, l.HOST_FOREIGN_MACHINE, 1);
    settleGangs(core);
  } else {
    add(core, host.domainAddress(owner) + l.DOMAIN_FOREIGN_OF, 1);
    addReference(core, frame, 1);
    joinGang(core, owner, mapper);
  }
  return true;
}

/** Ends what `mapper` has at `gfn`; false if it has nothing there. Its TLB is to be flushed. */
export function unmapForeign(core: Core, mapper: number, gfn: number): boolean {
  const e = find(core, mapper, gfn);
  if (e === NONE) return false;
  const l = core.layout;
  const d = new HostView(core).domainAddress(mapper);
  core.call.eptUnmap(core.read(d + l.DOMAIN_EPTP), gfn * l.PAGE_SIZE, 1);
  drop(core, e);
  return true;
}

/** Lets go of an entry. */
function drop(core: Core, e: number): void {
  const l = core.layout;
  const host = new HostView(core);
  const kind = kindOf(core, e);
  if (kind === l.FOREIGN_PAGE) unpin(core, e);
  if (kind === l.FOREIGN_MACHINE) add(core, l.HOST_FOREIGN_MACHINE, -1);
  add(core, host.domainAddress(mapperOf(core, e)) + l.DOMAIN_FOREIGN, -1);
  core.u8.fill(0, e, e + l.FOREIGN_SIZE);
}

function unpin(core: Core, e: number): void {
  const l = core.layout;
  add(core, new HostView(core).domainAddress(core.read(e + l.FOREIGN_OWNER)) + l.DOMAIN_FOREIGN_OF, -1);
  addReference(core, core.read(e + l.FOREIGN_FRAME), -1);
}

/** A domain ends: what it mapped is let go, what others mapped of it is revoked. Its own EPT is left as it is. */
export function releaseForeign(core: Core, index: number): void {
  const l = core.layout;
  const host = new HostView(core);
  const d = host.domainAddress(index);
  if (core.read(d + l.DOMAIN_FOREIGN) > 0) {
    for (const e of entries(core, (e) => mapperOf(core, e) === index)) drop(core, e);
  }
  if (core.read(d + l.DOMAIN_FOREIGN_OF) === 0) return;
  const mappers = new Set<number>();
  for (const e of entries(
    core,
    (e) => kindOf(core, e) === l.FOREIGN_PAGE && core.read(e + l.FOREIGN_OWNER) === index,
  )) {
    const m = host.domainAddress(mapperOf(core, e));
    unpin(core, e);
    core.u16[(e + l.FOREIGN_KIND) >>> 1] = l.FOREIGN_REVOKED;
    const gpa = core.read(e + l.FOREIGN_GFN) * l.PAGE_SIZE;
    core.call.eptMap(core.read(m + l.DOMAIN_EPTP), gpa, ABSENT_FRAME, 1, EPT_RW);
    mappers.add(core.read(m + l.DOMAIN_VCPU));
  }
  for (const vcpu of mappers) core.call.flushAll(vcpu);
}

/**
 * Joins the gang of whoever maps machine frames with their present owners. A frame that is an EPT table can reach any other
 * in its mapper's hands: then all domains are one gang, and for ever when a device has written one. To be called before a
 * quantum.
 */
export function settleGangs(core: Core): void {
  const l = core.layout;
  const tables = core.read(l.HOST_DMA_TABLES) !== 0;
  if (core.read(l.HOST_FOREIGN_MACHINE) === 0 && !tables) return;
  const host = new HostView(core);
  const alive = (d: number): boolean => d < host.domains && core.read(host.domainAddress(d) + l.DOMAIN_STATE) === 1;
  if (tables) {
    const all = Array.from({ length: host.domains }, (_, d) => d).filter(alive);
    for (const d of all) joinGang(core, d, all[0]!);
  }
  for (const e of entries(core, (e) => kindOf(core, e) === l.FOREIGN_MACHINE)) {
    const mapper = mapperOf(core, e);
    const frame = core.read(e + l.FOREIGN_FRAME);
    const owner = frameOwner(core, frame);
    const type = frameType(core, frame);
    // What a domain with forks owns, all of them read, wherever they run; a common frame, whoever holds it.
    const shared = owner < host.domains && core.read(host.domainAddress(owner) + l.DOMAIN_FORKS) > 0;
    const wide = type === l.FRAME_TYPE_EPT || type === l.FRAME_TYPE_COMMON || shared;
    const reached = wide ? Array.from({ length: host.domains }, (_, d) => d) : [owner];
    for (const d of reached) {
      if (alive(d) && type !== l.FRAME_TYPE_FREE && gangOf(core, d) !== gangOf(core, mapper)) joinGang(core, d, mapper);
    }
  }
}

function add(core: Core, at: number, by: number): void {
  core.write(at, core.read(at) + by);
}
