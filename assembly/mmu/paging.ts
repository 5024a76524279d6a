/**
 * 32-bit paging: linear → guest-physical, two levels of 1024 four-byte entries, 4 KiB and 4 MiB pages.
 *
 *   linear   31        22 21        12 11         0
 *           ┌────────────┬────────────┬────────────┐
 *           │ directory  │   table    │   offset   │
 *           └─────┬──────┴─────┬──────┴────────────┘
 *   CR3 ─EPT─▶ PDE ─EPT─▶ PTE ─EPT─▶ 4 KiB page          2 + 3 × 4 references
 *               └─ PS ─EPT─▶ 4 MiB page                  1 + 2 × 4 references
 *
 *   entry   31                 12 11  9  8   7   6   5   4   3   2   1   0
 *          ┌─────────────────────┬─────┬───┬───┬───┬───┬───┬───┬───┬───┬───┐
 *          │       address       │ ign │ G │PS │ D │ A │PCD│PWT│U/S│R/W│ P │
 *          └─────────────────────┴─────┴───┴───┴───┴───┴───┴───┴───┴───┴───┘
 *
 * The CPU has PSE, PGE and PAT and 32-bit physical addresses: in a 4 MiB PDE bits 21:13 are reserved, nothing else is
 * (Intel SDM Vol. 3A, 4.3, "32-Bit Paging"). PWT, PCD and PAT select memory types, which a machine without caches ignores.
 *
 * Order of events (Vol. 3C, 28.3.3.4): entry by entry, first the EPT's exits for the entry, then P, then reserved bits;
 * then the rights of the whole translation; then the EPT's exits for the page itself. Accessed and dirty flags (Vol. 3A,
 * 4.8): a PDE that references a table is marked accessed when it is used, even if the PTE then faults; the entry that
 * maps the page is marked accessed, and dirty for a write, once the rights permit the access, before the page itself is
 * translated. Setting a flag is a write of the guest's table: without EPT accessed and dirty flags the EPT must permit
 * it; with them it permitted it when the entry was read, because such reads count as writes.
 */
import { CR0_PG, CR0_WP, CR4_PGE, CR4_PSE } from '../cpu/control';
import {
  COUNTER_WALK_GUEST,
  PAGE_MASK,
  TLB_HELD_COW,
  TLB_HELD_GLOBAL,
  TLB_HELD_LARGE,
  TLB_HELD_VALID,
  TLB_HELD_WRITE,
  VCPU_COUNTERS,
  VCPU_CR0,
  VCPU_CR3,
  VCPU_CR4,
  VCPU_EPTP,
  VCPU_SHARED_WRITE,
  VCPU_SMM,
} from '../layout';
import { raisePageFault } from '../record';
import { lookThrough } from '../smm/unit';
import { commonWalk } from './common';
import {
  countEpt,
  direct,
  EPTP_ACCESSED_DIRTY,
  eptPeek,
  eptViolation,
  FETCH,
  FOUND_COW,
  FOUND_DIRTY,
  FOUND_REFERENCES_SHIFT,
  FOUND_RIGHTS,
  HELD_OF_READ,
  OF_STRUCTURE,
  OF_TRANSLATION,
  physical,
  READ,
  WRITE,
  WRITE_OF_EPTP,
} from './ept';
import { storeFlags32 } from './store';

// Intel SDM Vol. 3A, Figure 4-4, "Formats of CR3 and Paging-Structure Entries with 32-Bit Paging"
export const PAGE_P: u32 = 1 << 0; //  present
export const PAGE_RW: u32 = 1 << 1; // writes permitted
export const PAGE_US: u32 = 1 << 2; // user-mode accesses permitted
export const PAGE_A: u32 = 1 << 5; //  accessed
export const PAGE_D: u32 = 1 << 6; //  dirty
export const PAGE_PS: u32 = 1 << 7; // page size, in a PDE
export const PAGE_G: u32 = 1 << 8; //  global
export const PDE_LARGE_ADDRESS: u32 = 0xffc00000;
export const PDE_LARGE_RESERVED: u32 = 0x003fe000;

// Intel SDM Vol. 3A, Figure 4-12, "Page-Fault Error Code"
export const FAULT_P: u32 = 1 << 0; //    the entry was present
export const FAULT_WR: u32 = 1 << 1; //   the access was a write
export const FAULT_US: u32 = 1 << 2; //   the access was a user-mode access
export const FAULT_RSVD: u32 = 1 << 3; // a reserved bit was set

// Distances between equal meanings.
const DIRTY_OF_WRITE: u32 = 5; //  WRITE → PAGE_D
const FOUND_OF_DIRTY: u32 = 3; //  PAGE_D → FOUND_DIRTY

/** Values of `user` below: it is both the right asked of an entry and the bit of the error code. */
export const SUPERVISOR: u32 = 0;
export const USER: u32 = PAGE_US;

/**
 * Translates `linear` for an access of kind `access` (READ, WRITE or FETCH). Returns host page | TLB_HELD_*, or 0 if a
 * page fault or an exit was recorded. Counts its references; neither reads nor fills the TLB.
 */
export function walk(s: usize, linear: u32, access: u32, user: u32): u32 {
  const common = commonWalk(s, linear, access, user);
  if (common != 0) return common;
  const cr0 = load<u32>(s + VCPU_CR0);
  if ((cr0 & CR0_PG) == 0) {
    const found = physical(s, linear, linear, access, OF_TRANSLATION);
    countEpt(s, references(found));
    return held(found, WRITE | FOUND_DIRTY, 0);
  }
  const cr4 = load<u32>(s + VCPU_CR4);
  const error = (access & WRITE) | user; // FAULT_WR and FAULT_US, which are also the rights asked: R/W and U/S
  const structure = READ | ((load<u32>(s + VCPU_EPTP) & EPTP_ACCESSED_DIRTY) >>> WRITE_OF_EPTP);

  let gpa = (load<u32>(s + VCPU_CR3) & PAGE_MASK) | ((linear >>> 20) & 0xffc);
  let table = physical(s, gpa, linear, structure, OF_STRUCTURE);
  if (table == 0) return 0;
  let read = references(table); // EPT entries read so far
  let p = ((table & PAGE_MASK) | (gpa & ~PAGE_MASK)) as usize;
  let entry = load<u32>(p);
  let rights = entry;
  let page = (entry & PDE_LARGE_ADDRESS) | (linear & ~PDE_LARGE_ADDRESS);
  let attributes = TLB_HELD_LARGE;
  let level: u32 = 1; // guest entries read so far
  if ((entry & PAGE_P) == 0) return pageFault(s, linear, error, level, read);
  if ((entry & PAGE_PS) == 0 || (cr4 & CR4_PSE) == 0) {
    if ((entry & PAGE_A) == 0 && !setFlags(s, p, PAGE_A, table, gpa, linear)) return stop(s, level, read);
    gpa = (entry & PAGE_MASK) | ((linear >>> 10) & 0xffc);
    table = physical(s, gpa, linear, structure, OF_STRUCTURE);
    if (table == 0) return stop(s, level, read);
    read += references(table);
    p = ((table & PAGE_MASK) | (gpa & ~PAGE_MASK)) as usize;
    entry = load<u32>(p);
    rights &= entry;
    page = (entry & PAGE_MASK) | (linear & ~PAGE_MASK);
    attributes = 0;
    level = 2;
    if ((entry & PAGE_P) == 0) return pageFault(s, linear, error, level, read);
  } else if ((entry & PDE_LARGE_RESERVED) != 0) {
    return pageFault(s, linear, error | FAULT_P | FAULT_RSVD, level, read);
  }

  // Intel SDM Vol. 3A, 4.6.1, "Determination of Access Rights"
  const writable = rights | (user == SUPERVISOR && (cr0 & CR0_WP) == 0 ? PAGE_RW : 0);
  if ((error & ~writable) != 0) return pageFault(s, linear, error | FAULT_P, level, read);

  const flags = PAGE_A | ((access & WRITE) << DIRTY_OF_WRITE);
  if ((flags & ~entry) != 0 && !setFlags(s, p, flags, table, gpa, linear)) return stop(s, level, read);
  if ((entry & PAGE_G) != 0 && (cr4 & CR4_PGE) != 0) attributes |= TLB_HELD_GLOBAL;
  const found = physical(s, page, linear, access, OF_TRANSLATION);
  stop(s, level, read + references(found));
  return held(found, (writable & PAGE_RW) | (((entry | flags) & PAGE_D) << FOUND_OF_DIRTY), attributes);
}

/** EPT entries that a successful translation read; 0 for one that failed, which counted its own. */
function references(found: u32): u32 {
  return (found >>> FOUND_REFERENCES_SHIFT) & 7;
}

/** Counts the references of a walk. Returns 0, which ends a walk that recorded a fault. */
function stop(s: usize, guest: u32, ept: u32): u32 {
  const p = s + VCPU_COUNTERS + ((COUNTER_WALK_GUEST as usize) << 3);
  store<u64>(p, load<u64>(p) + (guest as u64));
  countEpt(s, ept);
  return 0;
}

/**
 * What the TLB may hold of a translation, or 0 if there is none. `write` has WRITE and FOUND_DIRTY where the guest's
 * entries permit writing and are dirty.
 */
function held(found: u32, write: u32, attributes: u32): u32 {
  if (found == 0) return 0;
  const shared = (found & FOUND_COW) != 0 ? WRITE : 0;
  const writes = ((found | shared) & write & (WRITE | FOUND_DIRTY)) == (WRITE | FOUND_DIRTY);
  return (
    (found & PAGE_MASK) |
    TLB_HELD_VALID |
    (writes ? (shared != 0 ? TLB_HELD_COW : TLB_HELD_WRITE) : 0) |
    ((found & READ) << HELD_OF_READ) |
    (found & FETCH) |
    attributes
  );
}

/**
 * Sets flags in the entry at host address `p`, guest-physical `gpa`, in a page that `table` describes. The locked
 * read-modify-write is reported as read and write if the EPT forbids it.
 */
function setFlags(s: usize, p: usize, flags: u32, table: u32, gpa: u32, linear: u32): bool {
  if ((table & WRITE) == 0) {
    if ((table & FOUND_COW) != 0) store<u32>(s + VCPU_SHARED_WRITE, 1);
    eptViolation(s, gpa, linear, OF_STRUCTURE | READ | WRITE, table & FOUND_RIGHTS);
    return false;
  }
  storeFlags32(s, p, flags);
  return true;
}

/** Records #PF. No I/D bit: there is neither NX nor SMEP (Intel SDM Vol. 3A, 4.7, "Page-Fault Exceptions"). */
function pageFault(s: usize, linear: u32, error: u32, guest: u32, ept: u32): u32 {
  raisePageFault(s, linear, error);
  return stop(s, guest, ept);
}

/**
 * Where `linear` lies, whatever the rights: host page | rights of the EPT (READ, WRITE, FETCH), or 0 if it is not mapped. No
 * side effect, but that the pages of a protected domain come into the SMM buffer if the hypervisor `works` with them; if
 * it only observes, the result is good until the next call.
 */
export function peek(s: usize, linear: u32, works: bool): u32 {
  if ((load<u32>(s + VCPU_CR0) & CR0_PG) == 0) return peekPhysical(s, linear, works);
  const pde = peekEntry(s, (load<u32>(s + VCPU_CR3) & PAGE_MASK) | ((linear >>> 20) & 0xffc), works);
  if ((pde & PAGE_P) == 0) return 0;
  if ((pde & PAGE_PS) != 0 && (load<u32>(s + VCPU_CR4) & CR4_PSE) != 0) {
    if ((pde & PDE_LARGE_RESERVED) != 0) return 0;
    return peekPhysical(s, (pde & PDE_LARGE_ADDRESS) | (linear & ~PDE_LARGE_ADDRESS), works);
  }
  const pte = peekEntry(s, (pde & PAGE_MASK) | ((linear >>> 10) & 0xffc), works);
  return (pte & PAGE_P) == 0 ? 0 : peekPhysical(s, pte & PAGE_MASK, works);
}

/** The counterpart of `physical`. */
export function peekPhysical(s: usize, gpa: u32, works: bool): u32 {
  const eptp = load<u32>(s + VCPU_EPTP);
  const found = eptp == 0 ? direct(s, gpa) & (PAGE_MASK | FOUND_RIGHTS) : eptPeek(eptp, gpa);
  if (found == 0 || load<usize>(s + VCPU_SMM) == 0) return found;
  const page = lookThrough(s, found & PAGE_MASK, works, gpa) as u32;
  return page == 0 ? 0 : page | (found & FOUND_RIGHTS);
}

/** A guest paging-structure entry, or 0 (not present) if it cannot be read. */
function peekEntry(s: usize, gpa: u32, works: bool): u32 {
  const found = peekPhysical(s, gpa, works);
  return (found & READ) == 0 ? 0 : load<u32>(((found & PAGE_MASK) | (gpa & ~PAGE_MASK)) as usize);
}
