/**
 * The walks in plain TypeScript: assembly/mmu/ept.ts and paging.ts for readable tables in DRAM that have their flags set.
 * Anything else yields 0, which no successful walk does.
 */
import type { Flat } from '../micro/machine.js';

// Intel SDM Vol. 3C, 28.3.2, "EPT Translation Mechanism"; halves of a 64-bit entry
const READ = 1;
const WRITE = 2;
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

const PAGE_MASK = 0xfffff000;
const FOUND_DIRTY = 8;
const FOUND_REFERENCES_SHIFT = 4;

export interface Walker {
  /** `n` walks of the EPT over `pages` (a power of two) consecutive pages: the sum of what they found. */
  readonly ept: (gpa: number, pages: number, n: number) => number;
  /** `n` walks of guest tables and EPT. */
  readonly both: (linear: number, pages: number, n: number) => number;
}

export function walker({ u32, s, at }: Flat): Walker {
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

  function count(counter: number, n: number): void {
    const low = (u32[counter]! + n) >>> 0;
    u32[counter] = low;
    if (low < n) u32[counter + 1]!++;
  }

  /** Whether the 64-bit entry at index `p` references a table. */
  function references(p: number, pointer: number, ordinary: number, size: number): boolean {
    const low = u32[p]!;
    return (low & pointer) === ordinary && (u32[p + 1]! & RESERVED_HIGH) === 0 && low < size;
  }

  /** Host page | FOUND_*, or 0. */
  function physical(gpa: number, access: number): number {
    const eptp = u32[eptpAt]!;
    const dram = u32[dramAt]!;
    const size = u32[framesAt]! << 12;
    const flag = eptp & EPTP_ACCESSED_DIRTY ? ACCESSED : 0;
    const ordinary = READ | flag;
    const pointer = NOT_POINTER | ordinary;
    let p = (dram + (eptp & PAGE_MASK)) >>> 2;
    const pml4e = u32[p]!;
    if (!references(p, pointer, ordinary, size)) return 0;
    p = (dram + (pml4e & PAGE_MASK) + ((gpa >>> 27) & 0x18)) >>> 2;
    const pdpte = u32[p]!;
    if (!references(p, pointer, ordinary, size)) return 0;
    p = (dram + (pdpte & PAGE_MASK) + ((gpa >>> 18) & 0xff8)) >>> 2;
    const pde = u32[p]!;
    if (!references(p, pointer, ordinary, size)) return 0;
    p = (dram + (pde & PAGE_MASK) + ((gpa >>> 9) & 0xff8)) >>> 2;
    const pte = u32[p]!;
    const machine = (pte & PAGE_MASK) >>> 0;
    const upper = pml4e & pdpte & pde;
    const allowed = access | flag | (access & WRITE ? flag << 1 : 0);
    if ((pte & (TYPE | READ)) !== (WRITE_BACK | READ) || (u32[p + 1]! & RESERVED_HIGH) !== 0) return 0;
    if ((allowed & ~(pte & (upper | ACCESSED | DIRTY))) !== 0 || machine >= size) return 0;
    const dirty = ((pte | ((flag ^ ACCESSED) << 1)) & DIRTY) >>> 6;
    return (dram + machine) | (upper & pte & 7) | dirty | (4 << FOUND_REFERENCES_SHIFT);
  }

  /** Host page | TLB_HELD_*, or 0. */
  function translate(linear: number, access: number, user: number): number {
    const error = (access & WRITE) | user;
    const structure = u32[eptpAt]! & EPTP_ACCESSED_DIRTY ? READ | WRITE : READ;
    let gpa = (u32[cr3At]! & PAGE_MASK) | ((linear >>> 20) & 0xffc);
    const directory = physical(gpa, structure);
    if (directory === 0) return 0;
    const pde = u32[((directory & PAGE_MASK) | (gpa & ~PAGE_MASK)) >>> 2]!;
    if ((pde & (P | A)) !== (P | A) || (pde & PS && u32[cr4At]! & CR4_PSE)) return 0;
    gpa = (pde & PAGE_MASK) | ((linear >>> 10) & 0xffc);
    const table = physical(gpa, structure);
    if (table === 0) return 0;
    const pte = u32[((table & PAGE_MASK) | (gpa & ~PAGE_MASK)) >>> 2]!;
    if ((pte & P) === 0) return 0;
    const writable = (pde & pte & (RW | US)) | (user === 0 && (u32[cr0At]! & CR0_WP) === 0 ? RW : 0);
    if (error & ~writable) return 0;
    if ((A | (access & WRITE ? D : 0)) & ~pte) return 0;
    const found = physical((pte & PAGE_MASK) | (linear & ~PAGE_MASK), access);
    if (found === 0) return 0;
    count(guestAt, 2);
    count(eptAt, ((directory >>> 4) & 7) + ((table >>> 4) & 7) + ((found >>> 4) & 7));
    const writes = (found & WRITE) !== 0 && (found & FOUND_DIRTY) !== 0 && (writable & RW) !== 0 && (pte & D) !== 0;
    return (
      (found & PAGE_MASK) |
      HELD_VALID |
      (writes ? HELD_WRITE : 0) |
      (found & READ ? HELD_READ : 0) |
      (found & 4 ? HELD_EXECUTE : 0)
    );
  }

  return {
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
