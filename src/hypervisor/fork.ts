/**
 * Forks: domains that begin as copies of a running one. Memory is shared until it is written (mmu/share.ts); everything else
 * is copied: registers, TLB, clocks, timers, devices, ports that lead to nobody else. The parent is paused as long as it has
 * forks, as with Xen's VM forking (xen/arch/x86/mm/mem_sharing.c). A fork that runs on does what its parent would have done.
 *
 *   parent ──fork──▶ paused ──last fork ended──▶ runs on
 *                      ├─▶ fork 1 ──reset──▶ as at the fork
 *                      └─▶ fork 2 …
 *
 * What belongs to two domains is not copied: interdomain channels are closed in the fork, grant mappings are gone, and nobody
 * has mapped its grants. Between quanta only.
 */
import type { Core } from '../machine/core.js';
import { HostView } from '../machine/views.js';
import { beginAccount } from './credit.js';
import { hasDisk } from './disk.js';
import { EPTP_ACCESSED_DIRTY } from './ept.js';
import { ENOMEM, EOPNOTSUPP, EPERM } from './errno.js';
import { CLOSED, closeAll, INTERDOMAIN, portAddress, portState, quiesce, setPort } from './event-channel.js';
import { isGuestFrame } from './frames.js';
import { releaseGrants } from './grant-table.js';
import { pauseDomain, unpauseDomain } from './pause.js';
import { park, unpark } from './run-queue.js';
import { admit, isSecure } from './smm.js';
import { NEVER } from './timers.js';

/** Frames that a fork begins with: the root of its EPT, shared_info, grant table. */
export const FORK_FRAMES = 4;
/** Pages that a pCPU can copy in a quantum without waiting for its end. */
const POOL_TARGET = 512;
/** Hypercalls wait for the quantum's end when the pool holds less: what one writes must not run dry half way. */
export const POOL_LOW = 128;
const GTF_READING_WRITING = 0x18;
const GRANT_ENTRY = 8;

// ── The pools ───────────────────────────────────────────────────────────────

/**
 * Makes sure that every pCPU can copy pages in the coming quantum, or gives the pools back when nothing is shared (`sharers`:
 * forks, pages of equal content). The free
 * memory is dealt out evenly: what a pCPU gets does not depend on who asks first.
 */
export function tendPools(core: Core, sharers: number): void {
  const l = core.layout;
  const host = new HostView(core);
  if (sharers === 0 && core.read(l.HOST_POOL_TARGET) === 0) return;
  const pcpus = Array.from({ length: host.pcpus }, (_, i) => host.pcpuAddress(i));
  if (sharers === 0) {
    core.write(l.HOST_POOL_TARGET, 0);
    for (const p of pcpus) core.call.poolDrain(p);
    return;
  }
  const held = pcpus.reduce((sum, p) => sum + core.read(p + l.PCPU_POOL_COUNT), 0);
  const target = Math.min(POOL_TARGET, Math.floor((host.freeFrames + held) / pcpus.length));
  core.write(l.HOST_POOL_TARGET, Math.max(1, target));
  for (const p of pcpus) core.call.poolFill(p, target);
}

/** Makes sure that the pool of one pCPU holds a few frames, at the cost of the others if the host has none left. */
export function fillPool(core: Core, p: number): void {
  const host = new HostView(core);
  if (core.call.poolFill(p, POOL_LOW) > 0) return;
  for (let i = 0; i < host.pcpus; i++) core.call.poolDrain(host.pcpuAddress(i));
  core.call.poolFill(p, POOL_LOW);
}

/** Whether a hypercall had better wait: see POOL_LOW. */
export function poolIsLow(core: Core, p: number): boolean {
  const l = core.layout;
  const target = core.read(l.HOST_POOL_TARGET);
  return target !== 0 && core.read(p + l.PCPU_POOL_COUNT) < Math.min(POOL_LOW, target);
}

// ── Fork, reset ─────────────────────────────────────────────────────────────

/**
 * Makes domain `child`, whose slot is empty, a fork of `parent` on pCPU `pcpu`. Its vCPU is queued. Returns 0; −EOPNOTSUPP if
 * the parent has no EPT, is protected or has a disk; −EPERM if it is privileged; −ENOMEM if the host has too little memory.
 */
export function forkDomain(core: Core, parent: number, child: number, pcpu: number, pauses = 0): number {
  const l = core.layout;
  const host = new HostView(core);
  const from = host.domainAddress(parent);
  if (core.read(from + l.DOMAIN_EPTP) === 0) return -EOPNOTSUPP;
  if (core.read(from + l.DOMAIN_PRIVILEGED) !== 0) return -EPERM; // it holds pages of others
  if (isSecure(core, parent)) return -EOPNOTSUPP; // its pages are under its own key
  if (hasDisk(core, parent)) return -EOPNOTSUPP; // its sectors are not shared
  freeze(core, parent);
  const d = host.domainAddress(child);
  core.write(d + l.DOMAIN_PCPU, pcpu);
  if (!copyState(core, parent, child)) {
    core.u8.fill(0, d, d + l.DOMAIN_SIZE);
    thaw(core, parent);
    return -ENOMEM;
  }
  letRun(core, child, pauses);
  return 0;
}

/** Lets a domain whose state was copied run, unless it is paused. */
export function letRun(core: Core, child: number, pauses: number): void {
  const l = core.layout;
  const host = new HostView(core);
  const d = host.domainAddress(child);
  core.write(d + l.DOMAIN_STATE, 1);
  core.write(d + l.DOMAIN_PAUSED, pauses);
  core.writeF64(d + l.DOMAIN_FROZEN_AT, core.readU64(host.pcpuAddress(core.read(d + l.DOMAIN_PCPU)) + l.PCPU_TIME));
  admit(core, child);
  if (pauses === 0) unpark(core, child);
}

/** Puts a fork back to what its parent is: drops its pages, its channels and its mappings. Returns 0 or −ENOMEM. */
export function resetFork(core: Core, child: number): number {
  const l = core.layout;
  const host = new HostView(core);
  const d = host.domainAddress(child);
  const parent = core.read(d + l.DOMAIN_PARENT) - 1;
  const pauses = core.read(d + l.DOMAIN_PAUSED);
  const blocks = core.read(d + l.DOMAIN_BLOCKS_INTERRUPTS);
  park(core, host, child);
  closeAll(core, child);
  releaseGrants(core, child);
  releaseMemory(core, child);
  // What it wrote to its console was read by others: that cannot be taken back.
  const console = core.u8.slice(d + l.DOMAIN_CONSOLE_HEAD, d + l.DOMAIN_CONSOLE_DROPPED + 8);
  if (!copyState(core, parent, child)) return -ENOMEM;
  core.u8.set(console.subarray(l.DOMAIN_CONSOLE_KEPT - l.DOMAIN_CONSOLE_HEAD), d + l.DOMAIN_CONSOLE_KEPT);
  core.write(d + l.DOMAIN_BLOCKS_INTERRUPTS, blocks);
  letRun(core, child, pauses);
  return 0;
}

/** To be called when fork `child` has ended and its memory is free. True: the parent had ended before, and can go now. */
export function leaveParent(core: Core, parent: number): boolean {
  return thaw(core, parent);
}

/** Frees the domain's frames: its own pages and tables, its shared_info and its grant table. */
export function releaseMemory(core: Core, index: number): void {
  const l = core.layout;
  const host = new HostView(core);
  const d = host.domainAddress(index);
  for (let i = core.read(d + l.DOMAIN_GRANT_FRAMES) - 1; i >= 0; i--) {
    core.call.frameFree(core.read(d + l.DOMAIN_GRANT_FRAME + 4 * i));
  }
  const shared = core.read(d + l.DOMAIN_SHARED_INFO);
  if (shared !== 0) core.call.frameFree((shared - host.dram) / l.PAGE_SIZE);
  if (core.read(d + l.DOMAIN_MERGED) > 0) core.call.mergeRelease(d);
  core.call.eptReclaim(core.read(d + l.DOMAIN_EPTP));
}

/** The first fork pauses its parent; from now on nothing that is shared changes. */
function freeze(core: Core, parent: number): void {
  const l = core.layout;
  const d = new HostView(core).domainAddress(parent);
  const forks = core.read(d + l.DOMAIN_FORKS);
  core.write(d + l.DOMAIN_FORKS, forks + 1);
  if (forks > 0) return;
  pauseDomain(core, parent);
  const eptp = core.read(d + l.DOMAIN_EPTP);
  const root = eptp - (eptp % l.PAGE_SIZE);
  if (eptp & EPTP_ACCESSED_DIRTY) core.call.eptAge(root, 4);
  core.call.shareHeld(core.read(d + l.DOMAIN_VCPU));
}

export const DOMAIN_DYING = 3;

/** One fork less. True: it was the last one, and the parent is to be destroyed. */
function thaw(core: Core, parent: number): boolean {
  const l = core.layout;
  const d = new HostView(core).domainAddress(parent);
  const forks = core.read(d + l.DOMAIN_FORKS) - 1;
  core.write(d + l.DOMAIN_FORKS, forks);
  if (forks > 0) return false;
  if (core.read(d + l.DOMAIN_STATE) === DOMAIN_DYING) return true;
  core.call.unshareHeld(core.read(d + l.DOMAIN_VCPU), parent);
  unpauseDomain(core, parent);
  return false;
}

/** Copies all but memory, and shares that. False: the host has too little memory; the child then owns nothing. */
function copyState(core: Core, parent: number, child: number): boolean {
  const l = core.layout;
  const host = new HostView(core);
  const [from, d] = [host.domainAddress(parent), host.domainAddress(child)];
  const pcpu = core.read(d + l.DOMAIN_PCPU);
  const frames: number[] = [];
  const take = (): number => {
    const frame = core.call.frameAllocate(child, l.FRAME_TYPE_SHARED) >>> 0;
    if (frame !== l.FRAME_NONE) frames.push(frame);
    return frame;
  };
  const eptp = core.call.eptFork(core.read(from + l.DOMAIN_EPTP), child) >>> 0;
  const shared = core.read(from + l.DOMAIN_SHARED_INFO) === 0 ? 0 : take();
  const grants = Array.from({ length: core.read(from + l.DOMAIN_GRANT_FRAMES) }, take);
  if (eptp === 0 || shared === l.FRAME_NONE || grants.includes(l.FRAME_NONE)) {
    for (const frame of frames) core.call.frameFree(frame);
    if (eptp !== 0) core.call.eptReclaim(eptp);
    return false;
  }
  copyVcpu(core, host, parent, child, pcpu, eptp);
  const v = host.vcpuAddress(child);
  const used = core.read(from + l.DOMAIN_GRANT_FRAMES) + core.read(from + l.DOMAIN_MAPPINGS) > 0;
  core.call.copyBytes(d, from, used ? l.DOMAIN_SIZE : l.DOMAIN_MAPTRACK);
  becomeOwn(core, child, eptp, pcpu);
  core.write(d + l.DOMAIN_PARENT, parent + 1);
  core.write(d + l.DOMAIN_MERGES, 0);
  core.write(d + l.DOMAIN_TABLE_PAGES, 1);
  core.write(d + l.DOMAIN_COPIED, 0);
  beginAccount(core, d, v, host.pcpuAddress(pcpu));
  if (used) core.u8.fill(0, d + l.DOMAIN_MAPTRACK, d + l.DOMAIN_SIZE);
  if (shared !== 0) {
    const at = host.frameAddress(shared);
    ownCopy(core, d, v, core.read(from + l.DOMAIN_SHARED_INFO), at, core.read(d + l.DOMAIN_SHARED_AT));
    core.write(d + l.DOMAIN_SHARED_INFO, at);
  }
  for (const [i, frame] of grants.entries()) {
    const at = host.frameAddress(frame);
    const old = host.frameAddress(core.read(from + l.DOMAIN_GRANT_FRAME + 4 * i));
    ownCopy(core, d, v, old, at, core.read(d + l.DOMAIN_SHARED_AT + 4 + 4 * i));
    withdrawGrants(core, at);
    core.write(d + l.DOMAIN_GRANT_FRAME + 4 * i, frame);
  }
  closeInterdomain(core, parent, child, d);
  dropMappings(core, from, d, v);
  copyPinned(core, host, parent, child);
  return true;
}

/** The state of another domain that was copied to slot `index` becomes that of this domain, which shares nothing with others. */
export function becomeOwn(core: Core, index: number, eptp: number, pcpu: number): void {
  const l = core.layout;
  const host = new HostView(core);
  const d = host.domainAddress(index);
  for (const [field, value] of [
    [l.DOMAIN_ID, index],
    [l.DOMAIN_EPTP, eptp],
    [l.DOMAIN_VCPU, host.vcpuAddress(index)],
    [l.DOMAIN_PCPU, pcpu],
    [l.DOMAIN_GANG, index],
    [l.DOMAIN_MAPPINGS, 0],
    [l.DOMAIN_PINS, 0],
    [l.DOMAIN_FOREIGN, 0],
    [l.DOMAIN_FOREIGN_OF, 0],
    [l.DOMAIN_PRIVILEGED, 0],
    [l.DOMAIN_PAUSED, 0],
    [l.DOMAIN_PARENT, 0],
    [l.DOMAIN_FORKS, 0],
    [l.DOMAIN_AWAITED, 0],
    [l.DOMAIN_BLOCKS_INTERRUPTS, 0],
    [l.DOMAIN_MERGED, 0],
  ] as const) {
    core.write(d + field, value);
  }
}

/** In the copy of a grant table whose frame is at `at` nobody has mapped anything. */
export function withdrawGrants(core: Core, at: number): void {
  const end = at + core.layout.PAGE_SIZE;
  for (let entry = at; entry < end; entry += GRANT_ENTRY) core.u16[entry >>> 1]! &= ~GTF_READING_WRITING;
}

/** Gives the fork its own copy of a frame of the hypervisor, where the guest has mapped it (`mapped`: address | 1, or 0). */
function ownCopy(core: Core, d: number, v: number, old: number, at: number, mapped: number): void {
  const l = core.layout;
  core.call.copyBytes(at, old, l.PAGE_SIZE);
  if (mapped === 0) return;
  const frame = (at - core.read(l.HOST_DRAM)) / l.PAGE_SIZE;
  const made = core.call.eptMap(core.read(d + l.DOMAIN_EPTP), mapped - 1, frame, 1, 3);
  core.write(d + l.DOMAIN_TABLE_PAGES, core.read(d + l.DOMAIN_TABLE_PAGES) + Math.max(0, made));
  core.call.moveFrame(v, old, at);
}

function copyVcpu(core: Core, host: HostView, parent: number, child: number, pcpu: number, eptp: number): void {
  const l = core.layout;
  const [from, v, p] = [host.vcpuAddress(parent), host.vcpuAddress(child), host.pcpuAddress(pcpu)];
  const frozenAt = core.readF64(host.domainAddress(parent) + l.DOMAIN_FROZEN_AT);
  core.call.copyBytes(v, from, l.VCPU_SIZE);
  core.call.stlbCopy(v, from);
  core.write(v + l.VCPU_INDEX, child);
  core.write(v + l.VCPU_DOMAIN, host.domainAddress(child));
  core.write(v + l.VCPU_PCPU, p);
  core.write(v + l.VCPU_EPTP, eptp);
  const bank = core.read(v + l.VCPU_TLB_BANK);
  if (bank >= from && bank < from + l.VCPU_SIZE) core.write(v + l.VCPU_TLB_BANK, bank - from + v);
  // No write tag is armed, so there is nothing that another epoch would have to disarm.
  core.write(v + l.VCPU_CODE_EPOCH, core.read(p + l.PCPU_CODE_EPOCH));
  // It waits as long as its parent would have.
  const later = core.readU64(p + l.PCPU_TIME) - frozenAt;
  for (const at of [v + l.VCPU_BLOCKED_AT, v + l.VCPU_WAKE]) {
    if (core.readF64(at) < NEVER) core.writeF64(at, core.readF64(at) + later);
  }
}

/** Closes what leads from domain `d`, a copy of `parent`, to others; what led to `parent` itself leads to `child`. */
export function closeInterdomain(core: Core, parent: number, child: number, d: number): void {
  const l = core.layout;
  for (let port = core.read(d + l.DOMAIN_EVTCHN_PORTS) - 1; port > 0; port--) {
    const p = portAddress(core, d, port);
    const state = portState(core, p);
    if (state === INTERDOMAIN) {
      setPort(core, p, CLOSED, 0, 0);
      quiesce(core, d, port);
    } else if (state !== CLOSED && core.read(p + l.EVTCHN_REMOTE_DOMAIN) === parent) {
      core.write(p + l.EVTCHN_REMOTE_DOMAIN, child);
    }
  }
}

/** What the parent has mapped of others is not there in the fork. */
function dropMappings(core: Core, from: number, d: number, v: number): void {
  const l = core.layout;
  let left = core.read(from + l.DOMAIN_MAPPINGS);
  if (left === 0) return;
  for (let handle = 0; left > 0; handle++) {
    const track = from + l.DOMAIN_MAPTRACK + handle * l.MAPTRACK_SIZE;
    if (core.read(track + l.MAPTRACK_FLAGS) === 0) continue;
    left--;
    const made = core.call.eptUnmap(core.read(d + l.DOMAIN_EPTP), core.read(track + l.MAPTRACK_GPA), 1);
    core.write(d + l.DOMAIN_TABLE_PAGES, core.read(d + l.DOMAIN_TABLE_PAGES) + Math.max(0, made));
  }
  core.call.flushAll(v);
}

/** Pages of the parent that others have mapped may change while it is paused: the fork gets copies at once. */
function copyPinned(core: Core, host: HostView, parent: number, child: number): void {
  const l = core.layout;
  const from = host.domainAddress(parent);
  const d = host.domainAddress(child);
  if (core.read(from + l.DOMAIN_PINS) + core.read(from + l.DOMAIN_FOREIGN_OF) === 0) return;
  const p = host.pcpuAddress(core.read(d + l.DOMAIN_PCPU));
  for (let gpa = 0; gpa < core.read(d + l.DOMAIN_MEMORY); gpa += l.PAGE_SIZE) {
    const frame = core.call.eptFrame(core.read(from + l.DOMAIN_EPTP), gpa) >>> 0;
    if (!isGuestFrame(core, frame, parent)) continue;
    const entry = core.read(l.HOST_FRAME_TABLE) + frame * l.FRAME_ENTRY_SIZE;
    if (core.read(entry + l.FRAME_LINK) < 2) continue;
    fillPool(core, p);
    core.call.unsharePage(d, gpa, p);
  }
}
