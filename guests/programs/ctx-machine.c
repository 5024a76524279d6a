/* programs/ctx.h on the machine. `global=1` makes the kernel's pages global (CR4.PGE). */
#include "ctx.h"
#include "machine.h"

#define WINDOW 0x40000000u

static u32 *spaces[2];

void spaces_start(u32 pages) {
    u32 global = argument("global", 0);
    for (int i = 0; i < 2; i++) {
        u8 *frames = heap(pages * 4096);
        spaces[i] = directory_new(memory_end, global ? PAGE_GLOBAL : 0);
        for (u32 page = 0; page < pages; page++)
            *table_entry(spaces[i], WINDOW + page * 4096) = (u32)(frames + page * 4096) | PAGE_PRESENT | PAGE_WRITE;
    }
    paging_on(spaces[0]);
    if (global) write_cr4(read_cr4() | CR4_PGE);
}

volatile u32 *space_enter(u32 which) {
    write_cr3((u32)spaces[which]);
    return (volatile u32 *)WINDOW;
}
