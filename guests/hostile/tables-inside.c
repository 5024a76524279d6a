/* Page tables of random words, but with addresses inside its own memory: `n` reads through them, faults counted. The image
 * and the page holding the directory are mapped properly. */
#include "machine.h"

static u32 seed, sum;

static void touch(u32 linear) { sum = mix(sum, *(volatile u32 *)linear); }

void program(void) {
    u32 n = argument("n", 20000), faults = 0;
    seed = seeded(argument("seed", 1));
    u32 *directory = directory_new(memory_end, 0), *tables = heap(16 * 4096);
    for (u32 i = 0; i < 16 * 1024; i++) tables[i] = next_random(&seed) % (memory_end - 0x100000) + 0x100000;
    for (u32 i = (memory_end + 0x3fffff) >> 22; i < 1024; i++)
        directory[i] = (u32)(tables + i % 16 * 1024) | (next_random(&seed) & 0x7f) | (next_random(&seed) & 3 ? PAGE_PRESENT : 0);
    guard_start();
    paging_on(directory);
    for (u32 i = 0; i < n; i++)
        if (guarded(touch, next_random(&seed) | 0x800000)) faults++;
    remark("faults", faults);
    remark("sum", sum);
}
