/* Two-level page tables. Intel SDM Vol. 3A, 4.3 "32-Bit Paging". */
#include "machine.h"

u32 *table_entry(u32 *directory, u32 linear) {
    u32 *entry = &directory[linear >> 22];
    if (!*entry) *entry = (u32)heap(4096) | PAGE_PRESENT | PAGE_WRITE | PAGE_USER;
    return (u32 *)(*entry & PAGE_ADDRESS) + (linear >> 12 & 1023);
}

u32 *directory_new(u32 identity_bytes, u32 flags) {
    u32 *directory = heap(4096);
    for (u32 linear = 0; linear < identity_bytes; linear += 4096)
        *table_entry(directory, linear) = linear | flags | PAGE_PRESENT | PAGE_WRITE;
    return directory;
}

void paging_on(u32 *directory) {
    write_cr3((u32)directory);
    write_cr4(read_cr4() | CR4_PSE);
    write_cr0(read_cr0() | CR0_PG | CR0_WP);
}
