/* Reads by a device in C; see dma.ts. Arguments: vCPU, device, guest-physical address, pages, bytes, to, n. */
#include "walk.h"

static __attribute__((noinline)) u32 reads(u32 s, u32 device, u32 gpa, u32 pages, u32 bytes, u32 to, u32 n) {
    u32 sum = 0;
    for (u32 i = 0; i < n; i++) {
        u32 address = gpa + (i & (pages - 1)) * 4096;
        add64(device + DEVICE_COUNTS + 8 * DMA_READS, 1);
        add64(s + VCPU_COUNTERS + 8 * COUNTER_DMA, (bytes + 63) / 64);
        u32 found = physical(s, address, READ);
        if (!found) return 0;
        memcpy(flat + to, flat + (found & PAGE_MASK) + (address & 4095), bytes);
        add64(device + DEVICE_COUNTS + 8 * DMA_READ_BYTES, bytes);
        sum += load32(to);
    }
    return sum;
}

static u32 subject(void) {
    (void)translate;
    return reads(arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5], arguments[6]);
}
