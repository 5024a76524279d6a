/**
 * The common walk: what nearly every TLB miss needs, as one loop without a call and without a side effect before its end.
 *
 *            ┌──────────────── three times, or twice for a 4 MiB page ────────────────┐
 *   CR3 ─▶ guest-physical ─▶ EPT PD ─▶ EPT PT ─▶ machine ─▶ guest PDE or PTE ─▶ guest-physical … ─▶ page
 *
 * It answers only where nothing can fault and no flag is to be set: paging and EPT are on, encrypted tables are in the buffer, all tables lie in DRAM and in
 * the same GiB of guest-physical memory, EPT table entries permit everything, EPT leaves are write-back pages of 4 KiB or
 * 2 MiB, rights suffice, accessed and (for writes) dirty flags are set. For all else it returns 0 and has changed
 * nothing: `walk` then does the whole work, clause by clause. Results and counted references are the same either way;
 * the two upper EPT entries, which the translations share, are counted each time but read once.
 *
 * How a common EPT entry is judged by one comparison is told in ept.ts.
 */
import { CR0_PG, CR0_WP, CR4_PGE, CR4_PSE } from '../cpu/control';
import {
  COUNTER_WALK_EPT,
  COUNTER_WALK_GUEST,
  HOST_DRAM,
  HOST_FRAMES,
  PAGE_MASK,
  PAGE_SHIFT,
  TLB_HELD_GLOBAL,
  TLB_HELD_LARGE,
  TLB_HELD_VALID,
  VCPU_COUNTERS,
  VCPU_CR0,
  VCPU_CR3,
  VCPU_CR4,
  VCPU_EPTP,
  VCPU_SMM,
} from '../layout';
import { structureAt, touchStructures } from '../smm/buffer';
import {
  ACCESSED_OF_EPTP,
  DIRTY_OF_EPTP,
  DIRTY_OF_WRITE,
  EPT_COMMON_LEAF,
  EPT_FRAME_2M,
  EPT_LARGE,
  EPT_RIGHTS,
  EPT_VARIABLE,
  EPTP_ACCESSED_DIRTY,
  FETCH,
  HELD_OF_READ,
  READ,
  WRITE,
  WRITE_OF_EPTP,
} from './ept';
import { PAGE_A, PAGE_D, PAGE_G, PAGE_P, PAGE_RW, PAGE_US, PDE_LARGE_ADDRESS, PDE_LARGE_RESERVED } from './paging';

// Distances between equal meanings.
const PAGE_D_OF_WRITE: u32 = 5; //  WRITE → PAGE_D
const PS_OF_PSE: u32 = 3; //        CR4_PSE → PAGE_PS
const WRITE_OF_DIRTY: u32 = 8; //   EPT_DIRTY → WRITE
const WRITE_OF_PAGE_D: u32 = 5; //  PAGE_D → WRITE

/** Host page | TLB_HELD_* as from `walk`, or 0 if the walk is not common. */
export function commonWalk(s: usize, linear: u32, access: u32, user: u32): u32 {
  const eptp = load<u32>(s + VCPU_EPTP);
  const cr0 = load<u32>(s + VCPU_CR0);
  if (eptp == 0 || (cr0 & CR0_PG) == 0) return 0;
  const secure = load<usize>(s + VCPU_SMM);
  const dram = load<u32>(HOST_DRAM);
  const frames = load<u32>(HOST_FRAMES) as u64;
  const cr4 = load<u32>(s + VCPU_CR4);
  const flags = eptp & EPTP_ACCESSED_DIRTY;
  const accessed = (flags << ACCESSED_OF_EPTP) as u64;
  const pointer = EPT_RIGHTS + accessed;
  const base = dram - (pointer as u32); // host address of what a common entry references, less the entry
  let gpa = (load<u32>(s + VCPU_CR3) & PAGE_MASK) | ((linear >>> 20) & 0xffc);

  // The upper two levels: PML4[0] and PDPT[31:30].
  const root = eptp & PAGE_MASK;
  if (((root >>> PAGE_SHIFT) as u64) >= frames) return 0;
  const pml4e = load<u64>((dram + root) as usize);
  if (rotr<u64>(pml4e - pointer, 12) >= frames) return 0;
  const gib = gpa >>> 30;
  const pdpte = load<u64>(((pml4e as u32) + base + (gib << 3)) as usize);
  if (rotr<u64>(pdpte - pointer, 12) >= frames) return 0;
  const directory = (pdpte as u32) + base;

  const wanted = (access & WRITE) | user; // R/W and U/S
  const writes = user == 0 && (cr0 & CR0_WP) == 0 ? PAGE_RW : 0; // granted whatever the entries say
  // Rights and dirty flag that an EPT leaf must have: guest tables are read, with EPT flags also written.
  let needed = READ | (flags >>> WRITE_OF_EPTP) | (flags << DIRTY_OF_EPTP);
  let rights: u32 = PAGE_RW | PAGE_US;
  let attributes: u32 = TLB_HELD_VALID;
  let guest: u32 = 0; // guest entries read
  let ept: u32 = 0; //   EPT entries counted
  let dirty: u32 = 0;
  let mapped = false; // gpa is that of the page
  let leaf: u32 = 0;
  let page: u64 = 0;
  let upper: u32 = 0; // tables, where memory is encrypted
  let lower: u32 = 0;
  for (;;) {
    const pde = load<u64>((directory + ((gpa >>> 18) & 0xff8)) as usize);
    if (rotr<u64>(pde - pointer, 12) < frames) {
      const pte = load<u64>(((pde as u32) + (base + ((gpa >>> 9) & 0xff8))) as usize);
      page = (pte & ~EPT_VARIABLE) - (EPT_COMMON_LEAF + accessed);
      leaf = pte as u32;
      ept += 4;
    } else {
      if (((pde as u32) & EPT_FRAME_2M) != 0) return 0;
      page = (pde & ~EPT_VARIABLE) - (EPT_COMMON_LEAF + EPT_LARGE + accessed) + ((gpa & EPT_FRAME_2M) as u64);
      leaf = pde as u32;
      ept += 3;
    }
    if (rotr<u64>(page, 12) >= frames || (needed & ~leaf) != 0) return 0;
    if (mapped) break;

    let table: u32 = dram + (page as u32);
    if (secure != 0) {
      table = structureAt(secure, page as u32) as u32;
      if (table == 0) return 0;
      upper = lower;
      lower = table;
    }
    const entry = load<u32>((table + (gpa & ~PAGE_MASK)) as usize);
    if ((entry & (PAGE_P | PAGE_A)) != (PAGE_P | PAGE_A)) return 0;
    rights &= entry;
    guest++;
    if (guest == 2) {
      gpa = entry & PAGE_MASK; // the offset does not matter any more
    } else if ((entry & ((cr4 & CR4_PSE) << PS_OF_PSE)) == 0) {
      gpa = (entry & PAGE_MASK) | ((linear >>> 10) & 0xffc);
      if (gpa >>> 30 != gib) return 0;
      continue;
    } else {
      if ((entry & PDE_LARGE_RESERVED) != 0) return 0;
      gpa = (entry & PDE_LARGE_ADDRESS) | (linear & ~PDE_LARGE_ADDRESS);
      attributes = TLB_HELD_VALID | TLB_HELD_LARGE;
    }
    rights |= writes;
    if ((wanted & ~rights) != 0 || (((access & WRITE) << PAGE_D_OF_WRITE) & ~entry) != 0 || gpa >>> 30 != gib) return 0;
    if ((entry & PAGE_G) != 0 && (cr4 & CR4_PGE) != 0) attributes |= TLB_HELD_GLOBAL;
    dirty = entry & PAGE_D;
    needed = access | ((flags << DIRTY_OF_EPTP) & ((access & WRITE) << DIRTY_OF_WRITE));
    mapped = true;
  }

  if (secure != 0) touchStructures(s, upper, lower);
  const counters = s + VCPU_COUNTERS;
  store<u64>(counters + COUNTER_WALK_GUEST * 8, load<u64>(counters + COUNTER_WALK_GUEST * 8) + (guest as u64));
  store<u64>(counters + COUNTER_WALK_EPT * 8, load<u64>(counters + COUNTER_WALK_EPT * 8) + (ept as u64));
  // Writing is held where the guest permits it, the EPT permits it, and neither has a dirty flag to set.
  const clean = leaf | ((flags ^ EPTP_ACCESSED_DIRTY) << DIRTY_OF_EPTP);
  const write = rights & leaf & (clean >>> WRITE_OF_DIRTY) & (dirty >>> WRITE_OF_PAGE_D) & WRITE;
  return (dram + (page as u32)) | attributes | ((leaf & READ) << HELD_OF_READ) | write | (leaf & FETCH);
}
