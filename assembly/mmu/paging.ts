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
import {
  COUNTER_WALK_GUEST,
  PAGE_MASK,
  TLB_HELD_EXECUTE,
  TLB_HELD_GLOBAL,
  TLB_HELD_LARGE,
  TLB_HELD_READ,
  TLB_HELD_VALID,
  TLB_HELD_WRITE,
  VCPU_CR0,
  VCPU_CR3,
  VCPU_CR4,
  VCPU_EPTP,
} from '../layout';
import { count, raisePageFault } from '../record';
import {
  direct,
  EPTP_ACCESSED_DIRTY,
  eptPeek,
  eptViolation,
  FETCH,
  FOUND_DIRTY,
  FOUND_RIGHTS,
  OF_STRUCTURE,
  OF_TRANSLATION,
  physical,
  READ,
  WRITE,
} from './ept';
import { storeFlags32 } from './store';

// Intel SDM Vol. 3A, 2.5, "Control Registers": the bits that steer translation
export const CR0_WP: u32 = 1 << 16; // write protect
export const CR0_AM: u32 = 1 << 18; // alignment mask
export const CR0_PG: u32 = 1 << 31; // paging
export const CR4_PSE: u32 = 1 << 4; // page size extensions
export const CR4_PGE: u32 = 1 << 7; // page global enable

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

/** Values of `user` below: it is both the right asked of an entry and the bit of the error code. */
export const SUPERVISOR: u32 = 0;
export const USER: u32 = PAGE_US;

/**
 * Translates `linear` for an access of kind `access` (READ, WRITE or FETCH). Returns host page | TLB_HELD_*, or 0 if a
 * page fault or an exit was recorded. Counts its references; neither reads nor fills the TLB.
 */
export function walk(s: usize, linear: u32, access: u32, user: u32): u32 {
  const cr0 = load<u32>(s + VCPU_CR0);
  if ((cr0 & CR0_PG) == 0) return held(physical(s, linear, linear, access, OF_TRANSLATION), true, 0);
  const cr4 = load<u32>(s + VCPU_CR4);
  const structure = (load<u32>(s + VCPU_EPTP) & EPTP_ACCESSED_DIRTY) != 0 ? READ | WRITE : READ;

  let gpa = (load<u32>(s + VCPU_CR3) & PAGE_MASK) | ((linear >>> 20) & 0xffc);
  let table = physical(s, gpa, linear, structure, OF_STRUCTURE);
  if (table == 0) return 0;
  count(s, COUNTER_WALK_GUEST);
  let p = ((table & PAGE_MASK) | (gpa & ~PAGE_MASK)) as usize;
  let entry = load<u32>(p);
  if ((entry & PAGE_P) == 0) return pageFault(s, linear, access, user, 0);
  let rights = entry;
  let page: u32;
  let attributes: u32 = 0;
  if ((entry & PAGE_PS) != 0 && (cr4 & CR4_PSE) != 0) {
    if ((entry & PDE_LARGE_RESERVED) != 0) return pageFault(s, linear, access, user, FAULT_P | FAULT_RSVD);
    page = (entry & PDE_LARGE_ADDRESS) | (linear & ~PDE_LARGE_ADDRESS);
    attributes = TLB_HELD_LARGE;
  } else {
    if ((entry & PAGE_A) == 0 && !setFlags(s, p, PAGE_A, table, gpa, linear)) return 0;
    gpa = (entry & PAGE_MASK) | ((linear >>> 10) & 0xffc);
    table = physical(s, gpa, linear, structure, OF_STRUCTURE);
    if (table == 0) return 0;
    count(s, COUNTER_WALK_GUEST);
    p = ((table & PAGE_MASK) | (gpa & ~PAGE_MASK)) as usize;
    entry = load<u32>(p);
    if ((entry & PAGE_P) == 0) return pageFault(s, linear, access, user, 0);
    rights &= entry;
    page = (entry & PAGE_MASK) | (linear & ~PAGE_MASK);
  }

  // Intel SDM Vol. 3A, 4.6.1, "Determination of Access Rights"
  const writable = (rights & PAGE_RW) != 0 || (user | (cr0 & CR0_WP)) == 0;
  if ((user & ~rights) != 0 || ((access & WRITE) != 0 && !writable)) return pageFault(s, linear, access, user, FAULT_P);

  const flags = (access & WRITE) != 0 ? PAGE_A | PAGE_D : PAGE_A;
  if ((flags & ~entry) != 0 && !setFlags(s, p, flags, table, gpa, linear)) return 0;
  if ((entry & PAGE_G) != 0 && (cr4 & CR4_PGE) != 0) attributes |= TLB_HELD_GLOBAL;
  const dirty = ((entry | flags) & PAGE_D) != 0;
  return held(physical(s, page, linear, access, OF_TRANSLATION), writable && dirty, attributes);
}

/** What the TLB may hold of a translation, or 0 if there is none. */
function held(found: u32, writable: bool, attributes: u32): u32 {
  if (found == 0) return 0;
  const write = writable && (found & (WRITE | FOUND_DIRTY)) == (WRITE | FOUND_DIRTY);
  return (
    (found & PAGE_MASK) |
    TLB_HELD_VALID |
    ((found & READ) != 0 ? TLB_HELD_READ : 0) |
    (write ? TLB_HELD_WRITE : 0) |
    ((found & FETCH) != 0 ? TLB_HELD_EXECUTE : 0) |
    attributes
  );
}

/**
 * Sets flags in the entry at host address `p`, guest-physical `gpa`, in a page that `table` describes. The locked
 * read-modify-write is reported as read and write if the EPT forbids it.
 */
function setFlags(s: usize, p: usize, flags: u32, table: u32, gpa: u32, linear: u32): bool {
  if ((table & WRITE) == 0) {
    eptViolation(s, gpa, linear, OF_STRUCTURE | READ | WRITE, table & FOUND_RIGHTS, 0);
    return false;
  }
  storeFlags32(s, p, flags);
  return true;
}

/** Records #PF. No I/D bit: there is neither NX nor SMEP (Intel SDM Vol. 3A, 4.7, "Page-Fault Exceptions"). */
function pageFault(s: usize, linear: u32, access: u32, user: u32, error: u32): u32 {
  raisePageFault(s, linear, error | user | (access & WRITE));
  return 0;
}

/**
 * Where `linear` lies, without any side effect and whatever the rights: host page | rights of the EPT (READ, WRITE,
 * FETCH), or 0 if it is not mapped.
 */
export function peek(s: usize, linear: u32): u32 {
  if ((load<u32>(s + VCPU_CR0) & CR0_PG) == 0) return peekPhysical(s, linear);
  const pde = peekEntry(s, (load<u32>(s + VCPU_CR3) & PAGE_MASK) | ((linear >>> 20) & 0xffc));
  if ((pde & PAGE_P) == 0) return 0;
  if ((pde & PAGE_PS) != 0 && (load<u32>(s + VCPU_CR4) & CR4_PSE) != 0) {
    if ((pde & PDE_LARGE_RESERVED) != 0) return 0;
    return peekPhysical(s, (pde & PDE_LARGE_ADDRESS) | (linear & ~PDE_LARGE_ADDRESS));
  }
  const pte = peekEntry(s, (pde & PAGE_MASK) | ((linear >>> 10) & 0xffc));
  return (pte & PAGE_P) == 0 ? 0 : peekPhysical(s, pte & PAGE_MASK);
}

/** The side-effect-free counterpart of `physical`. */
export function peekPhysical(s: usize, gpa: u32): u32 {
  const eptp = load<u32>(s + VCPU_EPTP);
  return eptp == 0 ? direct(s, gpa) & (PAGE_MASK | FOUND_RIGHTS) : eptPeek(eptp, gpa);
}

/** A guest paging-structure entry, or 0 (not present) if it cannot be read. */
function peekEntry(s: usize, gpa: u32): u32 {
  const found = peekPhysical(s, gpa);
  return (found & READ) == 0 ? 0 : load<u32>(((found & PAGE_MASK) | (gpa & ~PAGE_MASK)) as usize);
}
