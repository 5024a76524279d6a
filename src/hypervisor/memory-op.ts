/**
 * memory_op(command, argument): xen/include/public/memory.h, 32-bit structures. What allocates or frees frames, or touches
 * another domain, waits for the quantum's end. Only a privileged domain may name others than itself.
 */
import { EFAULT, EILSEQ, EINVAL, ENOSYS, EOPNOTSUPP, EPERM, ESRCH } from './errno.js';
import { DEFER, type Guest, RESUME, type Verdict } from './guest.js';
import { domainOf, populatePage, releasePage } from './physmap.js';
import { addToPhysmap, removeFromPhysmap, SPACE_FOREIGN } from './physmap-op.js';
import { sharingOp } from './sharing-op.js';

// XENMEM_*
const DECREASE_RESERVATION = 1;
const MAXIMUM_RAM_PAGE = 2;
const CURRENT_RESERVATION = 3;
const MAXIMUM_RESERVATION = 4;
const POPULATE_PHYSMAP = 6;
const ADD_TO_PHYSMAP = 7;
const MEMORY_MAP = 9;
const MACHINE_MEMORY_MAP = 10;
const MAXIMUM_GPFN = 14;
const REMOVE_FROM_PHYSMAP = 15;
const SHARING_OP = 22;
const ADD_TO_PHYSMAP_BATCH = 23;
/** How far a long command has come is kept in the command, as in Xen. */
const EXTENT_SHIFT = 6;
const COMMAND_MASK = (1 << EXTENT_SHIFT) - 1;

const PAGE = 4096;
/** Pages per turn. */
const TURN = 512;
const MAX_ORDER = 9; // 2 MiB

type Command = (guest: Guest) => Verdict;

const COMMANDS: ReadonlyMap<number, Command> = new Map<number, Command>([
  [DECREASE_RESERVATION, (guest) => reservation(guest, 'unmap', releasePage)],
  [POPULATE_PHYSMAP, (guest) => reservation(guest, 'map', populatePage)],
  [MAXIMUM_RAM_PAGE, (guest) => guest.finish(guest.host.frames - 1)],
  [CURRENT_RESERVATION, (guest) => pages(guest, (index) => domainOf(guest.core, index).pages)],
  [MAXIMUM_RESERVATION, (guest) => pages(guest, (index) => domainOf(guest.core, index).memory / PAGE)],
  [MAXIMUM_GPFN, (guest) => pages(guest, (index) => domainOf(guest.core, index).memory / PAGE - 1)],
  [ADD_TO_PHYSMAP, addOne],
  [ADD_TO_PHYSMAP_BATCH, addBatch],
  [REMOVE_FROM_PHYSMAP, removeOne],
  [MEMORY_MAP, (guest) => guest.finish(memoryMap(guest, guestMap(guest)))],
  [MACHINE_MEMORY_MAP, machineMap],
  [SHARING_OP, sharingOp],
]);

export function memoryOp(guest: Guest): Verdict {
  const command = COMMANDS.get(guest.vcpu.ebx & COMMAND_MASK);
  return command === undefined ? guest.finish(-ENOSYS) : command(guest);
}

/** The index of the domain that `domid` names if the guest may change its memory; else a negative error. */
function target(guest: Guest, domid: number): number {
  const index = guest.named(domid);
  if (index < 0) return -ESRCH;
  if (index === guest.index) return index;
  if (!guest.privileged) return -EPERM;
  // Whether another domain is there is known only between quanta, and until then nothing is done to it.
  return !guest.serial || guest.alive(index) ? index : -ESRCH;
}

/** {u16 domid}: a number of pages. */
function pages(guest: Guest, of: (index: number) => number): Verdict {
  if (!guest.fetch(guest.vcpu.ecx, 2)) return guest.finish(-EFAULT);
  const index = target(guest, guest.scratch.getUint16(0, true));
  if (index < 0) return guest.finish(index);
  if (index !== guest.index && !guest.serial) return DEFER;
  return guest.finish(of(index));
}

/**
 * {extent_start; nr_extents; extent_order; mem_flags; u16 domid}: does one page after the other until one cannot be done.
 * Returns how many extents are complete, as Xen does.
 */
function reservation(
  guest: Guest,
  operation: 'map' | 'unmap',
  page: (core: Guest['core'], index: number, gfn: number) => boolean,
): Verdict {
  if (!guest.serial) return DEFER;
  const { vcpu, scratch, core } = guest;
  if (!guest.fetch(vcpu.ecx, 20)) return guest.finish(-EFAULT);
  const list = scratch.getUint32(0, true);
  const extents = scratch.getUint32(4, true);
  const order = scratch.getUint32(8, true);
  const index = target(guest, scratch.getUint16(16, true));
  if (index < 0) return guest.finish(index);
  const domain = domainOf(core, index);
  if (domain.eptp === 0) return guest.finish(-EOPNOTSUPP);
  if (order > MAX_ORDER) return guest.finish(-EPERM);
  if (extents >= 2 ** 25) return guest.finish(-EINVAL);
  let done = vcpu.ebx >>> EXTENT_SHIFT;
  if (done === 0 && !guest.hooks.check(operation, guest.index, index)) return guest.finish(-EPERM);
  let left = TURN;
  let complete = true;
  while (complete && done < extents && left > 0) {
    if (!guest.fetch((list + 4 * done) >>> 0, 4, 64)) break;
    const gfn = scratch.getUint32(64, true);
    if (gfn % 2 ** order !== 0) break;
    for (let i = 0; complete && i < 2 ** order; i++) complete = page(core, index, gfn + i);
    if (complete) done++;
    left -= 2 ** order;
  }
  if (domain.vcpu !== 0) core.call.flushAll(domain.vcpu);
  return done >= extents || left > 0 ? guest.finish(done) : goOn(guest, done);
}

/** Ends a turn after `done` parts: the hypercall is executed again. */
function goOn({ vcpu }: Guest, done: number): Verdict {
  vcpu.ebx = (vcpu.ebx & COMMAND_MASK) | (done << EXTENT_SHIFT);
  return RESUME;
}

/** {u16 domid; u16 size; u32 space; u32 idx; u32 gpfn}. */
function addOne(guest: Guest): Verdict {
  if (!guest.serial) return DEFER;
  const { scratch } = guest;
  if (!guest.fetch(guest.vcpu.ecx, 16)) return guest.finish(-EFAULT);
  const index = target(guest, scratch.getUint16(0, true));
  if (index < 0) return guest.finish(index);
  const space = scratch.getUint32(4, true);
  // Pages of others come in batches only: this structure has no room for whose they are.
  if (space === SPACE_FOREIGN) return guest.finish(-ENOSYS);
  return guest.finish(addToPhysmap(guest, index, space, 0, scratch.getUint32(8, true), scratch.getUint32(12, true)));
}

/** {u16 domid; u16 space; u16 size; u16 foreign_domid; u32 idxs; u32 gpfns; u32 errs}: every page has a result of its own. */
function addBatch(guest: Guest): Verdict {
  if (!guest.serial) return DEFER;
  const { scratch, vcpu } = guest;
  if (!guest.fetch(vcpu.ecx, 20)) return guest.finish(-EFAULT);
  const index = target(guest, scratch.getUint16(0, true));
  if (index < 0) return guest.finish(index);
  const space = scratch.getUint16(2, true);
  const size = scratch.getUint16(4, true);
  const foreign = scratch.getUint16(6, true);
  const [indices, frames, errors] = [8, 12, 16].map((at) => scratch.getUint32(at, true)) as [number, number, number];
  let done = vcpu.ebx >>> EXTENT_SHIFT;
  if (done > 0 && done >= size) return guest.finish(-EILSEQ); // nobody stopped there
  for (let left = TURN; done < size; done++, left--) {
    if (left === 0) return goOn(guest, done);
    const at = 4 * done;
    if (!guest.fetch((indices + at) >>> 0, 4, 64) || !guest.fetch((frames + at) >>> 0, 4, 68)) {
      return guest.finish(-EFAULT);
    }
    const result = addToPhysmap(guest, index, space, foreign, scratch.getUint32(64, true), scratch.getUint32(68, true));
    scratch.setInt32(64, result, true);
    if (!guest.put(errors + at, 4, 64)) return guest.finish(-EFAULT);
  }
  return guest.finish(0);
}

/** {u16 domid; u32 gpfn}. */
function removeOne(guest: Guest): Verdict {
  if (!guest.fetch(guest.vcpu.ecx, 8)) return guest.finish(-EFAULT);
  const index = target(guest, guest.scratch.getUint16(0, true));
  if (index < 0) return guest.finish(index);
  if (!guest.serial) return DEFER;
  return guest.finish(removeFromPhysmap(guest, index, guest.scratch.getUint32(4, true)));
}

const E820_RAM = 1;
const E820_RESERVED = 2;
type Region = readonly [address: number, size: number, type: number];

function guestMap({ domain }: Guest): readonly Region[] {
  return [
    [0, 0xa0000, E820_RAM],
    [0xa0000, 0x60000, E820_RESERVED],
    [0x100000, domain.memory - 0x100000, E820_RAM],
  ];
}

/** The machine's DRAM, by machine address. */
function machineMap(guest: Guest): Verdict {
  if (!guest.privileged) return guest.finish(-EPERM);
  return guest.finish(memoryMap(guest, [[0, guest.host.frames * PAGE, E820_RAM]]));
}

/** {IN/OUT u32 nr_entries; buffer}: e820 entries {u64 addr; u64 size; u32 type} of 20 bytes. */
function memoryMap(guest: Guest, regions: readonly Region[]): number {
  const { vcpu, scratch } = guest;
  if (!guest.fetch(vcpu.ecx, 8)) return -EFAULT;
  const room = scratch.getUint32(0, true);
  const buffer = scratch.getUint32(4, true);
  const n = Math.min(room, regions.length);
  for (let i = 0; i < n; i++) {
    const [address, size, type] = regions[i]!;
    for (const [at, value] of [address, 0, size, 0, type].entries()) scratch.setUint32(64 + 4 * at, value, true);
    if (!guest.put(buffer + 20 * i, 20, 64)) return -EFAULT;
  }
  scratch.setUint32(0, n, true);
  return guest.put(vcpu.ecx, 4) ? 0 : -EFAULT;
}
