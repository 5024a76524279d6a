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
import { hasDisk } from './disk.js';
import { EPT_COW, EPT_LARGE, EPT_RWX, EPT_WRITE, EPTP_ACCESSED_DIRTY } from './ept.js';
import { frameType } from './frames.js';
import { grantAt } from './grant-table.js';
import { type Format, type Piece, SaveError, seal, unseal } from './sealed-file.js';
import { isSecure } from './smm.js';
import { NEVER } from './timers.js';
import type { DomainConfig } from './types.js';

const FORMAT: Format = { magic: 'RINGFDOM', version: 1, what: 'saved domain' };
const PAGE = 4096;
export const ENTRY_BITS = 0xfff;
/** Marks a guest-physical address where a host address stood: both are multiples of the page size. */
export const GUEST_PHYSICAL = 1;

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
export interface Shown {
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

/** The domain as it is between two instructions; it goes on. Throws SaveError if it is protected or privileged, or has a disk. */
export function captureDomain(core: Core, slot: number, about: DomainAbout): DomainImage {
  const l = core.layout;
  const host = new HostView(core);
  const [d, v] = [host.domainAddress(slot), host.vcpuAddress(slot)];
  const refuse = (why: string): never => {
    throw new SaveError('domain', `'${about.name}' cannot be saved: ${why}`);
  };
  if (isSecure(core, slot))
    refuse('it is protected, and its memory is worth nothing without a key that stays in this host');
  if (hasDisk(core, slot)) refuse('it has a disk, and its sectors are no part of it');
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
    slot,
    name: about.name,
    console: [...about.console],
    physmap,
    memory,
    vcpu,
    config: { ...config, memoryBytes: core.read(d + l.DOMAIN_MEMORY) },
    machine: machineOf(core),
    accessedDirty: (core.read(d + l.DOMAIN_EPTP) & EPTP_ACCESSED_DIRTY) !== 0,
    domain: core.u8.slice(d, d + l.DOMAIN_MAPTRACK),
    ...(stlb !== undefined && { stlb }),
    ...(shared !== 0 && { sharedInfo: shown(shared, 0) }),
    grantTable,
  };
}

export function machineOf(core: Core): DomainImage['machine'] {
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
    if ((entry & EPT_RWX) === 0) return undefined;
    shared ||= (entry & EPT_COW) !== 0;
    if (level === 1 || (level < 4 && (entry & EPT_LARGE) !== 0)) return { level, entry, shared };
    table = entry >>> 12;
  }
  return undefined;
}

export function pagesOf(level: number): number {
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
  const mayShare = core.read(domain.base + l.DOMAIN_PARENT) + core.read(domain.base + l.DOMAIN_MERGED) > 0;
  for (let gpa = 0; gpa < domain.memory; ) {
    const leaf = domain.eptp === 0 ? undefined : leafAt(core, domain.eptp, gpa);
    const size = leaf === undefined ? PAGE : PAGE * pagesOf(leaf.level);
    const frame = domain.frame(gpa);
    const seen = frame >= 0 && frame < host.frames && !grantAt(core, slot, gpa);
    if (seen) {
      for (let i = 0; i < size / PAGE; i++) places.set(frame + i, gpa + i * PAGE);
    }
    const type = seen ? frameType(core, frame) : l.FRAME_TYPE_FREE;
    const own = type === l.FRAME_TYPE_GUEST || type === l.FRAME_TYPE_COMMON;
    if (own) {
      let flags = leaf === undefined ? 0 : leaf.entry & ENTRY_BITS & ~EPT_COW;
      if (leaf?.shared && mayShare && (leaf.entry & (EPT_COW | EPT_WRITE)) !== 0) flags |= EPT_WRITE;
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
export const ABSENT = 1 << 11;

/** Indices of the tag and of the held word of every way that is in use. */
export function eachWay(core: Core, words: Uint32Array, visit: (tag: number, held: number) => void): void {
  const ways = core.layout.STLB_WAYS;
  for (let set = 2; set < words.length; set += 2 * ways) {
    for (let way = set; way < set + ways; way++) if (words[way] !== 0) visit(way, way + ways);
  }
}
