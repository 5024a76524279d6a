/*
 * Jumps `n` times into random bytes, in ring 3 behind page tables that show it those bytes and a stack alone. Exceptions and
 * the timer bring it back. What happens there is up to the bytes; that it ends is up to the machine.
 */
#include "machine.h"

#define CODE 0x40000000u
#define PAGES 16
#define STACK (CODE + (PAGES + 1) * 4096)

static u32 seed, left, vectors[256];
static u32 *garbage;

static void next(struct frame *frame) {
    if ((frame->cs & 3) != 3) panic("trap in the kernel");
    if (frame->vector == IRQ_BASE) end_of_interrupt();
    vectors[frame->vector]++;
    if (left-- == 0) {
        for (u32 vector = 0; vector < 256; vector++)
            if (vectors[vector]) remark("vector", vector), remark("  times", vectors[vector]);
        shutdown(SHUTDOWN_POWEROFF);
    }
    garbage[next_random(&seed) % (PAGES * 1024)] = next_random(&seed);
    *frame = (struct frame){
        .es = USER_DATA, .ds = USER_DATA, .eax = next_random(&seed), .ecx = next_random(&seed) & 0xffff,
        .edx = next_random(&seed), .ebx = CODE, .esi = CODE + 64, .edi = CODE + 128, .ebp = STACK - 512,
        .eip = CODE + next_random(&seed) % (PAGES * 4096), .cs = USER_CODE, .eflags = EFLAGS_IF | 2,
        .esp = STACK - 1024, .ss = USER_DATA,
    };
}

void program(void) {
    struct frame frame = {.cs = USER_CODE};
    u32 *directory = directory_new(memory_end, 0);
    left = argument("n", 20000);
    seed = seeded(argument("seed", 1));
    garbage = heap((PAGES + 1) * 4096);
    for (u32 i = 0; i < PAGES * 1024; i++) garbage[i] = next_random(&seed);
    for (u32 page = 0; page <= PAGES; page++)
        *table_entry(directory, CODE + page * 4096) = ((u32)garbage + page * 4096) | PAGE_PRESENT | PAGE_WRITE | PAGE_USER;
    tables_init();
    for (u32 vector = 0; vector < 32; vector++) on_trap(vector, next);
    paging_on(directory);
    timer_start(10000, next);
    next(&frame);
    enter_frame(&frame);
}
