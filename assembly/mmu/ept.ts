/**
 * Extended page tables: guest-physical → machine, four levels of 512 eight-byte entries.
 *
 *   guest-physical   47     39 38      30 29      21 20      12 11       0
 *                   ┌─────────┬──────────┬──────────┬──────────┬──────────┐
 *                   │  PML4   │   PDPT   │    PD    │    PT    │  offset  │
 *                   └─────────┴──────────┴──────────┴──────────┴──────────┘
 *   level                4         3          2          1
 *   leaf                 –        1 GiB      2 MiB      4 KiB
 *
 *   entry   63    52 51    32 31        12 11 10  9   8   7    6    5   3   2   1   0
 *          ┌────────┬────────┬────────────┬─────┬───┬───┬───┬─────┬───────┬───┬───┬───┐
 *          │ignored │reserved│  address   │ ign │ D │ A │PS │IPAT │  type │ X │ W │ R │
 *          └────────┴────────┴────────────┴─────┴───┴───┴───┴─────┴───────┴───┴───┴───┘
 *                                                leaf        leaf   leaf
 *
 * The machine has 32-bit physical addresses (MAXPHYADDR = 32), so bits 51:32 of every entry are reserved. A 32-bit guest
 * has guest-physical addresses below 4 GiB, but every walk reads the PML4 entry all the same.
 *
 * Order of events: Intel SDM Vol. 3C, 28.3.3.4, "Prioritization of EPT Misconfigurations and EPT Violations": each entry
 * is judged where it is met, rights are judged at the end. Accessed flags of table entries are set on the way down, the
 * leaf's flags only when the access is allowed.
 */
import {
  APIC_PAGE,
  COUNTER_WALK_EPT,
  DEVICE_SOURCE,
  DOMAIN_DEVICE,
  DOMAIN_PARENT,
  HOST_DRAM,
  HOST_FRAMES,
  LAPIC_ADDRESS,
  LAPIC_BASE_ENABLE,
  PAGE_MASK,
  PAGE_SHIFT,
  VCPU_COUNTERS,
  VCPU_DIRECT_BASE,
  VCPU_DIRECT_LIMIT,
  VCPU_DOMAIN,
  VCPU_EPTP,
  VCPU_LAPIC_BASE,
  VCPU_SHARED_WRITE,
  VCPU_SMM,
  VIRTIO_ADDRESS,
  VIRTIO_PAGE,
  VOID_PAGE,
} from '../layout';
import { EXIT_EPT_MISCONFIGURATION, EXIT_EPT_VIOLATION, exitPhysical } from '../record';
import { resolve } from '../smm/buffer';
import { machineToHost } from './frame';
import { mergedAt } from './merge-table';
import { storeFlags64 } from './store';

// Intel SDM Vol. 3C, Table 25-9, "Format of Extended-Page-Table Pointer"
export const EPTP_WRITE_BACK: u32 = 6; //         bits 2:0: memory type of the tables
export const EPTP_WALK_LENGTH_4: u32 = 3 << 3; // bits 5:3: walk length − 1
export const EPTP_ACCESSED_DIRTY: u32 = 1 << 6; // accessed and dirty flags enabled

// Intel SDM Vol. 3C, 28.3.2, "EPT Translation Mechanism", Tables 28-1 to 28-6
export const EPT_READ: u64 = 1 << 0;
export const EPT_WRITE: u64 = 1 << 1;
export const EPT_EXECUTE: u64 = 1 << 2;
export const EPT_RIGHTS: u64 = 7;
export const EPT_TYPE_SHIFT: u64 = 3; //     leaf: memory type in bits 5:3
export const EPT_LARGE: u64 = 1 << 7; //     level 3 and 2: the entry maps a page
export const EPT_ACCESSED: u64 = 1 << 8;
export const EPT_DIRTY: u64 = 1 << 9; //     leaf
export const EPT_RESERVED_HIGH: u64 = 0x000fffff00000000; //  bits 51:MAXPHYADDR
export const EPT_RESERVED_PML4E: u64 = 0xf8; //               bits 7:3
export const EPT_RESERVED_TABLE: u64 = 0x78; //               bits 6:3 of an entry that references a table
export const EPT_RESERVED_1G: u64 = 0x3ffff000; //            bits 29:12
export const EPT_RESERVED_2M: u64 = 0x001ff000; //            bits 20:12
/** Bit n is set if memory type n is reserved: 2, 3 and 7. */
export const EPT_RESERVED_TYPES: u32 = 0b10001100;
export const MEMORY_WRITE_BACK: u64 = 6;
/** Ignored by the hardware: write permission was taken away because the page, or what is below, is shared (share.ts). */
export const EPT_COW: u64 = 1 << 11;

// Intel SDM Vol. 3C, Table 28-7, "Exit Qualification for EPT Violations"; bits 2:0 also name the kind of an access.
export const READ: u32 = 1 << 0;
export const WRITE: u32 = 1 << 1;
export const FETCH: u32 = 1 << 2;
export const QUALIFICATION_RIGHTS_SHIFT: u32 = 3; // bits 5:3: rights of the guest-physical address
export const QUALIFICATION_LINEAR: u32 = 1 << 7; //  the guest-linear address is valid
export const QUALIFICATION_FINAL: u32 = 1 << 8; //   the access is to the translation of the linear address
/** Causes of a guest-physical access. */
export const OF_STRUCTURE: u32 = QUALIFICATION_LINEAR;
export const OF_TRANSLATION: u32 = QUALIFICATION_LINEAR | QUALIFICATION_FINAL;

// What a guest-physical translation yields: host address of the 4 KiB page | FOUND_*; 0 means that an exit is recorded.
export const FOUND_RIGHTS: u32 = 7; //     READ, WRITE, FETCH
export const FOUND_DIRTY: u32 = 1 << 9; // like EPT_DIRTY: no dirty flag remains to be set for a write
export const FOUND_COW: u32 = 1 << 10; //  only because it is shared it cannot be written
export const FOUND_REFERENCES_SHIFT: u32 = 4; // bits 6:4: number of EPT entries read, which the caller counts

const TYPE_MASK: u64 = 7 << 3;
const WRITE_OF_COW: u64 = 10; // EPT_COW → EPT_WRITE

// The common leaf: write-back and readable; VARIABLE bits may be anything as long as they suffice for the access.
export const EPT_COMMON_LEAF: u64 = (MEMORY_WRITE_BACK << EPT_TYPE_SHIFT) | EPT_READ;
export const EPT_VARIABLE: u64 = EPT_WRITE | EPT_EXECUTE | EPT_DIRTY;
/** The frame that an entry names: what lies beyond 4 GiB is no memory. */
export const EPT_ADDRESS: u64 = 0xfffff000;
export const EPT_FRAME_2M: u32 = 0x001ff000; // frame within a 2 MiB page
// Distances between equal meanings.
export const ACCESSED_OF_EPTP: u32 = 2; // EPTP_ACCESSED_DIRTY → EPT_ACCESSED
export const DIRTY_OF_EPTP: u32 = 3; //    EPTP_ACCESSED_DIRTY → EPT_DIRTY
export const WRITE_OF_EPTP: u32 = 5; //    EPTP_ACCESSED_DIRTY → WRITE
export const DIRTY_OF_WRITE: u32 = 8; //   WRITE → EPT_DIRTY
export const HELD_OF_READ: u32 = 4; //     READ → TLB_HELD_READ; WRITE is TLB_HELD_WRITE, FETCH is TLB_HELD_EXECUTE

export function eptPresent(entry: u64): bool {
  return (entry & EPT_RIGHTS) != 0;
}

export function eptLeaf(entry: u64, level: u32): bool {
  return level == 1 || (level < 4 && (entry & EPT_LARGE) != 0);
}

/** Intel SDM Vol. 3C, 28.3.3.1, "EPT Misconfigurations"; `entry` is present. Execute-only pages are supported. */
export function eptMisconfigured(entry: u64, level: u32): bool {
  if ((entry & (EPT_READ | EPT_WRITE)) == EPT_WRITE || (entry & EPT_RESERVED_HIGH) != 0) return true;
  if (level == 4) return (entry & EPT_RESERVED_PML4E) != 0;
  if (!eptLeaf(entry, level)) return (entry & EPT_RESERVED_TABLE) != 0;
  if (((EPT_RESERVED_TYPES >>> (((entry & TYPE_MASK) >> EPT_TYPE_SHIFT) as u32)) & 1) != 0) return true;
  if (level == 3) return (entry & EPT_RESERVED_1G) != 0;
  return level == 2 && (entry & EPT_RESERVED_2M) != 0;
}

/** Bits of a guest-physical address that a leaf of `level` does not translate. */
export function eptOffsetMask(level: u32): u32 {
  return (1 << (3 + 9 * level)) - 1;
}

/** Byte offset in its table of the entry for a guest-physical address. */
export function eptIndex(gpa: u32, level: u32): usize {
  return ((((gpa as u64) >> ((3 + 9 * level) as u64)) & 511) << 3) as usize;
}

/**
 * Translates a guest-physical address for an access of kind `access` (READ | WRITE | FETCH) and cause OF_*.
 * Returns host page | FOUND_*, or 0 if an EPT violation or misconfiguration was recorded. References of a walk that
 * ends so are counted here, others are left to the caller, who adds up those of several walks.
 */
export function physical(s: usize, gpa: u32, linear: u32, access: u32, cause: u32): u32 {
  const eptp = load<u32>(s + VCPU_EPTP);
  let found = eptp == 0 ? direct(s, gpa) : commonPhysical(eptp, gpa, access);
  if (found == 0) found = eptWalk(s, eptp, gpa, linear, access | cause);
  // What the walk itself reads is read as plaintext; for the page it leads to, that is the affair of who fills the TLB.
  return cause == OF_STRUCTURE && found != 0 && load<usize>(s + VCPU_SMM) != 0
    ? structureThroughSmm(s, found, linear, gpa)
    : found;
}

/** A guest's paging structure as the secure-memory unit shows it, or 0 with an exit recorded. */
function structureThroughSmm(s: usize, found: u32, linear: u32, gpa: u32): u32 {
  const page = resolve(s, found & PAGE_MASK, READ, linear, gpa) as u32;
  if (page != 0) return (page & PAGE_MASK) | (found & ~PAGE_MASK & (page | ~FOUND_RIGHTS));
  countEpt(s, (found >>> FOUND_REFERENCES_SHIFT) & 7);
  return 0;
}

/**
 * The common translation, without a call or a side effect: host page | FOUND_*, or 0 if `eptWalk` is to do it, clause by
 * clause. Common are tables in DRAM whose entries permit everything, have their accessed flags and nothing in their
 * ignored bits, a 4 KiB or 2 MiB write-back leaf, and an access that it allows and that sets no flag.
 *
 * A common entry is the address of a frame plus a constant. So one subtraction, one rotation and one comparison judge all
 * of it: what is left must be a multiple of 4096 (its low bits, rotated to the top, are 0) below the end of DRAM.
 */
function commonPhysical(eptp: u32, gpa: u32, access: u32): u32 {
  const dram = load<u32>(HOST_DRAM);
  const frames = load<u32>(HOST_FRAMES) as u64;
  const flags = eptp & EPTP_ACCESSED_DIRTY;
  const accessed = (flags << ACCESSED_OF_EPTP) as u64;
  const pointer = EPT_RIGHTS + accessed;
  const base = dram - (pointer as u32);
  const root = eptp & PAGE_MASK;
  if (((root >>> PAGE_SHIFT) as u64) >= frames) return 0;
  const pml4e = load<u64>((dram + root) as usize);
  if (rotr<u64>(pml4e - pointer, 12) >= frames) return 0;
  const pdpte = load<u64>(((pml4e as u32) + (base + ((gpa >>> 27) & 0x18))) as usize);
  if (rotr<u64>(pdpte - pointer, 12) >= frames) return 0;
  let leaf = load<u64>(((pdpte as u32) + (base + ((gpa >>> 18) & 0xff8))) as usize);
  let page: u64 = 0;
  let references: u32 = 4;
  if (rotr<u64>(leaf - pointer, 12) < frames) {
    leaf = load<u64>(((leaf as u32) + (base + ((gpa >>> 9) & 0xff8))) as usize);
    page = (leaf & ~EPT_VARIABLE) - (EPT_COMMON_LEAF + accessed);
  } else {
    if (((leaf as u32) & EPT_FRAME_2M) != 0) return 0;
    page = (leaf & ~EPT_VARIABLE) - (EPT_COMMON_LEAF + EPT_LARGE + accessed) + ((gpa & EPT_FRAME_2M) as u64);
    references = 3;
  }
  const needed = access | ((flags << DIRTY_OF_EPTP) & ((access & WRITE) << DIRTY_OF_WRITE));
  if (rotr<u64>(page, 12) >= frames || (needed & ~(leaf as u32)) != 0) return 0;
  const clean = (leaf as u32) | ((flags ^ EPTP_ACCESSED_DIRTY) << DIRTY_OF_EPTP);
  const found = ((leaf as u32) & FOUND_RIGHTS) | (clean & FOUND_DIRTY);
  return (dram + (page as u32)) | found | (references << FOUND_REFERENCES_SHIFT);
}

/** Without EPT the guest's memory is one piece of machine memory; nothing answers beyond it. */
export function direct(s: usize, gpa: u32): u32 {
  const base = load<u32>(s + VCPU_DIRECT_BASE);
  const inside = gpa < load<u32>(s + VCPU_DIRECT_LIMIT) && base + gpa >= base;
  const registers = inside ? 0 : registersAt(s, gpa);
  if (registers != 0) return registers | READ | WRITE | FOUND_DIRTY;
  return (((inside ? machineToHost(base + gpa) : VOID_PAGE) as u32) & PAGE_MASK) | FOUND_RIGHTS | FOUND_DIRTY;
}

/** The page that stands for the device registers at `gpa`, which answer where the EPT maps nothing; 0: there are none. */
function registersAt(s: usize, gpa: u32): u32 {
  const page = gpa & PAGE_MASK;
  if (page == LAPIC_ADDRESS && (load<u32>(s + VCPU_LAPIC_BASE) & LAPIC_BASE_ENABLE) != 0) return APIC_PAGE as u32;
  const device = load<usize>(s + VCPU_DOMAIN) + DOMAIN_DEVICE;
  return page == VIRTIO_ADDRESS && load<u32>(device, DEVICE_SOURCE) != 0 ? (VIRTIO_PAGE as u32) : 0;
}

/** The walk, driven by the format above. `why` is the qualification of a possible violation: access kind | cause. */
function eptWalk(s: usize, eptp: u32, gpa: u32, linear: u32, why: u32): u32 {
  const flag: u64 = (eptp & EPTP_ACCESSED_DIRTY) != 0 ? EPT_ACCESSED : 0;
  let rights: u64 = EPT_RIGHTS;
  let owned: u64 = EPT_WRITE; // the right to write, if nothing were shared
  let table = eptp & PAGE_MASK;
  let level: u32 = 4;
  let p: usize = 0;
  let entry: u64 = 0;
  for (;;) {
    p = machineToHost(table) + eptIndex(gpa, level);
    entry = load<u64>(p);
    rights &= entry;
    owned &= entry | (entry >> WRITE_OF_COW);
    if (!eptPresent(entry)) break;
    if (eptMisconfigured(entry, level)) {
      countEpt(s, 5 - level);
      return eptMisconfiguration(s, gpa, linear);
    }
    if (eptLeaf(entry, level)) break;
    if ((flag & ~entry) != 0) storeFlags64(s, p, flag);
    table = (entry as u32) & PAGE_MASK;
    level--;
  }
  const rights32 = (rights & EPT_RIGHTS) as u32; // 0 after an entry that is not present
  const cow = (owned & ~rights) != 0 && shares(s, gpa);
  if ((why & FOUND_RIGHTS & ~rights32) != 0) {
    const registers = rights32 == 0 && (why & FETCH) == 0 ? registersAt(s, gpa) : 0;
    if (registers != 0) return registers | READ | WRITE | FOUND_DIRTY | ((5 - level) << FOUND_REFERENCES_SHIFT);
    if (cow && (why & FOUND_RIGHTS & ~(rights32 | WRITE)) == 0) store<u32>(s + VCPU_SHARED_WRITE, 1);
    countEpt(s, 5 - level);
    return eptViolation(s, gpa, linear, why, rights32);
  }
  const flags = flag | ((why & WRITE) != 0 ? flag << 1 : 0);
  if ((flags & ~entry) != 0) storeFlags64(s, p, flags);
  const offset = eptOffsetMask(level);
  const machine = ((entry as u32) & PAGE_MASK & ~offset) | (gpa & offset);
  const dirty = flag == 0 || ((entry | flags) & EPT_DIRTY) != 0 ? FOUND_DIRTY : 0;
  const found = rights32 | dirty | (cow ? FOUND_COW : 0);
  return ((machineToHost(machine) as u32) & PAGE_MASK) | found | ((5 - level) << FOUND_REFERENCES_SHIFT);
}

/** Forks share pages, and so do domains whose pages are common: to others EPT_COW is one of the bits that are ignored. */
function shares(s: usize, gpa: u32): bool {
  const d = load<usize>(s + VCPU_DOMAIN);
  return load<u32>(d + DOMAIN_PARENT) != 0 || mergedAt(d, gpa) != 0;
}

/** Counts `n` references to EPT entries. */
export function countEpt(s: usize, n: u32): void {
  const p = s + VCPU_COUNTERS + ((COUNTER_WALK_EPT as usize) << 3);
  store<u64>(p, load<u64>(p) + (n as u64));
}

/** Records an EPT violation. `rights` are those of the translation: 0 if an entry was not present. */
export function eptViolation(s: usize, gpa: u32, linear: u32, why: u32, rights: u32): u32 {
  exitPhysical(s, EXIT_EPT_VIOLATION, why | (rights << QUALIFICATION_RIGHTS_SHIFT), linear, gpa);
  return 0;
}

/** Intel SDM Vol. 3C, 27.2.1: a misconfiguration has no exit qualification; the guest-physical address is saved. */
function eptMisconfiguration(s: usize, gpa: u32, linear: u32): u32 {
  exitPhysical(s, EXIT_EPT_MISCONFIGURATION, 0, linear, gpa);
  return 0;
}

/**
 * What the tables say, without any side effect: host page | rights, or 0 if the address has no valid translation.
 * A translation to absent memory yields the void page.
 */
export function eptPeek(eptp: u32, gpa: u32): u32 {
  const common = commonPhysical(eptp, gpa, READ);
  if (common != 0) return common & (PAGE_MASK | FOUND_RIGHTS);
  let rights: u64 = EPT_RIGHTS;
  let table = eptp & PAGE_MASK;
  for (let level: u32 = 4; ; level--) {
    const entry = load<u64>(machineToHost(table) + eptIndex(gpa, level));
    if (!eptPresent(entry) || eptMisconfigured(entry, level)) return 0;
    rights &= entry;
    table = (entry as u32) & PAGE_MASK;
    if (!eptLeaf(entry, level)) continue;
    const offset = eptOffsetMask(level);
    return ((machineToHost((table & ~offset) | (gpa & offset)) as u32) & PAGE_MASK) | (rights as u32);
  }
}

/**
 * Sets the flags that an access of kind `access` from outside a vCPU leaves in the tables, where the EPT has such flags: accessed
 * on the way, dirty in the leaf. The translation is valid.
 */
export function eptMark(eptp: u32, gpa: u32, access: u32): void {
  if ((eptp & EPTP_ACCESSED_DIRTY) == 0) return;
  let table = eptp & PAGE_MASK;
  for (let level: u32 = 4; ; level--) {
    const p = machineToHost(table) + eptIndex(gpa, level);
    const entry = load<u64>(p);
    const leaf = eptLeaf(entry, level);
    const flags = EPT_ACCESSED | (leaf && (access & WRITE) != 0 ? EPT_DIRTY : 0);
    if ((flags & ~entry) != 0) store<u64>(p, entry | flags);
    if (leaf) return;
    table = (entry as u32) & PAGE_MASK;
  }
}
