/* EPT walks in C. Arguments: vCPU, guest-physical address, pages, n. */
#include "walk.h"

static __attribute__((noinline)) u32 walks(u32 s, u32 gpa, u32 pages, u32 n) {
    u32 sum = 0;
    for (u32 i = 0; i < n; i++) sum += physical(s, gpa + (i & (pages - 1)) * 4096, READ);
    return sum;
}

static u32 subject(void) {
    (void)translate;
    return walks(arguments[0], arguments[1], arguments[2], arguments[3]);
}
