/* TLB hits in C; see tlb-hit.ts. Arguments: vCPU, linear, stride, span, n. */
#include "harness.h"

static __attribute__((noinline)) u32 hits(u32 s, u32 linear, u32 stride, u32 span, u32 n) {
    u32 bank = load32(s + VCPU_TLB_BANK), sum = 0, offset = 0;
    for (u32 i = 0; i < n; i++) {
        u32 address = linear + offset, entry = bank + (address >> 8 & TLB_INDEX_MASK);
        if (load32(entry + TLB_TAG_R) != ((address + 3) & PAGE_MASK)) return ~0u;
        sum += load32(address + load32(entry + TLB_ADDEND));
        offset = (offset + stride) & (span - 1);
    }
    return sum;
}

static u32 subject(void) { return hits(arguments[0], arguments[1], arguments[2], arguments[3], arguments[4]); }
