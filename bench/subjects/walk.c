/* Two-level × EPT walks in C. Arguments: vCPU, linear, pages, n. */
#include "walk.h"

static __attribute__((noinline)) u32 walks(u32 s, u32 linear, u32 pages, u32 n) {
    u32 sum = 0;
    for (u32 i = 0; i < n; i++) sum += translate(s, linear + (i & (pages - 1)) * 4096, READ, 0);
    return sum;
}

static u32 subject(void) { return walks(arguments[0], arguments[1], arguments[2], arguments[3]); }
