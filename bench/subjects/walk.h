/* The walks in C; see walk.ts. */
#include "harness.h"

enum { READ = 1, WRITE = 2, EXECUTE = 4, RIGHTS = 7, ACCESSED = 1 << 8, DIRTY = 1 << 9, EPTP_ACCESSED_DIRTY = 1 << 6 };
enum { P = 1, RW = 2, US = 4, A = 1 << 5, D = 1 << 6, PS = 1 << 7, WP = 1 << 16, PSE = 1 << 4, LEVELS = 4 };
#define RESERVED_HIGH 0x000fffff00000000ull

struct walk { /* what holds for all translations of a walk */
    u32 dram, size, flag;
};

static inline struct walk begin(u32 s) {
    return (struct walk){load32(HOST_DRAM), load32(HOST_FRAMES) << 12,
                         load32(s + VCPU_EPTP) & EPTP_ACCESSED_DIRTY ? ACCESSED : 0};
}

static inline u32 table(struct walk w, u32 address) {
    u64 entry = load64(address);
    if ((entry & (RESERVED_HIGH | 0xf8 | RIGHTS | w.flag)) != (RIGHTS | w.flag) || (u32)entry >= w.size) return 0;
    return w.dram + ((u32)entry & PAGE_MASK);
}

static inline u32 upper(struct walk w, u32 s, u32 gpa) {
    u32 root = load32(s + VCPU_EPTP) & PAGE_MASK;
    if (root >= w.size) return 0;
    u32 pointers = table(w, w.dram + root);
    return pointers ? table(w, pointers + (gpa >> 27 & 0x18)) : 0;
}

static inline u32 lower(struct walk w, u32 directory, u32 gpa, u32 needed) {
    u32 leaves = table(w, directory + (gpa >> 18 & 0xff8));
    if (!leaves) return 0;
    u64 leaf = load64(leaves + (gpa >> 9 & 0xff8));
    if ((leaf & (RESERVED_HIGH | 0x38 | READ | w.flag)) != (0x30 | READ | w.flag)) return 0;
    u32 machine = leaf & PAGE_MASK;
    if (needed & ~(u32)leaf || machine >= w.size) return 0;
    return (w.dram + machine) | (leaf & (RIGHTS | DIRTY)) | (w.flag ? 0 : DIRTY);
}

static inline u32 physical(u32 s, u32 gpa, u32 access) {
    struct walk w = begin(s);
    u32 directory = upper(w, s, gpa);
    if (!directory) return 0;
    u32 found = lower(w, directory, gpa, access | (w.flag && access & WRITE ? DIRTY : 0));
    if (!found) return 0;
    return (found & (PAGE_MASK | RIGHTS)) | (found & DIRTY ? FOUND_DIRTY : 0) | LEVELS << FOUND_REFERENCES_SHIFT;
}

static inline u32 translate(u32 s, u32 linear, u32 access, u32 user) {
    struct walk w = begin(s);
    u32 structure = w.flag ? READ | WRITE | DIRTY : READ;
    u32 gpa = (load32(s + VCPU_CR3) & PAGE_MASK) | (linear >> 20 & 0xffc), gib = gpa >> 30;
    u32 directory = upper(w, s, gpa);
    if (!directory) return 0;

    u32 found = lower(w, directory, gpa, structure);
    if (!found) return 0;
    u32 pde = load32((found & PAGE_MASK) | (gpa & ~PAGE_MASK));
    if ((pde & (P | A)) != (P | A) || (pde & PS && load32(s + VCPU_CR4) & PSE)) return 0;
    gpa = (pde & PAGE_MASK) | (linear >> 10 & 0xffc);
    if (gpa >> 30 != gib) return 0;
    found = lower(w, directory, gpa, structure);
    if (!found) return 0;
    u32 pte = load32((found & PAGE_MASK) | (gpa & ~PAGE_MASK));
    if ((pte & (P | A)) != (P | A)) return 0;

    u32 wanted = (access & WRITE) | user;
    u32 rights = (pde & pte & (RW | US)) | (!user && !(load32(s + VCPU_CR0) & WP) ? RW : 0);
    gpa = pte & PAGE_MASK;
    if (wanted & ~rights || (access & WRITE && !(pte & D)) || gpa >> 30 != gib) return 0;
    found = lower(w, directory, gpa, access | (w.flag && access & WRITE ? DIRTY : 0));
    if (!found) return 0;
    add64(s + VCPU_COUNTERS + 8 * COUNTER_WALK_GUEST, 2);
    add64(s + VCPU_COUNTERS + 8 * COUNTER_WALK_EPT, 3 * LEVELS);
    int writes = found & WRITE && found & DIRTY && rights & RW && pte & D;
    return (found & PAGE_MASK) | TLB_HELD_VALID | (writes ? TLB_HELD_WRITE : 0) | (found & READ ? TLB_HELD_READ : 0) |
           (found & EXECUTE ? TLB_HELD_EXECUTE : 0);
}
