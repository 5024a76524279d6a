/* The walks in C; see walk.ts. */
#include "harness.h"

enum { READ = 1, WRITE = 2, ACCESSED = 1 << 8, DIRTY = 1 << 9, EPTP_ACCESSED_DIRTY = 1 << 6 };
enum { P = 1, RW = 2, US = 4, A = 1 << 5, D = 1 << 6, PS = 1 << 7, WP = 1 << 16, PSE = 1 << 4 };
enum { FOUND_DIRTY = 8, FOUND_REFERENCES = 16 };
#define RESERVED_HIGH 0x000fffff00000000ull

static inline int is_table(u64 entry, u64 ordinary, u32 size) {
    return (entry & (RESERVED_HIGH | 0xf8 | ordinary)) == ordinary && (u32)entry < size;
}

static inline u32 physical(u32 s, u32 gpa, u32 access) {
    u32 eptp = load32(s + VCPU_EPTP), dram = load32(HOST_DRAM), size = load32(HOST_FRAMES) << 12;
    u32 flag = eptp & EPTP_ACCESSED_DIRTY ? ACCESSED : 0;
    u64 ordinary = READ | flag;
    u64 pml4e = load64(dram + (eptp & PAGE_MASK));
    if (!is_table(pml4e, ordinary, size)) return 0;
    u64 pdpte = load64(dram + (pml4e & PAGE_MASK) + (gpa >> 27 & 0x18));
    if (!is_table(pdpte, ordinary, size)) return 0;
    u64 pde = load64(dram + (pdpte & PAGE_MASK) + (gpa >> 18 & 0xff8));
    if (!is_table(pde, ordinary, size)) return 0;
    u64 pte = load64(dram + (pde & PAGE_MASK) + (gpa >> 9 & 0xff8));
    u32 machine = pte & PAGE_MASK;
    u64 upper = pml4e & pdpte & pde;
    u64 allowed = access | flag | (access & WRITE ? flag << 1 : 0);
    if ((pte & (RESERVED_HIGH | 0x38 | READ)) != (0x30 | READ)) return 0;
    if ((allowed & ~(pte & (upper | ACCESSED | DIRTY))) || machine >= size) return 0;
    u32 dirty = ((u32)pte | (flag ^ ACCESSED) << 1) & DIRTY;
    return (dram + machine) | (upper & pte & 7) | dirty >> 6 | 4 * FOUND_REFERENCES;
}

static inline u32 translate(u32 s, u32 linear, u32 access, u32 user) {
    u32 error = (access & WRITE) | user;
    u32 structure = load32(s + VCPU_EPTP) & EPTP_ACCESSED_DIRTY ? READ | WRITE : READ;
    u32 gpa = (load32(s + VCPU_CR3) & PAGE_MASK) | (linear >> 20 & 0xffc);
    u32 directory = physical(s, gpa, structure);
    if (!directory) return 0;
    u32 pde = load32((directory & PAGE_MASK) | (gpa & ~PAGE_MASK));
    if ((pde & (P | A)) != (P | A) || (pde & PS && load32(s + VCPU_CR4) & PSE)) return 0;
    gpa = (pde & PAGE_MASK) | (linear >> 10 & 0xffc);
    u32 table = physical(s, gpa, structure);
    if (!table) return 0;
    u32 pte = load32((table & PAGE_MASK) | (gpa & ~PAGE_MASK));
    if (!(pte & P)) return 0;
    u32 writable = (pde & pte & (RW | US)) | (!user && !(load32(s + VCPU_CR0) & WP) ? RW : 0);
    if (error & ~writable) return 0;
    if ((A | (access & WRITE ? D : 0)) & ~pte) return 0;
    u32 found = physical(s, (pte & PAGE_MASK) | (linear & ~PAGE_MASK), access);
    if (!found) return 0;
    add64(s + VCPU_COUNTERS + 8 * COUNTER_WALK_GUEST, 2);
    add64(s + VCPU_COUNTERS + 8 * COUNTER_WALK_EPT, (directory >> 4 & 7) + (table >> 4 & 7) + (found >> 4 & 7));
    int writes = found & WRITE && found & FOUND_DIRTY && writable & RW && pte & D;
    return (found & PAGE_MASK) | TLB_HELD_VALID | (writes ? TLB_HELD_WRITE : 0) | (found & READ ? TLB_HELD_READ : 0) |
           (found & 4 ? TLB_HELD_EXECUTE : 0);
}
