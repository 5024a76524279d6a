/* Recurses until the stack runs into an absent page: #PF and #DF cannot push their frames, which is a triple fault. */
#include "machine.h"

static NOINLINE u32 deeper(u32 n) {
    volatile u32 local[16];
    local[n & 15] = n;
    return n ? deeper(n + 1) + local[n & 15] : 0;
}

void program(void) {
    u32 *directory = directory_new(memory_end, 0);
    u8 *stack = heap(5 * 4096);
    tables_init();
    *table_entry(directory, (u32)stack) = 0;
    paging_on(directory);
    print("# overflowing\n");
    __asm__ volatile("mov %0, %%esp; push $1; call *%1" : : "r"(stack + 5 * 4096), "r"(deeper) : "memory");
    panic("still running");
}
