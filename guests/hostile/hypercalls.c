/* Hypercalls of all numbers with random arguments and pointers, in and out of its memory (but none that may end it). */
#include "xen.h"

/* Answers of the hypervisor go where the arguments point: the words have pages of their own, the rest stays whole. */
static u32 numbers[2048] __attribute__((aligned(4096)));
static u32 seed;

static u32 wild(void) {
    u32 random = next_random(&seed);
    switch (random & 7) {
        case 0: return 0;
        case 1: return random >> 28;
        case 2: return memory_end - (random >> 28);
        case 3: return 0xffffffff - (random >> 28);
        case 4: return (u32)numbers;
        default: return next_random(&seed);
    }
}

static void one(u32 number) {
    hypercall(number, numbers[1], numbers[2], numbers[3], numbers[4], numbers[5]);
}

void program(void) {
    u32 n = argument("n", 20000), refused = 0, before;
    seed = seeded(argument("seed", 1));
    guard_start();
    for (u32 i = 0; i < n; i++) {
        u32 number = i & 1 ? i / 2 % 64 : wild();
        for (int k = 1; k < 6; k++) numbers[k] = wild();
        if (number == HYPERVISOR_SCHED_OP && numbers[1] - 1 < 4) numbers[1] += 4; /* no block, shutdown, poll */
        if (number == HYPERVISOR_MEMORY_OP && (numbers[1] & 63) == 1) numbers[1]++; /* keep the memory that it runs in */
        if (number == HYPERVISOR_GRANT_TABLE_OP) numbers[3] &= 0x80000003; /* statuses of no array all over its memory */
        if (number == HYPERVISOR_CONSOLE_IO) { /* more than there is, from near the end of memory or from where none is */
            numbers[2] |= 0x80000000;
            if (numbers[3] < memory_end) numbers[3] = memory_end - 16;
        }
        before = read_cr3();
        if (guarded(one, number)) refused++;
        if (read_cr3() != before) panic("CR3 changed");
    }
    remark("exceptions", refused); /* all, where there is no hypervisor */
    begin("hostile-hypercalls");
    end(mix(MIX_START, n));
}
