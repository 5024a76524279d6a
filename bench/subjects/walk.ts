/**
 * The walks in plain TypeScript: assembly/mmu/common.ts for 4 KiB pages. All tables lie in DRAM and in one GiB of
 * guest-physical memory and have their flags set, EPT table entries permit everything; the two upper EPT entries, which the
 * translations of a walk share, are read once and counted each time. Anything else yields 0, which no successful walk does.
 */
import type { Flat } from '../micro/machine.js';

// Intel SDM Vol. 3C, 28.3.2, "EPT Translation Mechanism"; halves of a 64-bit entry
const READ = 1;
const WRITE = 2;
const EXECUTE = 4;
const RIGHTS = 7;
const ACCESSED = 1 << 8;
const DIRTY = 1 << 9;
const RESERVED_HIGH = 0x000fffff; // bits 51:32
const NOT_POINTER = 0xf8;
const TYPE = 7 << 3;
const WRITE_BACK = 6 << 3;
const EPTP_ACCESSED_DIRTY = 1 << 6;

// Intel SDM Vol. 3A, Figure 4-4, "Formats of CR3 and Paging-Structure Entries with 32-Bit Paging"
const P = 1;
const RW = 2;
const US = 4;
const A = 1 << 5;
const D = 1 << 6;
const PS = 1 << 7;
const CR0_WP = 1 << 16;
const CR4_PSE = 1 << 4;

const PAGE_SIZE = 4096;
const PAGE_MASK = 0xfffff000;
const LEVELS = 4; // of the EPT: references per translation

export interface Walker {
  /** `n` walks of the EPT over `pages` (a power of two) consecutive pages: the sum of what they found. */
  readonly ept: (gpa: number, pages: number, n: number) => number;
  /** One: host page | FOUND_*, or 0. `access` as the EPT's rights: 1 read, 2 write. */
  readonly physical: (gpa: number, access: number) => number;
  /** `n` walks of guest tables and EPT. */
  readonly both: (linear: number, pages: number, n: number) => number;
}

export function walker({ i32, s, at }: Flat): Walker {
  const dramAt = at('HOST_DRAM') >>> 2;
  const framesAt = at('HOST_FRAMES') >>> 2;
  const eptpAt = (s + at('VCPU_EPTP')) >>> 2;
  const cr0At = (s + at('VCPU_CR0')) >>> 2;
  const cr3At = (s + at('VCPU_CR3')) >>> 2;
  const cr4At = (s + at('VCPU_CR4')) >>> 2;
  const counters = s + at('VCPU_COUNTERS');
  const guestAt = (counters + 8 * at('COUNTER_WALK_GUEST')) >>> 2;
  const eptAt = (counters + 8 * at('COUNTER_WALK_EPT')) >>> 2;
  const HELD_VALID = at('TLB_HELD_VALID');
  const HELD_WRITE = at('TLB_HELD_WRITE');
  const HELD_READ = at('TLB_HELD_READ');
  const HELD_EXECUTE = at('TLB_HELD_EXECUTE');
  const FOUND_DIRTY = at('FOUND_DIRTY');
  const FOUND_REFERENCES_SHIFT = at('FOUND_REFERENCES_SHIFT');

  function count(counter: number, n: number): void {
    const low = (i32[counter]! + n) | 0;
    i32[counter] = low;
    if (low >>> 0 < n) i32[counter + 1]!++;
  }

  /** Where the table lies that the 64-bit entry at `address` references, or 0 if it is not a common entry. */
  function table(address: number, flag: number, dram: number, size: number): number {
    const low = i32[address >>> 2]!;
    if ((low & (NOT_POINTER | RIGHTS | flag)) !== (RIGHTS | flag) || low >>> 0 >= size) return 0;
    return (i32[(address >>> 2) + 1]! & RESERVED_HIGH) === 0 ? dram + (low & PAGE_MASK) : 0;
  }

  /** The upper two levels: where the EPT's page directory for `gpa` lies, or 0. */
  function upper(gpa: number, flag: number, dram: number, size: number): number {
    const root = (i32[eptpAt]! & PAGE_MASK) >>> 0;
    if (root >= size) return 0;
    const pointers = table(dram + root, flag, dram, size);
    return pointers === 0 ? 0 : table(pointers + ((gpa >>> 27) & 0x18), flag, dram, size);
  }

  /** The lower two: host page | low bits of the leaf (rights and dirty flag), or 0. `needed` are bits that it must have. */
  function lower(directory: number, gpa: number, needed: number, flag: number, dram: number, size: number): number {
    const leaves = table(directory + ((gpa >>> 18) & 0xff8), flag, dram, size);
    if (leaves === 0) return 0;
    const p = (leaves + ((gpa >>> 9) & 0xff8)) >>> 2;
    const leaf = i32[p]!;
    if ((leaf & (TYPE | READ | flag)) !== (WRITE_BACK | READ | flag) || (i32[p + 1]! & RESERVED_HIGH) !== 0) return 0;
    const machine = (leaf & PAGE_MASK) >>> 0;
    if ((needed & ~leaf) !== 0 || machine >= size) return 0;
    return (dram + machine) | (leaf & (RIGHTS | DIRTY)) | (flag === 0 ? DIRTY : 0);
  }

  /** Host page | FOUND_*, or 0. */
  function physical(gpa: number, access: number): number {
    const dram = i32[dramAt]!;
    const size = i32[framesAt]! * PAGE_SIZE;
    const flag = i32[eptpAt]! & EPTP_ACCESSED_DIRTY ? ACCESSED : 0;
    const directory = upper(gpa, flag, dram, size);
    if (directory === 0) return 0;
    const needed = access | (flag !== 0 && (access & WRITE) !== 0 ? DIRTY : 0);
    const found = lower(directory, gpa, needed, flag, dram, size);
    if (found === 0) return 0;
    return (found & (PAGE_MASK | RIGHTS)) | (found & DIRTY ? FOUND_DIRTY : 0) | (LEVELS << FOUND_REFERENCES_SHIFT);
  }

  /** Host page | TLB_HELD_*, or 0. */
  function translate(linear: number, access: number, user: number): number {
    const dram = i32[dramAt]!;
    const size = i32[framesAt]! * PAGE_SIZE;
    const flag = i32[eptpAt]! & EPTP_ACCESSED_DIRTY ? ACCESSED : 0;
    const structure = flag === 0 ? READ : READ | WRITE | DIRTY; // with flags, reads of guest tables count as writes
    let gpa = (i32[cr3At]! & PAGE_MASK) | ((linear >>> 20) & 0xffc);
    const gib = gpa >>> 30;
    const directory = upper(gpa, flag, dram, size);
    if (directory === 0) return 0;

    let found = lower(directory, gpa, structure, flag, dram, size);
    if (found === 0) return 0;
    const pde = i32[((found & PAGE_MASK) | (gpa & ~PAGE_MASK)) >>> 2]!;
    if ((pde & (P | A)) !== (P | A) || (pde & PS && i32[cr4At]! & CR4_PSE)) return 0;
    gpa = (pde & PAGE_MASK) | ((linear >>> 10) & 0xffc);
    if (gpa >>> 30 !== gib) return 0;
    found = lower(directory, gpa, structure, flag, dram, size);
    if (found === 0) return 0;
    const pte = i32[((found & PAGE_MASK) | (gpa & ~PAGE_MASK)) >>> 2]!;
    if ((pte & (P | A)) !== (P | A)) return 0;

    const wanted = (access & WRITE) | user; // R/W and U/S
    const rights = (pde & pte & (RW | US)) | (user === 0 && (i32[cr0At]! & CR0_WP) === 0 ? RW : 0);
    gpa = pte & PAGE_MASK;
    if (wanted & ~rights || (access & WRITE && (pte & D) === 0) || gpa >>> 30 !== gib) return 0;
    const needed = access | (flag !== 0 && (access & WRITE) !== 0 ? DIRTY : 0);
    found = lower(directory, gpa, needed, flag, dram, size);
    if (found === 0) return 0;
    count(guestAt, 2);
    count(eptAt, 3 * LEVELS);
    const writes = (found & WRITE) !== 0 && (found & DIRTY) !== 0 && (rights & RW) !== 0 && (pte & D) !== 0;
    return (
      (found & PAGE_MASK) |
      HELD_VALID |
      (writes ? HELD_WRITE : 0) |
      (found & READ ? HELD_READ : 0) |
      (found & EXECUTE ? HELD_EXECUTE : 0)
    );
  }

  return {
    physical,
    ept: (gpa, pages, n) => {
      let sum = 0;
      for (let i = 0; i < n; i++) sum = (sum + physical(gpa + (i & (pages - 1)) * 4096, READ)) | 0;
      return sum;
    },
    both: (linear, pages, n) => {
      let sum = 0;
      for (let i = 0; i < n; i++) sum = (sum + translate((linear + (i & (pages - 1)) * 4096) | 0, READ, 0)) | 0;
      return sum;
    },
  };
}
