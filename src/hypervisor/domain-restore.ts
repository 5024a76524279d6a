/** A domain that goes on from an image (domain-image.ts): what named guest-physical pages is bound to frames of this host. */
import type { Core } from '../machine/core.js';
import { HostView } from '../machine/views.js';
import { beginAccount } from './credit.js';
import {
  ABSENT,
  type DomainImage,
  ENTRY_BITS,
  eachWay,
  GUEST_PHYSICAL,
  machineOf,
  pagesOf,
  type Shown,
} from './domain-image.js';
import { EPT_RW, EPT_RWX } from './ept.js';
import { ENOMEM } from './errno.js';
import { becomeOwn, closeInterdomain, letRun, releaseMemory, withdrawGrants } from './fork.js';
import { SaveError } from './sealed-file.js';
import { NEVER } from './timers.js';

const PAGE = 4096;

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
      const made = core.call.eptMap(eptp, gpa, frame, level, EPT_RWX);
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
    const made = core.call.eptMap(core.read(d + l.DOMAIN_EPTP), at - 1, frame, 1, EPT_RW);
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
