/**
 * A single domain as a file: saved from one host, restored into another, or into the same once more. What is kept is what a
 * fork takes over (fork.ts): registers, FPU, clock, timers, devices, memory, console, and what the TLBs hold, so that counts
 * go on as well. What belongs to two domains stays behind: interdomain channels are closed, grant mappings are holes.
 *
 *   host address of a page  ──save──▶  guest-physical address  ──restore──▶  host address of another frame
 *
 * Machine addresses, pCPU times and slots appear in no image. Between quanta only.
 */
import type { Core } from '../machine/core.js';
import { HostView } from '../machine/views.js';
import { beginAccount } from './credit.js';
import { ENOMEM } from './errno.js';
import { becomeOwn, closeInterdomain, letRun, releaseMemory, withdrawGrants } from './fork.js';
import { frameType } from './frames.js';
import { grantAt } from './grant-table.js';
import { type Format, type Piece, SaveError, seal, unseal } from './sealed-file.js';
import { isSecure } from './smm.js';
import { NEVER } from './timers.js';
import type { DomainConfig } from './types.js';

const FORMAT: Format = { magic: 'RINGFDOM', version: 1, what: 'saved domain' };
const PAGE = 4096;
const ENTRY_BITS = 0xfff;
const EPT_WRITE = 2;
const EPT_COW = 1 << 11;
const EPT_LARGE = 1 << 7;
const EPTP_ACCESSED_DIRTY = 1 << 6;
const RIGHTS = 7;
const READ_WRITE = 3;
/** Marks a guest-physical address where a host address stood: both are multiples of the page size. */
const GUEST_PHYSICAL = 1;

/** What a domain is beside its memory and its processor. */
export interface DomainAbout {
  readonly name: string;
  readonly config: DomainConfig;
  /** What it wrote so far. */
  readonly console: readonly Uint8Array[];
}

/** Pages in a row, of the same size (1: 4 KiB, 2: 2 MiB, 3: 1 GiB; 0: there is no EPT) and with the same EPT flags. */
type Run = readonly [gpa: number, pages: number, level: number, flags: number];

/** A frame of the hypervisor that the guest sees, and where: address | 1, or 0. */
interface Shown {
  readonly bytes: Uint8Array;
  readonly at: number;
}

export interface DomainImage extends DomainAbout {
  /** What its counts mean: cycles per second, cycles per event. */
  readonly machine: { readonly frequencyHz: number; readonly weights: readonly number[] };
  /** Its slot in the host that saved it. */
  readonly slot: number;
  readonly accessedDirty: boolean;
  readonly physmap: readonly Run[];
  /** VCPU_SIZE bytes and the domain's up to its grant mappings; the second-level TLB: generations, then its sets. */
  readonly vcpu: Uint8Array;
  readonly domain: Uint8Array;
  readonly stlb?: Uint8Array;
  readonly sharedInfo?: Shown;
  readonly grantTable: readonly Shown[];
  /** Its memory by guest-physical address; pages that are all zero are left out. */
  readonly memory: readonly Piece[];
}

export function writeDomain({ memory, ...content }: DomainImage): Uint8Array {
  return seal(FORMAT, content, memory);
}

/** Throws SaveError. */
export function readDomain(file: Uint8Array): DomainImage {
  const { content, memory } = unseal(FORMAT, file);
  return { ...(content as Omit<DomainImage, 'memory'>), memory };
}

// ── Saving ──────────────────────────────────────────────────────────────────

/** The domain as it is between two instructions; it goes on. Throws SaveError if it is protected or privileged. */
export function captureDomain(core: Core, slot: number, about: DomainAbout): DomainImage {
  const l = core.layout;
  const host = new HostView(core);
  const [d, v] = [host.domainAddress(slot), host.vcpuAddress(slot)];
  const refuse = (why: string): never => {
    throw new SaveError('domain', `'${about.name}' cannot be saved: ${why}`);
  };
  if (isSecure(core, slot))
    refuse('it is protected, and its memory is worth nothing without a key that stays in this host');
  if (core.read(d + l.DOMAIN_PRIVILEGED) !== 0) refuse('it is privileged, and holds pages of others');
  if (core.read(l.HOST_CLOCK_MODE) !== l.HOST_CLOCK_DOMAIN) refuse("its clock is its pCPU's (host.clock: pcpu)");
  const { physmap, memory, places } = capturePhysmap(core, slot);
  const place = (address: number): number => {
    if (address === l.VOID_PAGE || address === l.APIC_PAGE) return address;
    const gpa = places.get((address - host.dram) / PAGE);
    return gpa === undefined ? 0 : gpa + GUEST_PHYSICAL;
  };
  const vcpu = core.u8.slice(v, v + l.VCPU_SIZE);
  captureVcpu(core, v, new Uint32Array(vcpu.buffer), new Float64Array(vcpu.buffer), place, frozenAt(core, d, v));
  const stlb = captureSecondLevel(core, v, place);
  const shared = core.read(d + l.DOMAIN_SHARED_INFO);
  const shown = (address: number, i: number): Shown => ({
    bytes: core.u8.slice(address, address + PAGE),
    at: core.read(d + l.DOMAIN_SHARED_AT + 4 * i),
  });
  const grantTable = Array.from({ length: core.read(d + l.DOMAIN_GRANT_FRAMES) }, (_, i) =>
    shown(host.frameAddress(core.read(d + l.DOMAIN_GRANT_FRAME + 4 * i)), i + 1),
  );
  const { fork: _, restore: __, modules: ___, input: ____, pcpu: _____, ...config } = about.config;
  return {
    ...{ slot, name: about.name, console: [...about.console], physmap, memory, vcpu },
    config: { ...config, memoryBytes: core.read(d + l.DOMAIN_MEMORY) },
    machine: machineOf(core),
    accessedDirty: (core.read(d + l.DOMAIN_EPTP) & EPTP_ACCESSED_DIRTY) !== 0,
    domain: core.u8.slice(d, d + l.DOMAIN_MAPTRACK),
    ...(stlb !== undefined && { stlb }),
    ...(shared !== 0 && { sharedInfo: shown(shared, 0) }),
    grantTable,
  };
}

function machineOf(core: Core): DomainImage['machine'] {
  const l = core.layout;
  const weights = Array.from({ length: l.COUNTERS }, (_, i) => core.read(l.HOST_WEIGHTS + 4 * i));
  weights.fill(0, l.COUNTER_SMM_FILL, l.COUNTER_SMM_TREE + 1); // no domain that can be saved counts these
  return { frequencyHz: core.readF64(l.HOST_FREQUENCY), weights };
}

/** Time of its pCPU at which the domain stands still. */
function frozenAt(core: Core, d: number, v: number): number {
  const l = core.layout;
  if (core.read(d + l.DOMAIN_PAUSED) > 0) return core.readF64(d + l.DOMAIN_FROZEN_AT);
  return core.readU64(core.read(v + l.VCPU_PCPU) + l.PCPU_TIME);
}

interface Leaf {
  readonly level: number;
  /** Low half of the entry; the machine has no addresses above 4 GiB. */
  readonly entry: number;
  /** Write permission was taken away on the way to it because it is shared. */
  readonly shared: boolean;
}

/** The EPT's leaf for `gpa`. A privileged domain may have written the tables: nothing in them is trusted. */
function leafAt(core: Core, eptp: number, gpa: number): Leaf | undefined {
  const host = new HostView(core);
  let table = Math.floor(eptp / PAGE);
  let shared = false;
  for (let level = 4; level > 0; level--) {
    if (table >= host.frames) return undefined;
    const entry = core.read(host.frameAddress(table) + 8 * (Math.floor(gpa / 2 ** (3 + 9 * level)) % 512));
    if ((entry & RIGHTS) === 0) return undefined;
    shared ||= (entry & EPT_COW) !== 0;
    if (level === 1 || (level < 4 && (entry & EPT_LARGE) !== 0)) return { level, entry, shared };
    table = entry >>> 12;
  }
  return undefined;
}

function pagesOf(level: number): number {
  return level <= 1 ? 1 : 512 ** (level - 1);
}

/** What the domain's memory is made of, its contents, and the guest-physical address of every frame that it sees there. */
function capturePhysmap(core: Core, slot: number) {
  const l = core.layout;
  const host = new HostView(core);
  const domain = host.domain(slot);
  const places = new Map<number, number>();
  const runs: [number, number, number, number][] = [];
  const memory: Piece[] = [];
  let start = -1; // of the bytes that are not zero
  const flush = (end: number): void => {
    if (start >= 0) memory.push({ address: start, bytes: domain.readMemory(start, end - start) });
    start = -1;
  };
  const isFork = core.read(domain.base + l.DOMAIN_PARENT) !== 0;
  for (let gpa = 0; gpa < domain.memory; ) {
    const leaf = domain.eptp === 0 ? undefined : leafAt(core, domain.eptp, gpa);
    const size = leaf === undefined ? PAGE : PAGE * pagesOf(leaf.level);
    const frame = domain.frame(gpa);
    const seen = frame >= 0 && frame < host.frames && !grantAt(core, slot, gpa);
    if (seen) {
      for (let i = 0; i < size / PAGE; i++) places.set(frame + i, gpa + i * PAGE);
    }
    const own = seen && frameType(core, frame) === l.FRAME_TYPE_GUEST;
    if (own) {
      let flags = leaf === undefined ? 0 : leaf.entry & ENTRY_BITS & ~EPT_COW;
      if (leaf?.shared && isFork && (leaf.entry & (EPT_COW | EPT_WRITE)) !== 0) flags |= EPT_WRITE;
      const level = leaf?.level ?? 0;
      const last = runs.at(-1);
      const follows = last !== undefined && last[2] === level && last[3] === flags;
      if (follows && last[0] + last[1] * size === gpa) last[1]++;
      else runs.push([gpa, 1, level, flags]);
    }
    for (const end = gpa + size; gpa < end; gpa += PAGE) {
      const used = own && !core.call.isZero(domain.hostAddress(gpa), PAGE);
      if (!used) flush(gpa);
      else if (start < 0) start = gpa;
    }
  }
  flush(domain.memory);
  return { physmap: runs, memory, places };
}

function captureVcpu(
  core: Core,
  v: number,
  words: Uint32Array,
  floats: Float64Array,
  place: (address: number) => number,
  now: number,
): void {
  const l = core.layout;
  for (const at of [l.VCPU_BLOCKED_AT, l.VCPU_WAKE]) {
    if (floats[at >>> 3]! < NEVER) floats[at >>> 3]! -= now;
  }
  if (words[l.VCPU_RUN_STATE >>> 2] !== l.RUN_BLOCKED) words[l.VCPU_RUN_STATE >>> 2] = l.RUN_RUNNABLE;
  for (const at of [l.VCPU_PCPU, l.VCPU_DOMAIN, l.VCPU_EPTP, l.VCPU_DIRECT_BASE, l.VCPU_STLB]) words[at >>> 2] = 0;
  words[l.VCPU_TLB_BANK >>> 2]! -= bankOf(core, v);
  words[l.VCPU_FETCH_BASE >>> 2] = place(words[l.VCPU_FETCH_BASE >>> 2]!);
  for (let slot = 0; slot < 2 * l.TLB_ENTRIES; slot++) {
    const held = (l.VCPU_TLB_HELD >>> 2) + slot;
    const fast = (l.VCPU_TLB + slot * l.TLB_ENTRY_SIZE) >>> 2;
    if (words[held] === 0) continue;
    const host = ((words[held]! & ~ENTRY_BITS) + words[fast + 3]!) >>> 0;
    words[fast + 3] = place(host);
    words[held] = unshared(core, words[held]!);
  }
}

/** What VCPU_TLB_BANK is counted from: the vCPU, unless no bank is in use. */
function bankOf(core: Core, v: number): number {
  return core.read(v + core.layout.VCPU_TLB_BANK) === core.layout.SLOW_BANK ? 0 : v;
}

/** What a TLB holds of a page that nobody else sees any more. */
function unshared(core: Core, held: number): number {
  const { TLB_HELD_COW, TLB_HELD_WRITE } = core.layout;
  return held & TLB_HELD_COW ? (held & ~TLB_HELD_COW) | TLB_HELD_WRITE : held;
}

/** The second-level TLB: generations, then the sets (assembly/mmu/stlb.ts). */
function captureSecondLevel(core: Core, v: number, place: (address: number) => number): Uint8Array | undefined {
  const l = core.layout;
  const block = core.read(v + l.VCPU_STLB);
  if (block === 0) return undefined;
  const sets = core.read(block + l.STLB_SETS);
  const size = core.read(v + l.VCPU_STLB_ENTRIES) * l.STLB_ENTRY_SIZE;
  const bytes = new Uint8Array(8 + size);
  bytes.set(core.u8.subarray(block, block + 8));
  bytes.set(core.u8.subarray(sets, sets + size), 8);
  const words = new Uint32Array(bytes.buffer);
  eachWay(core, words, (tag, held) => {
    const to = place((words[held]! & ~ENTRY_BITS) >>> 0);
    if (to === 0) words[tag] = 0;
    // The mark of a guest-physical address would be one of the flags.
    else words[held] = ((to & ~ENTRY_BITS) | (unshared(core, words[held]!) & ENTRY_BITS)) >>> 0;
    if (to !== 0 && to % PAGE === 0) words[held]! |= ABSENT;
  });
  return bytes;
}

/** In an image: the entry leads to no memory, and its page is that of `place`. No TLB_HELD_* flag. */
const ABSENT = 1 << 11;

/** Indices of the tag and of the held word of every way that is in use. */
function eachWay(core: Core, words: Uint32Array, visit: (tag: number, held: number) => void): void {
  const ways = core.layout.STLB_WAYS;
  for (let set = 2; set < words.length; set += 2 * ways) {
    for (let way = set; way < set + ways; way++) if (words[way] !== 0) visit(way, way + ways);
  }
}

// ── Restoring ───────────────────────────────────────────────────────────────

/** Frames that an image needs: memory, EPT, shared_info, grant table. */
export function imageFrames({ physmap, sharedInfo, grantTable }: DomainImage): number {
  const shown = sharedInfo === undefined ? grantTable : [...grantTable, sharedInfo];
  const frames = physmap.reduce((sum, [, count, level]) => sum + count * pagesOf(level), shown.length);
  if (physmap.some(([, , level]) => level === 0)) return frames;
  const tables = new Set(['4 0']);
  const note = (gpa: number, leaf: number): void => {
    for (let level = leaf; level < 4; level++) tables.add(`${level} ${Math.floor(gpa / 2 ** (12 + 9 * level))}`);
  };
  for (const [gpa, count, level] of physmap) {
    for (let i = 0; i < count; i++) note(gpa + i * PAGE * pagesOf(level), level);
  }
  for (const { at } of shown) if (at !== 0) note(at - 1, 1);
  return frames + tables.size;
}

/** Whether counts of the image go on as they would have. Throws SaveError if not. */
function checkMachine(core: Core, { name, machine, stlb }: DomainImage, slot: number): void {
  const l = core.layout;
  const refuse = (why: string): never => {
    throw new SaveError('machine', `'${name}' cannot be restored: ${why}`);
  };
  const here = machineOf(core);
  if (here.frequencyHz !== machine.frequencyHz) {
    refuse(`it ran at ${machine.frequencyHz} Hz; this host runs at ${here.frequencyHz} Hz`);
  }
  if (here.weights.some((weight, i) => weight !== machine.weights[i])) refuse('the host has another cost table');
  if (core.read(l.HOST_CLOCK_MODE) !== l.HOST_CLOCK_DOMAIN) {
    refuse("clocks of this host's domains are those of their pCPUs (host.clock: pcpu)");
  }
  if (stlb === undefined) return;
  const room = core.read(core.read(l.HOST_STLB) + slot * l.STLB_SIZE + l.STLB_CAPACITY);
  const entries = (stlb.length - 8) / l.STLB_ENTRY_SIZE;
  if (room < entries) refuse(`its second-level TLB has ${entries} entries; slot ${slot} has room for ${room}`);
}

/**
 * Makes the domain of an image that of slot `slot`, which is empty, on pCPU `pcpu`; it runs on unless `pauses` > 0. Returns 0, or
 * −ENOMEM if the host has too little memory: then nothing has changed. Throws SaveError if it is another kind of machine.
 */
export function restoreDomain(core: Core, slot: number, pcpu: number, image: DomainImage, pauses = 0): number {
  checkMachine(core, image, slot);
  const l = core.layout;
  const host = new HostView(core);
  const d = host.domainAddress(slot);
  if (host.freeFrames < imageFrames(image)) return -ENOMEM;
  core.u8.fill(0, d, d + l.DOMAIN_SIZE);
  core.u8.set(image.domain, d);
  core.write(d + l.DOMAIN_GRANT_FRAMES, 0);
  core.write(d + l.DOMAIN_SHARED_INFO, 0);
  becomeOwn(core, slot, 0, pcpu);
  if (!restorePhysmap(core, slot, image) || !restoreShown(core, slot, image)) {
    if (core.read(d + l.DOMAIN_EPTP) !== 0) releaseMemory(core, slot);
    core.u8.fill(0, d, d + l.DOMAIN_SIZE);
    return -ENOMEM;
  }
  for (const { address, bytes } of image.memory) host.domain(slot).writeMemory(address, bytes);
  restoreVcpu(core, slot, pcpu, image);
  closeInterdomain(core, image.slot, slot, d);
  letRun(core, slot, pauses);
  return 0;
}

function restorePhysmap(core: Core, slot: number, { physmap, accessedDirty }: DomainImage): boolean {
  const l = core.layout;
  const host = new HostView(core);
  const d = host.domainAddress(slot);
  const [first] = physmap;
  if (first?.[2] === 0) {
    const frame = core.call.frameAllocateContiguous(first[1], 1, slot, l.FRAME_TYPE_GUEST) >>> 0;
    if (frame === l.FRAME_NONE) return false;
    core.write(d + l.DOMAIN_DIRECT_BASE, frame * PAGE);
    return true;
  }
  const eptp = core.call.eptCreate(slot, accessedDirty ? 1 : 0) >>> 0;
  if (eptp === 0) return false;
  core.write(d + l.DOMAIN_EPTP, eptp);
  let tables = 1;
  for (const [start, count, level, flags] of physmap) {
    const frames = pagesOf(level);
    for (let i = 0, gpa = start; i < count; i++, gpa += frames * PAGE) {
      const frame =
        (frames === 1
          ? core.call.frameAllocate(slot, l.FRAME_TYPE_GUEST)
          : core.call.frameAllocateContiguous(frames, frames, slot, l.FRAME_TYPE_GUEST)) >>> 0;
      if (frame === l.FRAME_NONE) return false;
      const made = core.call.eptMap(eptp, gpa, frame, level, RIGHTS);
      if (made < 0) return false;
      tables += made;
      core.write(entryAddress(core, eptp, gpa, level), ((frame * PAGE) | flags) >>> 0);
    }
  }
  core.write(d + l.DOMAIN_TABLE_PAGES, tables);
  return true;
}

/** Host address of the leaf of `level` for `gpa`, in tables that were just made. */
function entryAddress(core: Core, eptp: number, gpa: number, level: number): number {
  const host = new HostView(core);
  let table = Math.floor(eptp / PAGE);
  for (let at = 4; ; at--) {
    const p = host.frameAddress(table) + 8 * (Math.floor(gpa / 2 ** (3 + 9 * at)) % 512);
    if (at === level) return p;
    table = core.read(p) >>> 12;
  }
}

/** shared_info and grant table: frames of their own, where the guest had mapped them. */
function restoreShown(core: Core, slot: number, { sharedInfo, grantTable }: DomainImage): boolean {
  const l = core.layout;
  const host = new HostView(core);
  const d = host.domainAddress(slot);
  const show = ({ bytes, at }: Shown, note: (frame: number) => void): boolean => {
    const frame = core.call.frameAllocate(slot, l.FRAME_TYPE_SHARED) >>> 0;
    if (frame === l.FRAME_NONE) return false;
    note(frame);
    core.u8.set(bytes, host.frameAddress(frame));
    if (at === 0) return true;
    const made = core.call.eptMap(core.read(d + l.DOMAIN_EPTP), at - 1, frame, 1, READ_WRITE);
    core.write(d + l.DOMAIN_TABLE_PAGES, core.read(d + l.DOMAIN_TABLE_PAGES) + Math.max(0, made));
    return made >= 0;
  };
  const info = (frame: number): void => core.write(d + l.DOMAIN_SHARED_INFO, host.frameAddress(frame));
  if (sharedInfo !== undefined && !show(sharedInfo, info)) return false;
  for (const [i, shown] of grantTable.entries()) {
    const granted = (frame: number): void => {
      core.write(d + l.DOMAIN_GRANT_FRAME + 4 * i, frame);
      core.write(d + l.DOMAIN_GRANT_FRAMES, i + 1);
    };
    if (!show(shown, granted)) return false;
    withdrawGrants(core, host.frameAddress(core.read(d + l.DOMAIN_GRANT_FRAME + 4 * i)));
  }
  return true;
}

function restoreVcpu(core: Core, slot: number, pcpu: number, image: DomainImage): void {
  const l = core.layout;
  const host = new HostView(core);
  const [d, v, p] = [host.domainAddress(slot), host.vcpuAddress(slot), host.pcpuAddress(pcpu)];
  const domain = host.domain(slot);
  /** Where a page of the image is now; 0: nowhere. */
  const locate = (place: number): number => {
    if ((place & GUEST_PHYSICAL) === 0) return place;
    const frame = domain.frame(place - GUEST_PHYSICAL);
    return frame < 0 ? 0 : host.frameAddress(frame);
  };
  core.u8.set(image.vcpu, v);
  const words = new Uint32Array(image.vcpu.buffer, image.vcpu.byteOffset, image.vcpu.byteLength / 4);
  for (const [field, value] of [
    [l.VCPU_INDEX, slot],
    [l.VCPU_DOMAIN, d],
    [l.VCPU_PCPU, p],
    [l.VCPU_EPTP, core.read(d + l.DOMAIN_EPTP)],
    [l.VCPU_DIRECT_BASE, core.read(d + l.DOMAIN_DIRECT_BASE)],
    [l.VCPU_SMM, 0],
  ] as const) {
    core.write(v + field, value);
  }
  const bank = words[l.VCPU_TLB_BANK >>> 2]!;
  core.write(v + l.VCPU_TLB_BANK, bank === l.SLOW_BANK ? bank : v + bank);
  core.write(v + l.VCPU_CODE_EPOCH, core.read(p + l.PCPU_CODE_EPOCH));
  const now = core.readU64(p + l.PCPU_TIME);
  for (const at of [v + l.VCPU_BLOCKED_AT, v + l.VCPU_WAKE]) {
    if (core.readF64(at) < NEVER) core.writeF64(at, core.readF64(at) + now);
  }
  beginAccount(core, d, v, p);
  core.call.tlbInit(v);
  if (image.stlb === undefined) core.write(v + l.VCPU_STLB, 0);
  else restoreSecondLevel(core, v, image.stlb, locate);
  // The log, the bits of large pages, the flag for global ones.
  core.u8.set(image.vcpu.subarray(l.VCPU_TLB_LOG_COUNT, l.VCPU_STLB), v + l.VCPU_TLB_LOG_COUNT);
  for (let entry = 0; entry < 2 * l.TLB_ENTRIES; entry++) {
    const held = words[(l.VCPU_TLB_HELD >>> 2) + entry]!;
    const fast = l.VCPU_TLB + entry * l.TLB_ENTRY_SIZE;
    const to = held === 0 ? 0 : locate(words[(fast + l.TLB_ADDEND) >>> 2]!);
    if (to !== 0) core.call.tlbHold(v, entry, held, to);
  }
  const fetch = locate(words[l.VCPU_FETCH_BASE >>> 2]!);
  core.write(v + l.VCPU_FETCH_BASE, fetch);
  core.write(v + l.VCPU_FETCH_PAGE, fetch === 0 ? 1 : words[l.VCPU_FETCH_PAGE >>> 2]!);
}

function restoreSecondLevel(core: Core, v: number, bytes: Uint8Array, locate: (place: number) => number): void {
  const l = core.layout;
  const block = core.read(v + l.VCPU_STLB);
  const words = new Uint32Array(bytes.slice().buffer);
  eachWay(core, words, (tag, held) => {
    const place = (words[held]! & ~ENTRY_BITS) >>> 0;
    const to = locate(words[held]! & ABSENT ? place : place + GUEST_PHYSICAL);
    if (to === 0) words[tag] = 0;
    else words[held] = (to | (words[held]! & ENTRY_BITS & ~ABSENT)) >>> 0;
  });
  const sets = core.read(block + l.STLB_SETS);
  core.u8.fill(0, sets, sets + core.read(block + l.STLB_CAPACITY) * l.STLB_ENTRY_SIZE);
  core.u32.set(words.subarray(0, 2), block >>> 2);
  core.u32.set(words.subarray(2), sets >>> 2);
}
