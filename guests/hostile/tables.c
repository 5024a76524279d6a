/* Overwrites its own page directory with present entries that point anywhere, and reloads CR3: the next walk leaves the
 * guest's memory. */
#include "machine.h"

void program(void) {
    u32 *directory = directory_new(memory_end, 0), seed = seeded(argument("seed", 1));
    paging_on(directory);
    print("# page directory overwritten\n");
    for (u32 i = 0; i < 1024; i++) directory[i] = (next_random(&seed) & ~PAGE_SIZE) | 0x80000000 | PAGE_PRESENT;
    write_cr3((u32)directory);
    panic("still running");
}
